//! The control messages: small, and few.

use std::sync::Arc;

use actix::Message;

use crate::config::Settings;
use crate::queue::Depth;
use crate::telemetry::calls::Hung;

/// Sets how many photos a stage may work on at once.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct SetLimit(pub u64);

/// Take nothing new on and let what is in flight run to its end. The engine tells the supervisor, which tells each stage.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Drain;

/// Work by these settings from the next generation on, and have it follow now. The answer says whether one follows.
#[derive(Clone, Debug, Message)]
#[rtype(result = "bool")]
pub struct Reload(pub Arc<Settings>);

/// Stop at once; what is in flight is left to redelivery.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct StopNow;

/// A generation's workers have all ended: the actor is no longer needed.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Halt;

/// How far a stage is, at every tick while it lives.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Progress {
    /// Which stage.
    pub actor: &'static str,
    /// The generation it belongs to.
    pub generation: u64,
    /// Grows with everything that the stage is done with.
    pub steps: u64,
}

/// A worker ended. Its generation knows already whether that was a fault.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Ended {
    /// Which actor's worker.
    pub actor: &'static str,
    /// The generation it belonged to.
    pub generation: u64,
}

/// A call of the running generation hangs.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct StageHung(pub Hung);

/// The queue's depth, sampled for the autoscaler.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct DepthSampled(pub Depth);
