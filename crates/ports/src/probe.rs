//! How an adapter says, before work begins, what it may and may not do.

use async_trait::async_trait;

use scanmill_core::error::{Error, Result};

/// One thing an adapter tried before work begins.
#[derive(Debug)]
pub struct Finding {
    /// What was looked at: `queue`, `inbox bucket`, `COPY`.
    pub name: &'static str,
    /// What is well, or what is wrong with the remedy as hint: for a refusal the IAM action to allow.
    pub outcome: Result<String>,
}

impl Finding {
    /// Whether it keeps nobody from starting: see [`warning`].
    pub fn is_warning(&self) -> bool {
        let source = self.outcome.as_ref().err().and_then(std::error::Error::source);
        source.is_some_and(|source| source.is::<Warning>())
    }
}

/// Something to look at that may be meant so.
#[derive(Debug)]
struct Warning(String);

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Warning {}

/// The outcome of a [`Finding`] that is to be looked at and may be meant so: `check` warns, and `run` starts.
pub fn warning(message: impl Into<String>) -> Error {
    Error::transient("worth a look").with_source(Warning(message.into()))
}

/// An adapter that can say, changing nothing, whether it could do its work.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Tries every kind of call the engine will make, in a form that changes nothing. All findings, in a stable order.
    async fn probe(&self) -> Vec<Finding>;
}
