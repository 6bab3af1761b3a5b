//! What the machine, the store and the queue do, a millisecond at a time.

use scanmill_scale::seal;

use super::{CALLS, Scenario};

pub struct Machine {
    of: Scenario,
    pub now: usize,
    pub ready: u64,
    receiving: u64,
    /// Messages that receives under way will bring.
    asked: u64,
    receives_wanted: u64,
    pub unopened: u64,
    pub opened: u64,
    pub fetch_limit: u64,
    fetching: u64,
    /// Photos that hold a permit: fetching, waiting for their next try, or fetched.
    pub fetch_permits: u64,
    pub fetched: u64,
    pub decode_limit: u64,
    pub decode_permits: u64,
    decoding: u64,
    open_rows: u64,
    opened_at: usize,
    pub seal_limit: u64,
    pub sealing: u64,
    /// The writer waits for a batch to end, and takes no rows.
    seal_waits: bool,
    /// Milliseconds in which it did.
    pub seal_waited: u64,
    to_delete: u64,
    deleting: u64,
    pub in_flight: u64,
    pub answered: u64,
    pub throttled: u64,
    pub brought: u64,
    /// GETs that the store would answer at once: a bucket that fills evenly and holds a twentieth of a second.
    store_tokens: f64,
    burst_left: u64,
    /// Millisecond at which the network has brought what was asked of it.
    network_free_at: f64,
    random: u64,
    /// By millisecond: what comes then.
    received: Vec<u64>,
    got: Vec<u64>,
    refused: Vec<u64>,
    retried: Vec<u64>,
    failed: Vec<u64>,
    decoded: Vec<u64>,
    sealed: Vec<u64>,
    /// Batches that end then.
    seals: Vec<u64>,
    deleted: Vec<u64>,
}

impl Machine {
    pub fn new(of: Scenario) -> Machine {
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
            seal_limit: seal::LEAST,
            sealing: 0,
            seal_waits: false,
            seal_waited: 0,
            to_delete: 0,
            deleting: 0,
            in_flight: 0,
            answered: 0,
            throttled: 0,
            brought: 0,
            store_tokens: 0.0,
            burst_left: of.burst.map_or(0, |(_, count)| count),
            network_free_at: 0.0,
            random: 0x9E37_79B9_7F4A_7C15,
            received: events(),
            got: events(),
            refused: events(),
            retried: events(),
            failed: events(),
            decoded: events(),
            sealed: events(),
            seals: events(),
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
        let over = self.of.store_capacity.is_some() && self.store_tokens < 1.0;
        let in_burst = self.of.burst.is_some_and(|(at, _)| self.now >= at * 1_000) && self.burst_left > 0;
        if in_burst {
            self.burst_left -= 1;
        }
        let is_throttled = over || in_burst || self.random() < self.of.throttled_share;
        if !is_throttled {
            self.store_tokens -= 1.0;
        }
        is_throttled
    }

    /// When the network has brought one photo more.
    fn network_brings(&mut self) -> usize {
        let Some(gbit) = self.of.network_gbit else { return 0 };
        self.network_free_at = self.network_free_at.max(self.now as f64) + self.of.photo_kb as f64 / (gbit * 125.0);
        self.network_free_at as usize
    }

    fn start_get(&mut self) {
        self.fetching += 1;
        let is_within =
            |span: Option<(usize, usize)>| span.filter(|(from, to)| (from * 1_000..to * 1_000).contains(&self.now));
        if let Some((_, to)) = is_within(self.of.hangs) {
            self.failed[to * 1_000] += 1;
        } else if is_within(self.of.fails).is_some() {
            self.failed[self.now + 10] += 1;
        } else if self.is_throttled() {
            self.refused[self.now + 10] += 1;
        } else {
            // A tail: one in ten takes twice as long.
            let slow = self.random() < 0.1;
            let answer = self.now + self.of.get_ms * if slow { 2 } else { 1 };
            let brought = self.network_brings();
            let got = answer.max(brought).min(self.got.len() - 1);
            self.got[got] += 1;
        }
    }

    /// A millisecond.
    pub fn step(&mut self, max_in_flight: u64, max_rows: u64, most_ahead: u64) -> u64 {
        let now = self.now;
        if let Some(capacity) = self.of.store_capacity.map(|capacity| capacity as f64) {
            self.store_tokens = (self.store_tokens + capacity / 1_000.0).min(capacity / 20.0);
        }
        // Spread over the second.
        let [before, after] = [now, now + 1].map(|ms| self.of.arrivals_in(now / 1_000) * (ms % 1_000) as u64 / 1_000);
        self.ready += if after < before { self.of.arrivals_in(now / 1_000) - before } else { after - before };
        self.deleting -= self.deleted[now].div_ceil(10);
        self.in_flight -= self.deleted[now];
        self.to_delete += self.sealed[now];
        let done = self.decoded[now];
        self.decoding -= done;
        self.decode_permits -= done;
        if done > 0 && self.open_rows == 0 {
            self.opened_at = now;
        }
        // What ends as nothing is given back and comes again.
        let poison =
            (0..done).filter(|_| self.of.poison_share > 0.0 && self.random() < self.of.poison_share).count() as u64;
        self.in_flight -= poison;
        self.ready += poison;
        self.open_rows += done - poison;
        self.sealing -= self.seals[now];
        let is_due = self.open_rows >= max_rows || (self.open_rows > 0 && now - self.opened_at >= 2_000);
        self.seal_waits = is_due && self.sealing >= self.seal_limit;
        self.seal_waited += u64::from(self.seal_waits);
        if is_due && !self.seal_waits {
            self.sealed[now + self.of.put_ms] += self.open_rows;
            self.seals[now + self.of.put_ms] += 1;
            self.sealing += 1;
            self.open_rows = 0;
        }
        while self.to_delete > 0 && self.deleting < CALLS {
            let count = self.to_delete.min(10);
            self.to_delete -= count;
            self.deleting += 1;
            self.deleted[now + self.of.sqs_ms] += count;
        }
        // Throttled GETs wait before their next try and keep their permit.
        self.answered += self.got[now] + self.refused[now] + self.failed[now];
        self.brought += self.got[now];
        self.throttled += self.refused[now];
        self.fetched += self.got[now];
        self.fetching -= self.got[now] + self.refused[now] + self.failed[now];
        for _ in 0..self.refused[now] + self.failed[now] {
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
        while !self.seal_waits && self.decoding < self.of.threads && self.decoding < self.decode_permits {
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
