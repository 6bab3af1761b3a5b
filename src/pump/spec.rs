//! STAND-IN until `story/original.rs` is here, which reads both of the original's files.

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::Deserialize;

use crate::error::{Error, Result};

/// The orchestrator's specification of the application that this one replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrchestratorSpec {
    /// First moment.
    pub from: Timestamp,
    /// First moment after it.
    pub to: Timestamp,
    /// Stamps.
    pub count: u64,
}

/// Reads it.
///
/// # Errors
/// What is no such specification.
pub fn parse_orchestrator(text: &str) -> Result<OrchestratorSpec> {
    #[derive(Deserialize)]
    struct Raw {
        start_date: String,
        end_date: String,
        count: u64,
    }
    let raw: Raw = serde_json::from_str(text).map_err(|error| Error::permanent("not what it must be").source(error))?;
    let moment = |text: &str| {
        let civil: civil::DateTime =
            text.parse().map_err(|error| Error::permanent(format!("`{text}` is no date")).source(error))?;
        let zoned = civil.to_zoned(TimeZone::UTC);
        zoned.map(|at| at.timestamp()).map_err(|error| Error::permanent("a date out of range").source(error))
    };
    Ok(OrchestratorSpec { from: moment(&raw.start_date)?, to: moment(&raw.end_date)?, count: raw.count })
}
