//! What `/state` shows of the actors, as one type: whoever reads it compares values and not paths into JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::autoscaler::AutoscalerState;
use super::batch_writer::BatchWriterState;
use super::decoder_pool::DecoderPoolState;
use super::fetcher::FetcherState;
use super::heic_lane::HeicLaneState;
use super::lease_keeper::LeaseKeeperState;
use super::loader::LoaderState;
use super::poller::PollerState;
use super::supervisor::SupervisorState;
use crate::flow::BudgetState;

/// Every actor's state, by its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActorStates {
    /// Receives messages.
    pub poller: StageState<PollerState>,
    /// Gets photos.
    pub fetcher: StageState<FetcherState>,
    /// Reads photos.
    pub decoder_pool: StageState<DecoderPoolState>,
    /// Gets and reads HEIC photos.
    pub heic_lane: StageState<HeicLaneState>,
    /// Gathers rows.
    pub batch_writer: StageState<BatchWriterState>,
    /// Loads batches.
    pub loader: StageState<LoaderState>,
    /// Keeps leases and settles messages.
    pub lease_keeper: StageState<LeaseKeeperState>,
    /// Sets limits.
    pub autoscaler: AutoscalerState,
    /// Starts and ends generations.
    pub supervisor: SupervisorState,
    /// What is known of the store's outages.
    pub store: StoreState,
}

/// A stage's state: what limits it, where something does, and what it counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageState<C> {
    /// Threads of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// How many photos it works on and may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs: Option<BudgetState>,
    /// What it counts.
    #[serde(flatten)]
    pub counters: C,
}

/// Outages of the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreState {
    /// Each bucket that was asked for something.
    pub buckets: BTreeMap<String, BucketState>,
    /// Why nothing is taken in, if so.
    pub stopped_by: Option<String>,
}

/// Whether a bucket can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketState {
    /// The circuit breaker's state, by its name.
    pub breaker: String,
    /// Photos that wait for it.
    pub photos_waiting_for_store: usize,
    /// Since when it cannot be read.
    pub down_seconds: Option<u64>,
    /// What was said last.
    pub cause: Option<String>,
}

/// The budgets of a generation, by their names in `/state`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetStates {
    /// Messages received and not yet acknowledged or given back.
    pub messages_in_flight: BudgetState,
    /// Photos being fetched.
    pub fetches: BudgetState,
    /// Photos in the decoder pool.
    pub decodes: BudgetState,
    /// HEIC photos being decoded.
    pub heic_decodes: BudgetState,
    /// The part of `decode_bytes` that HEIC photos have.
    pub heic_bytes: BudgetState,
    /// Batches being compressed and written.
    pub seals: BudgetState,
    /// Bytes of photo files in memory.
    pub fetched_bytes: BudgetState,
    /// Bytes of pixels and codec memory.
    pub decode_bytes: BudgetState,
}
