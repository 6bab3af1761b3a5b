//! From the pump's and the check's own types to those of the report.

use super::side::{Pace, PumpSide, VerdictSide};
use crate::pump::verify::Verdict;
use crate::pump::{PumpPlan, PumpReport};

impl PumpSide {
    /// What the pump says of a run by this plan.
    pub fn of(report: &PumpReport, plan: &PumpPlan) -> PumpSide {
        let pace = report.per_second_asked.map(|asked| Pace {
            asked: format!("{asked}/s"),
            asked_per_second: asked,
            achieved_per_second: report.per_second,
            held: report.per_second >= asked * 0.99,
            limit: None,
        });
        PumpSide {
            photos: report.photos,
            complete: report.complete,
            bytes: report.bytes,
            seconds: report.seconds,
            pace,
            put_per_second: report.per_second,
            makers: plan.threads as u64,
            make_cpu_seconds: report.make_cpu_seconds,
            cpu_seconds: report.make_cpu_seconds,
            ..PumpSide::default()
        }
    }
}

impl VerdictSide {
    /// What the check of the rows said.
    pub fn of(verdict: &Verdict) -> VerdictSide {
        VerdictSide {
            rows: verdict.rows,
            rejections: verdict.rejections,
            lost: verdict.lost,
            doubled: verdict.doubled,
            wrong: verdict.wrong,
        }
    }
}
