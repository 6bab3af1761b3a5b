//! Two reports side by side: every figure that both have, how it changed, and whether that is good.

use serde::Serialize;

use super::LoadReport;
use super::figures::{Better, figures};
use super::format::{Unit, number};

/// A change smaller than this means little on a machine that does other things too.
pub const NOISE: f64 = 0.05;

/// What a change means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// Better.
    Better,
    /// Worse.
    Worse,
    /// Too little to mean anything.
    Noise,
    /// It changed, and that is neither good nor bad.
    Neutral,
}

impl Meaning {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Meaning::Better => "better",
            Meaning::Worse => "worse",
            Meaning::Noise => "about the same",
            Meaning::Neutral => "changed",
        }
    }
}

/// One figure of both.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// What it belongs to.
    pub group: &'static str,
    /// Its name.
    pub name: String,
    /// In the old report.
    pub old: f64,
    /// In the new one.
    pub new: f64,
    /// New divided by old; nothing where the old one is zero.
    pub ratio: Option<f64>,
    /// What it means.
    pub meaning: Meaning,
    /// How it is shown.
    #[serde(skip)]
    pub unit: Unit,
}

impl Change {
    /// The change in words: `+12 %`, `×3.20`.
    pub fn shown(&self) -> String {
        match self.ratio {
            None if self.new == self.old => "=".into(),
            None => "from nothing".into(),
            Some(ratio) if (0.5..2.0).contains(&ratio) => {
                let percent = (ratio - 1.0) * 100.0;
                let sign = if percent >= 0.0 { "+" } else { "−" };
                format!("{sign}{} %", number((percent.abs() * 10.0).round() / 10.0))
            }
            Some(ratio) => format!("×{}", number(ratio)),
        }
    }
}

/// The comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Every figure that both have.
    pub changes: Vec<Change>,
    /// What makes the two hard to compare.
    pub warnings: Vec<String>,
}

/// Compares `new` with `old`.
pub fn compare(new: &LoadReport, old: &LoadReport) -> Comparison {
    let before = figures(old);
    let changes = figures(new)
        .into_iter()
        .filter_map(|figure| {
            let old = before.iter().find(|old| old.group == figure.group && old.name == figure.name)?.value;
            let ratio = (old != 0.0).then(|| figure.value / old);
            Some(Change {
                meaning: meaning(old, figure.value, figure.better),
                group: figure.group,
                name: figure.name,
                old,
                new: figure.value,
                ratio,
                unit: figure.unit,
            })
        })
        .collect();
    Comparison { changes, warnings: warnings(new, old) }
}

fn meaning(old: f64, new: f64, better: Better) -> Meaning {
    if (new - old).abs() <= NOISE * old.abs() {
        return Meaning::Noise;
    }
    match better {
        Better::Neither => Meaning::Neutral,
        Better::More if new > old => Meaning::Better,
        Better::Less if new < old => Meaning::Better,
        Better::More | Better::Less => Meaning::Worse,
    }
}

fn warnings(new: &LoadReport, old: &LoadReport) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut differs = |what: &str, old: String, new: String| {
        if old != new {
            warnings.push(format!("{what} differs: {old} before, {new} now"));
        }
    };
    let (now, then) = (&new.ran, &old.ran);
    differs("the story", format!("{} (seed {})", then.story, then.seed), format!("{} (seed {})", now.story, now.seed));
    differs("the number of photos", number(then.count as f64), number(now.count as f64));
    differs("their size", then.size.clone(), now.size.clone());
    differs("the arrival", then.arrival.clone(), now.arrival.clone());
    differs("the machine's cores", then.host_cores.to_string(), now.host_cores.to_string());
    differs("where it ran", then.ports.clone(), now.ports.clone());
    let prices = |report: &LoadReport| report.costs.as_ref().map(|costs| costs.prices.clone());
    if let (Some(old), Some(new)) = (prices(old), prices(new))
        && old != new
    {
        warnings.push("the prices differ: costs changed with them".into());
    }
    warnings
}
