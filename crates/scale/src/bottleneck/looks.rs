//! Each stage by itself: how full it is, and what it would allow.

use super::words::{self, bytes, number, percent, time};
use super::{Ceiling, Looked, Signals, Stage, Use};

/// Part of the span from which on a full stage is the bottleneck.
const MOST: f64 = 0.5;
/// Mean use from which on workers are busy all the time: between two photos each has a moment of rest.
const BUSY: f64 = 0.9;
/// Part of throttled answers that the retries do not hide.
const THROTTLED: f64 = 0.02;

/// Every stage, from the end of the way to its beginning.
pub(super) fn all(seen: &Signals) -> Vec<Looked> {
    let mut looked = vec![loading(seen), sealing(seen), deletes(seen)];
    looked.extend(cpu(seen));
    looked.extend(memory(seen));
    looked.push(heic(seen));
    looked.extend(store(seen));
    looked.extend(in_flight(seen));
    looked
}

fn loading(seen: &Signals) -> Looked {
    let (behind, allowed) = seen.load_behind;
    let late = (behind - allowed).max(0.0);
    Looked {
        stage: Stage::Loading,
        share: late / (late + seen.span).max(1e-9),
        counts_from: 0.25,
        evidence: format!("rows came into the warehouse {} after they were durable", time(behind)),
        remedy: words::LOADING,
        ceiling: None,
    }
}

fn sealing(seen: &Signals) -> Looked {
    let of = seen.seals;
    Looked {
        stage: Stage::Sealing,
        share: of.share(),
        counts_from: BUSY,
        evidence: format!("{} of {} batches at once were being written", number(of.used), number(of.limit)),
        remedy: words::SEALING,
        ceiling: scaled(seen.rate, of),
    }
}

fn deletes(seen: &Signals) -> Looked {
    // Only where it keeps new messages from coming, or all calls are out and more waits.
    let is_out = seen.deletes.share() >= BUSY && seen.to_delete > seen.deletes.used * seen.deleted_per_call;
    let holds = seen.messages.full >= MOST && seen.to_delete >= seen.messages.limit * 0.5;
    let full =
        if is_out { seen.deletes.share() } else { seen.messages.full.min(seen.to_delete / seen.messages.limit * 2.0) };
    Looked {
        stage: Stage::Deletes,
        share: if is_out || holds { full.min(1.0) } else { 0.0 },
        counts_from: MOST,
        evidence: format!(
            "{} durable messages waited for their delete, {} of {} calls under way",
            number(seen.to_delete),
            number(seen.deletes.used),
            number(seen.deletes.limit)
        ),
        remedy: words::DELETES,
        ceiling: scaled(seen.rate, seen.deletes),
    }
}

fn cpu(seen: &Signals) -> [Looked; 3] {
    let Signals { cores, own_cores, all_cores, threads, rate, .. } = *seen;
    let used = format!(
        "of {} cores the engine used {}, everything else {}",
        number(cores),
        number(own_cores),
        number((all_cores - own_cores).max(0.0))
    );
    let of_cores = |used: f64| if cores > 0.0 { (used / cores).min(1.0) } else { 0.0 };
    let looked = |share, counts_from, evidence: String, remedy, ceiling| Looked {
        stage: Stage::Cpu,
        share,
        counts_from,
        evidence,
        remedy,
        ceiling,
    };
    let alone = (own_cores > 0.0).then(|| rate * cores / own_cores);
    let have_idle_cores = threads.limit < cores && of_cores(all_cores) < 0.8;
    let remedy = if have_idle_cores { words::THREADS } else { words::CORES };
    let at_work = format!("{} of {} decode threads were at work; {used}", number(threads.used), number(threads.limit));
    [
        looked(of_cores(own_cores), 0.8, used.clone(), words::CORES, alone),
        looked(of_cores(all_cores), 0.85, used, words::SHARED_CORES, alone),
        looked(threads.share(), BUSY, at_work, remedy, scaled(rate, threads)),
    ]
}

fn memory(seen: &Signals) -> [Looked; 2] {
    let of = |of: Use, key: &str, remedy| Looked {
        stage: Stage::Memory,
        share: of.full,
        counts_from: MOST,
        evidence: format!("{key} ({}) was full for {} of the time", bytes(of.limit), percent(of.full)),
        remedy,
        ceiling: scaled(seen.rate, of),
    };
    [
        of(seen.pixel_bytes, "memory.decode_bytes", words::PIXELS),
        of(seen.file_bytes, "memory.fetched_bytes", words::FILES),
    ]
}

fn heic(seen: &Signals) -> Looked {
    let of = seen.heic;
    Looked {
        stage: Stage::Heic,
        share: of.full,
        counts_from: MOST,
        evidence: format!(
            "all {} places of the lane were taken for {} of the time",
            number(of.limit),
            percent(of.full)
        ),
        remedy: words::HEIC,
        ceiling: None,
    }
}

/// What comes through the network, and how fast. Only looked at where decoders wait for photos: what is behind them came
/// before in the list.
fn store(seen: &Signals) -> [Looked; 3] {
    let Signals { fetches, most_fetches, get, shortest_get, network, rate, .. } = *seen;
    let is_at_most = fetches.limit >= most_fetches && most_fetches > 0.0;
    let is_slowed = shortest_get > 0.0 && get >= shortest_get * 3.0;
    let of_network = if network > 0.0 { (seen.fetched_bytes / network).min(1.0) } else { 0.0 };
    let carried = match network > 0.0 {
        true => format!("{}/s of {}/s were fetched", bytes(seen.fetched_bytes), bytes(network)),
        false => format!("{}/s were fetched", bytes(seen.fetched_bytes)),
    };
    let at_most = if is_at_most { fetches.full } else { 0.0 };
    let looked = |stage, share, counts_from, evidence, remedy, ceiling| Looked {
        stage,
        share,
        counts_from,
        evidence,
        remedy,
        ceiling,
    };
    let by_latency = (get > 0.0).then(|| most_fetches / get);
    [
        looked(
            Stage::StoreThrottled,
            // A full share of this measure is a part of throttled answers that is hard to work with.
            (seen.throttled / THROTTLED * MOST).min(1.0),
            MOST,
            format!("{} of the GETs were told to slow down", percent(seen.throttled)),
            words::THROTTLED,
            None,
        ),
        looked(
            Stage::Network,
            // Where nobody knows what it can carry: GETs that take longer the more of them there are.
            if is_at_most && is_slowed { at_most.max(of_network) } else { of_network },
            if is_at_most && is_slowed { MOST } else { 0.8 },
            format!("{carried}; a GET took {}, and {} when fewer were open", time(get), time(shortest_get)),
            words::NETWORK,
            (of_network > 0.0).then(|| rate / of_network),
        ),
        looked(
            Stage::StoreLatency,
            at_most,
            MOST,
            format!("all {} fetches allowed were under way; a GET took {}", number(most_fetches), time(get)),
            words::LATENCY,
            by_latency,
        ),
    ]
}

fn in_flight(seen: &Signals) -> [Looked; 2] {
    let (all, batch) = seen.in_flight;
    let of = seen.messages;
    let waits_for_batch = all > 0.0 && batch >= all * 0.5;
    let evidence = format!(
        "all {} messages allowed in flight were for {} of the time; of {} in flight a photo waited {} for its batch",
        number(of.limit),
        percent(of.full),
        time(all),
        time(batch)
    );
    let looked = |stage, is_it: bool, remedy| Looked {
        stage,
        share: if is_it { of.full } else { 0.0 },
        counts_from: MOST,
        evidence: evidence.clone(),
        remedy,
        ceiling: (all > 0.0).then(|| of.limit / all),
    };
    [
        looked(Stage::Sealing, waits_for_batch, words::BATCH_WAIT),
        looked(Stage::InFlight, !waits_for_batch, words::IN_FLIGHT),
    ]
}

/// The rate at which all of it would be in use.
fn scaled(rate: f64, of: Use) -> Option<f64> {
    (of.share() > 0.0).then(|| rate / of.share())
}

/// What each part would allow, the lowest first.
pub fn ceilings(seen: &Signals) -> Vec<Ceiling> {
    let mut ceilings = Vec::new();
    let mut add = |name, per_second: f64, formula| {
        if per_second.is_finite() && per_second > 0.0 {
            ceilings.push(Ceiling { name, per_second, formula });
        }
    };
    let Signals { rate, cores, own_cores, all_cores, .. } = *seen;
    if rate > 0.0 && own_cores > 0.0 {
        let photo = own_cores / rate;
        add("cores, the engine alone", cores / photo, format!("{} cores ÷ {} CPU a photo", number(cores), time(photo)));
        if all_cores > own_cores {
            let both = all_cores / rate;
            let formula = format!("{} cores ÷ {} CPU a photo, all there is counted", number(cores), time(both));
            add("cores, with all beside it", cores / both, formula);
        }
    }
    if rate > 0.0 && seen.threads.used > 0.0 {
        let decode = seen.threads.used / rate;
        let formula = format!("{} decode threads ÷ {}", number(seen.threads.limit), time(decode));
        add("decode threads", seen.threads.limit / decode, formula);
    }
    if seen.get > 0.0 {
        let formula = format!("{} fetches at once ÷ {}", number(seen.most_fetches), time(seen.get));
        add("fetches", seen.most_fetches / seen.get, formula);
    }
    if rate > 0.0 && seen.network > 0.0 {
        let photo = seen.fetched_bytes / rate;
        add("network", seen.network / photo, format!("{}/s ÷ {} a photo", bytes(seen.network), bytes(photo)));
    }
    let (all, _) = seen.in_flight;
    if all > 0.0 {
        for (name, most) in [
            ("messages in flight, this engine", seen.messages.limit),
            ("messages in flight, all engines on the queue", seen.queue_in_flight),
        ] {
            add(name, most / all, format!("{} in flight ÷ {} until durable", number(most), time(all)));
        }
    }
    ceilings.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    ceilings
}
