//! The real decisions against modelled machines in simulated time: each file in `scenarios/` says what the machine, the
//! store and the load are, and which figures must come out.

use std::path::Path;
use std::time::Duration;

use scanmill_scale::{Bounds, Permits, decode, fetch, receive};
use serde::Deserialize;

/// Simulated milliseconds between two ticks of the autoscaler.
const TICK: usize = 500;
/// What the SQS adapter allows at once, of receives and of deletes.
const CALLS: u64 = 640;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    threads: u64,
    decode_ms: usize,
    get_ms: usize,
    sqs_ms: usize,
    #[serde(default = "fifty")]
    put_ms: usize,
    seconds: usize,
    /// Messages in the queue at the start.
    #[serde(default)]
    backlog: u64,
    /// Messages that come each second.
    #[serde(default)]
    arrivals: u64,
    /// Share of GETs that are throttled, whatever is asked.
    #[serde(default)]
    throttled_share: f64,
    /// GETs a second the store answers; more are throttled.
    #[serde(default)]
    store_capacity: Option<u64>,
    /// From this second on, so many GETs are throttled.
    #[serde(default)]
    burst: Option<(usize, u64)>,
    expect: Expect,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// Rate over the second half of the time, of the ideal.
    of_ideal: f64,
    /// Second from which on every two seconds bring nine tenths of the ideal.
    settled_by: usize,
    /// Most messages in flight at any time.
    in_flight: u64,
}

fn fifty() -> usize {
    50
}

/// A second of the run.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    photos: u64,
    in_flight: u64,
    limit: u64,
}

struct Machine {
    of: Scenario,
    now: usize,
    ready: u64,
    receiving: u64,
    /// Messages that receives under way will bring.
    asked: u64,
    receives_wanted: u64,
    unopened: u64,
    opened: u64,
    fetch_limit: u64,
    fetching: u64,
    /// Photos that hold a permit: fetching, waiting for their next try, or fetched.
    fetch_permits: u64,
    fetched: u64,
    decode_limit: u64,
    decode_permits: u64,
    decoding: u64,
    open_rows: u64,
    opened_at: usize,
    to_delete: u64,
    deleting: u64,
    in_flight: u64,
    answered: u64,
    throttled: u64,
    started_in_second: u64,
    burst_left: u64,
    random: u64,
    /// By millisecond: what comes then.
    received: Vec<u64>,
    got: Vec<u64>,
    refused: Vec<u64>,
    retried: Vec<u64>,
    decoded: Vec<u64>,
    sealed: Vec<u64>,
    deleted: Vec<u64>,
}

impl Machine {
    fn new(of: Scenario) -> Machine {
        let length = of.seconds * 1_000 + 20_000;
        let events = || vec![0; length];
        Machine {
            now: 0,
            ready: of.backlog,
            receiving: 0,
            asked: 0,
            receives_wanted: 1,
            unopened: 0,
            opened: 0,
            fetch_limit: 2,
            fetching: 0,
            fetch_permits: 0,
            fetched: 0,
            decode_limit: 1,
            decode_permits: 0,
            decoding: 0,
            open_rows: 0,
            opened_at: 0,
            to_delete: 0,
            deleting: 0,
            in_flight: 0,
            answered: 0,
            throttled: 0,
            started_in_second: 0,
            burst_left: of.burst.map_or(0, |(_, count)| count),
            random: 0x9E37_79B9_7F4A_7C15,
            received: events(),
            got: events(),
            refused: events(),
            retried: events(),
            decoded: events(),
            sealed: events(),
            deleted: events(),
            of,
        }
    }

    fn random(&mut self) -> f64 {
        // SplitMix64: enough for shares, the same in every run.
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn is_throttled(&mut self) -> bool {
        self.started_in_second += 1;
        let over = self.of.store_capacity.is_some_and(|most| self.started_in_second > most / 10);
        let in_burst = self.of.burst.is_some_and(|(at, _)| self.now >= at * 1_000) && self.burst_left > 0;
        if in_burst {
            self.burst_left -= 1;
        }
        let share = self.of.throttled_share;
        over || in_burst || self.random() < share
    }

    fn start_get(&mut self) {
        self.fetching += 1;
        if self.is_throttled() {
            self.refused[self.now + 10] += 1;
        } else {
            // A tail: one in ten takes twice as long.
            let slow = self.random() < 0.1;
            self.got[self.now + self.of.get_ms * if slow { 2 } else { 1 }] += 1;
        }
    }

    /// A millisecond.
    fn step(&mut self, max_in_flight: u64, max_rows: u64, most_ahead: u64) -> u64 {
        let now = self.now;
        if now.is_multiple_of(100) {
            self.started_in_second = 0;
        }
        if now.is_multiple_of(1_000) {
            self.ready += self.of.arrivals;
        }
        self.deleting -= self.deleted[now].div_ceil(10);
        self.in_flight -= self.deleted[now];
        self.to_delete += self.sealed[now];
        let done = self.decoded[now];
        self.decoding -= done;
        self.decode_permits -= done;
        if done > 0 && self.open_rows == 0 {
            self.opened_at = now;
        }
        self.open_rows += done;
        if self.open_rows >= max_rows || (self.open_rows > 0 && now - self.opened_at >= 2_000) {
            self.sealed[now + self.of.put_ms] += self.open_rows;
            self.open_rows = 0;
        }
        while self.to_delete > 0 && self.deleting < CALLS {
            let count = self.to_delete.min(10);
            self.to_delete -= count;
            self.deleting += 1;
            self.deleted[now + self.of.sqs_ms] += count;
        }
        // Throttled GETs wait before their next try and keep their permit.
        self.answered += self.got[now] + self.refused[now];
        self.throttled += self.refused[now];
        self.fetched += self.got[now];
        self.fetching -= self.got[now] + self.refused[now];
        for _ in 0..self.refused[now] {
            let wait = 50 + (self.random() * 100.0) as usize;
            self.retried[now + wait] += 1;
        }
        for _ in 0..self.retried[now] {
            self.start_get();
        }
        while self.fetched > 0 && self.decode_permits < self.decode_limit {
            self.fetched -= 1;
            self.fetch_permits -= 1;
            self.decode_permits += 1;
        }
        while self.decoding < self.of.threads && self.decoding < self.decode_permits {
            self.decoding += 1;
            self.decoded[now + self.of.decode_ms] += 1;
        }
        while self.unopened > 0 && self.fetch_permits < self.fetch_limit {
            self.unopened -= 1;
            self.opened += 1;
            self.fetch_permits += 1;
            self.start_get();
        }
        if self.received[now] > 0 {
            self.receiving -= self.received[now].div_ceil(10);
            self.asked -= self.received[now];
            self.unopened += self.received[now];
            self.receives_wanted = (self.receives_wanted * 2).min(CALLS);
        }
        while self.receiving < self.receives_wanted
            && self.ready > 0
            && self.unopened + self.asked < most_ahead
            && self.in_flight + 10 <= max_in_flight
        {
            let count = self.ready.min(10);
            self.ready -= count;
            self.in_flight += count;
            self.receiving += 1;
            self.asked += count;
            self.received[now + self.of.sqs_ms] += count;
        }
        self.now += 1;
        done
    }
}

/// Runs a scenario with the limits that `auto` gives the machine.
fn run(of: &Scenario) -> Vec<Second> {
    let max_in_flight = (of.threads * 800).clamp(10_000, 60_000);
    let max_rows = (of.threads * 50).clamp(5_000, 10_000).min(max_in_flight / 3);
    // As `config::machine` chooses.
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
        second.in_flight = second.in_flight.max(machine.in_flight);
        second.limit = machine.fetch_limit;
        if !(now + 1).is_multiple_of(TICK) {
            continue;
        }
        let opened = (machine.opened - opened_before) as f64 / (TICK as f64 / 1_000.0);
        opened_before = machine.opened;
        most_ahead = receive::most_ahead(opened, Duration::from_millis(of.sqs_ms as u64), machine.fetch_limit);
        let permits = |limit, in_use, waiting| Permits { limit, in_use, waiting };
        let waits = u64::from(machine.unopened > 0 && machine.fetch_permits >= machine.fetch_limit);
        let waits_for_decoder = u64::from(machine.fetched > 0);
        let seen = fetch::Seen {
            has_backlog: machine.ready > 0,
            permits: permits(machine.fetch_limit, machine.fetch_permits, waits),
            at_work: machine.fetch_permits - machine.fetched,
            decodes: permits(machine.decode_limit, machine.decode_permits, waits_for_decoder),
            answered: std::mem::take(&mut machine.answered),
            throttled: std::mem::take(&mut machine.throttled),
        };
        (machine.fetch_limit, _) = controller.tick(&seen, fetches);
        machine.decode_limit = decode::next_limit(machine.ready > 0, seen.decodes, decodes);
    }
    seconds
}

/// Photos a second that the scarcest part allows.
fn ideal(of: &Scenario) -> f64 {
    let mut ideal = of.threads as f64 * 1_000.0 / of.decode_ms as f64;
    if let Some(capacity) = of.store_capacity {
        ideal = ideal.min(capacity as f64);
    }
    if of.arrivals > 0 && of.backlog == 0 {
        ideal = ideal.min(of.arrivals as f64);
    }
    ideal
}

#[test]
fn every_scenario_ends_within_its_ranges() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 12, "the scenarios were not found");
    let mut failed = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let of: Scenario =
            toml::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let seconds = run(&of);
        let ideal = ideal(&of);
        let half = &seconds[seconds.len() / 2..];
        let share = half.iter().map(|second| second.photos as f64).sum::<f64>() / half.len() as f64 / ideal;
        let slow =
            seconds.windows(2).rposition(|two| two.iter().map(|s| s.photos).sum::<u64>() as f64 * 0.5 < ideal * 0.9);
        let settled = slow.map_or(0, |second| second + 1);
        let in_flight = seconds.iter().map(|second| second.in_flight).max().unwrap_or(0);
        let last = seconds.last().copied().unwrap_or_default();
        eprintln!(
            "{name}: {share:.3} of {ideal:.0}/s, settled after {settled} s, in flight at most {in_flight}, {} fetches at the end",
            last.limit
        );
        let Expect { of_ideal, settled_by, in_flight: most } = of.expect;
        if share < of_ideal || settled > settled_by || in_flight > most {
            let limits: Vec<String> = seconds.iter().map(|s| format!("{}@{}", s.photos, s.limit)).collect();
            failed.push(format!(
                "{name}: share {share:.3} settled {settled} in flight {in_flight}\n  {}",
                limits.join(" ")
            ));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
