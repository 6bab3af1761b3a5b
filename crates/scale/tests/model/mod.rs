//! A modelled machine that the real decisions drive in simulated time, and what came of it.

mod machine;

use std::path::Path;
use std::time::Duration;

use machine::Machine;
use scanmill_scale::{Bounds, Permits, decode, fetch, receive, seal};
use serde::Deserialize;

/// Simulated milliseconds between two ticks of the autoscaler.
const TICK: usize = 500;
/// What the SQS adapter allows at once, of receives and of deletes.
const CALLS: u64 = 640;
/// A GET takes so much longer on average than most do: one in ten takes twice as long.
const GET_TAIL: f64 = 1.1;

/// What a file in `scenarios/` says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    threads: u64,
    decode_ms: usize,
    get_ms: usize,
    sqs_ms: usize,
    #[serde(default = "fifty")]
    put_ms: usize,
    /// Rows of a batch, where the settings say so.
    #[serde(default)]
    max_rows: Option<u64>,
    seconds: usize,
    /// Messages in the queue at the start.
    #[serde(default)]
    backlog: u64,
    /// Messages that come each second, on average.
    #[serde(default)]
    arrivals: u64,
    /// The arrivals rise and fall with this period, from a tenth to nearly twice their average.
    #[serde(default)]
    day_seconds: Option<usize>,
    /// Share of GETs that are throttled, whatever is asked.
    #[serde(default)]
    throttled_share: f64,
    /// GETs a second the store answers; more are throttled.
    #[serde(default)]
    store_capacity: Option<u64>,
    /// From this second on, so many GETs are throttled.
    #[serde(default)]
    burst: Option<(usize, u64)>,
    /// From this second to that, GETs fail.
    #[serde(default)]
    fails: Option<(usize, usize)>,
    /// From this second to that, GETs are not answered.
    #[serde(default)]
    hangs: Option<(usize, usize)>,
    /// Size of a photo, for the network.
    #[serde(default = "fifty")]
    photo_kb: usize,
    /// The network; without it any amount passes at once.
    #[serde(default)]
    network_gbit: Option<f64>,
    /// Share of photos that end as nothing and come again.
    #[serde(default)]
    poison_share: f64,
    expect: Expect,
}

/// Which figures must come out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Rate over the second half of the time, of the ideal.
    pub of_ideal: f64,
    /// Second from which on every two seconds bring nine tenths of the ideal.
    pub settled_by: usize,
    /// Most messages in flight at any time.
    pub in_flight: u64,
    /// Most that the fetch limit may swing over the last third, of its mean there.
    #[serde(default = "half")]
    pub swing: f64,
    /// Most that the fetch limit may be at any time.
    #[serde(default = "any")]
    pub limit: u64,
    /// Most of the GETs of the second half that may be throttled.
    #[serde(default = "all")]
    pub throttled: f64,
}

fn fifty() -> usize {
    50
}

fn half() -> f64 {
    0.5
}

fn any() -> u64 {
    u64::MAX
}

fn all() -> f64 {
    1.0
}

/// A second of the run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Second {
    /// Photos decoded.
    pub photos: u64,
    /// Photos that the scarcest part allows.
    pub ideal: f64,
    /// Most messages in flight.
    pub in_flight: u64,
    /// The limit on fetches at its end.
    pub limit: u64,
    /// GETs answered, and those of them that were throttled.
    pub gets: (u64, u64),
}

/// What came of a scenario.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The file's name.
    pub name: String,
    /// What was asked.
    pub expect: Expect,
    /// Second by second.
    pub seconds: Vec<Second>,
}

impl Outcome {
    /// Rate over the second half of the time, of the ideal; 1 where there was nothing to do.
    pub fn share(&self) -> f64 {
        let half = self.seconds.get(self.seconds.len() / 2..).unwrap_or_default();
        let ideal: f64 = half.iter().map(|second| second.ideal).sum();
        if ideal > 0.0 { half.iter().map(|second| second.photos as f64).sum::<f64>() / ideal } else { 1.0 }
    }

    /// Second from which on every two bring nine tenths of the ideal.
    pub fn settled(&self) -> usize {
        let is_slow = |two: &[Second]| {
            two.iter().map(|it| it.photos as f64).sum::<f64>() < two.iter().map(|it| it.ideal).sum::<f64>() * 0.9
        };
        self.seconds.windows(2).rposition(is_slow).map_or(0, |second| second + 1)
    }

    /// Most messages in flight at any time.
    pub fn in_flight(&self) -> u64 {
        self.seconds.iter().map(|second| second.in_flight).max().unwrap_or(0)
    }

    /// Largest less smallest fetch limit over the last third, of their mean: what oscillates swings.
    pub fn swing(&self) -> f64 {
        let last = self.seconds.get(self.seconds.len() * 2 / 3..).unwrap_or_default();
        let limits = || last.iter().map(|second| second.limit as f64);
        let mean = limits().sum::<f64>() / last.len().max(1) as f64;
        (limits().fold(0.0, f64::max) - limits().fold(f64::MAX, f64::min)) / mean.max(1.0)
    }

    /// Highest fetch limit.
    pub fn limit(&self) -> u64 {
        self.seconds.iter().map(|second| second.limit).max().unwrap_or(0)
    }

    /// Share of the GETs of the second half that were throttled.
    pub fn throttled(&self) -> f64 {
        let half = self.seconds.get(self.seconds.len() / 2..).unwrap_or_default();
        let (answered, throttled) =
            half.iter().fold((0, 0), |sum, second| (sum.0 + second.gets.0, sum.1 + second.gets.1));
        throttled as f64 / answered.max(1) as f64
    }

    /// In a line.
    pub fn words(&self) -> String {
        let last = self.seconds.last().copied().unwrap_or_default();
        format!(
            "{}: {:.3} of {:.0}/s, settled after {} s, in flight at most {}, {} fetches at the end and {} at most, swing {:.2}, \
             {:.2} throttled",
            self.name,
            self.share(),
            last.ideal,
            self.settled(),
            self.in_flight(),
            last.limit,
            self.limit(),
            self.swing(),
            self.throttled(),
        )
    }

    /// Whether the figures are those that were asked.
    pub fn is_as_expected(&self) -> bool {
        self.share() >= self.expect.of_ideal
            && self.settled() <= self.expect.settled_by
            && self.in_flight() <= self.expect.in_flight
            && self.swing() <= self.expect.swing
            && self.limit() <= self.expect.limit
            && self.throttled() <= self.expect.throttled
    }
}

/// Runs every scenario in `scenarios/`, in the order of their names.
pub fn run_all() -> Vec<Outcome> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 12, "the scenarios were not found");
    files
        .into_iter()
        .map(|file| {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&file).unwrap();
            let of: Scenario = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            Outcome { seconds: run(&of), name, expect: of.expect }
        })
        .collect()
}

/// Runs a scenario with the limits that `auto` gives the machine.
fn run(of: &Scenario) -> Vec<Second> {
    // As `config::machine` chooses.
    let max_in_flight = (of.threads * 800).clamp(10_000, 60_000);
    let max_rows = of.max_rows.unwrap_or((of.threads * 50).clamp(5_000, 10_000)).min(max_in_flight / 3);
    let fetches = Bounds { min: 2, max: (of.threads * 75).clamp(64, 8_192) };
    let decodes = Bounds { min: 1, max: of.threads * 2 };
    let mut machine = Machine::new(of.clone());
    let mut controller = fetch::Controller::default();
    let mut seconds = vec![Second::default(); of.seconds];
    let mut most_ahead = 64;
    let mut opened_before = 0;
    for now in 0..of.seconds * 1_000 {
        let done = machine.step(max_in_flight, max_rows, most_ahead);
        let second = &mut seconds[now / 1_000];
        second.photos += done;
        second.ideal = ideal(of, now / 1_000, fetches.max);
        second.in_flight = second.in_flight.max(machine.in_flight);
        second.limit = machine.fetch_limit;
        if !(now + 1).is_multiple_of(TICK) {
            continue;
        }
        let (answered, throttled) = (std::mem::take(&mut machine.answered), std::mem::take(&mut machine.throttled));
        second.gets = (second.gets.0 + answered, second.gets.1 + throttled);
        let opened = (machine.opened - opened_before) as f64 / (TICK as f64 / 1_000.0);
        opened_before = machine.opened;
        most_ahead = receive::most_ahead(opened, Duration::from_millis(of.sqs_ms as u64), machine.fetch_limit);
        let permits = |limit, in_use, waiting| Permits { limit, in_use, waiting };
        let waits = u64::from(machine.unopened > 0 && machine.fetch_permits >= machine.fetch_limit);
        let waits_for_decoder = u64::from(machine.fetched > 0);
        let seen = fetch::FetchSample {
            has_backlog: machine.ready > 0,
            permits: permits(machine.fetch_limit, machine.fetch_permits, waits),
            at_work: machine.fetch_permits - machine.fetched,
            decodes: permits(machine.decode_limit, machine.decode_permits, waits_for_decoder),
            answered,
            throttled,
            brought: std::mem::take(&mut machine.brought),
        };
        (machine.fetch_limit, _) = controller.tick(&seen, fetches);
        machine.decode_limit = decode::next_limit(machine.ready > 0, seen.decodes, decodes);
        let seals = permits(machine.seal_limit, machine.sealing, std::mem::take(&mut machine.seal_waited));
        machine.seal_limit = seal::next_limit(seals, seal::bounds(max_in_flight, max_rows));
    }
    seconds
}

/// Photos that the scarcest part allows in a second.
fn ideal(of: &Scenario, second: usize, most_fetches: u64) -> f64 {
    let per_second = |count: u64, ms: f64| count as f64 * 1_000.0 / ms;
    let mut ideal = per_second(of.threads, of.decode_ms as f64)
        .min(per_second(most_fetches, of.get_ms as f64 * GET_TAIL))
        .min(per_second(CALLS * 10, of.sqs_ms as f64));
    if let Some(capacity) = of.store_capacity {
        ideal = ideal.min(capacity as f64);
    }
    if let Some(gbit) = of.network_gbit {
        ideal = ideal.min(gbit * 125_000.0 / of.photo_kb as f64);
    }
    if [of.fails, of.hangs].into_iter().flatten().any(|(from, to)| (from..=to).contains(&second)) {
        return 0.0;
    }
    if of.backlog == 0 {
        ideal = ideal.min(of.arrivals_in(second) as f64);
    }
    ideal
}

impl Scenario {
    /// Messages that come in a second.
    fn arrivals_in(&self, second: usize) -> u64 {
        let Some(day) = self.day_seconds else { return self.arrivals };
        let turn = second as f64 / day as f64 * std::f64::consts::TAU;
        (self.arrivals as f64 * (1.0 - 0.9 * turn.cos())) as u64
    }
}
