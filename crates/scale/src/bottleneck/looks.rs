//! Each stage by itself: how full it is, and what it would allow.

use super::words::{self, bytes, number, percent, time};
use super::{Ceiling, Looked, Signals, Stage, Use, not_contradicted};

/// Part of the span from which on a full stage is the bottleneck.
const MOST: f64 = 0.5;
/// Mean use from which on workers are busy all the time: between two photos each has a moment of rest.
const BUSY: f64 = 0.9;
/// Part of throttled answers that the retries do not hide.
const THROTTLED: f64 = 0.02;

/// Part of failed GETs from which on the store is as good as down.
const FAILED: f64 = 0.5;
/// Part of throttled GETs that costs more than it brings.
const MOSTLY_THROTTLED: f64 = 0.3;
/// Part of the cores from which on there are none left.
const ALL_CORES: f64 = 0.85;
/// From this many times its shortest time on a GET is slow.
const SLOWED: f64 = 3.0;
/// Seconds after which a GET without an answer is late, whatever GETs take.
const LATE_GET: f64 = 2.0;

/// What is down, and every stage, from the end of the way to its beginning.
pub(super) fn all(seen: &Signals) -> Vec<Looked> {
    let mut looked: Vec<Looked> = stopped(seen).into_iter().collect();
    looked.extend([loading(seen), sealing(seen), deletes(seen)]);
    looked.extend(cpu(seen));
    looked.extend(memory(seen));
    looked.push(heic(seen));
    looked.extend(store(seen));
    looked.extend(in_flight(seen));
    looked
}

fn stopped(seen: &Signals) -> Option<Looked> {
    let stopped = seen.stopped.as_ref()?;
    Some(Looked {
        stage: stopped.stage,
        share: 1.0,
        counts_from: MOST,
        evidence: stopped.why.clone(),
        remedy: match stopped.stage {
            Stage::QueueDown => words::QUEUE_DOWN,
            Stage::ResultsDown => words::RESULTS_DOWN,
            _ => words::STORE_DOWN,
        },
        ceiling: None,
        without_wait: true,
    })
}

fn loading(seen: &Signals) -> Looked {
    let (behind, allowed) = seen.load_behind;
    let late = (behind - allowed).max(0.0);
    Looked {
        stage: Stage::Loading,
        share: late / (late + seen.span).max(1e-9),
        counts_from: 0.25,
        evidence: match &seen.load_failing {
            Some(why) => format!("loading fails, and rows are {} behind: {why}", time(behind)),
            None => format!("rows came into the warehouse {} after they were durable", time(behind)),
        },
        remedy: if seen.load_failing.is_some() { words::LOAD_FAILING } else { words::LOADING },
        ceiling: None,
        without_wait: true,
    }
}

fn sealing(seen: &Signals) -> Looked {
    let of = seen.seals;
    Looked {
        stage: Stage::Sealing,
        // Below the most there may be, more of them are tried first.
        share: if of.limit >= seen.most_seals { of.share().min(1.0) } else { 0.0 },
        counts_from: BUSY,
        evidence: format!("{} of {} batches at once were being written", number(of.used), number(of.limit)),
        remedy: words::SEALING,
        ceiling: scaled(seen.rate, of),
        without_wait: false,
    }
}

fn deletes(seen: &Signals) -> Looked {
    // Only where it keeps new messages from coming, or all calls are out and more waits.
    let is_out = seen.deletes.share() >= BUSY && seen.to_delete > seen.deletes.used * seen.deleted_per_call;
    let holds = is_at_most_in_flight(seen) && seen.to_delete >= seen.messages.limit * 0.5;
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
        // Calls that are free would not be used by more photos: these wait for something else.
        ceiling: scaled(seen.rate, seen.deletes).filter(|_| is_out),
        without_wait: false,
    }
}

fn cpu(seen: &Signals) -> [Looked; 3] {
    let Signals { cores, own_cores, all_cores, threads, rate, throttled, .. } = *seen;
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
        without_wait: false,
    };
    let alone = (own_cores > 0.0).then(|| rate * cores / own_cores);
    let have_idle_cores = threads.limit < cores && of_cores(all_cores) < 0.8;
    let remedy = if have_idle_cores { words::THREADS } else { words::CORES };
    let at_work = format!("{} of {} decode threads were at work; {used}", number(threads.used), number(threads.limit));
    // GETs that are throttled cost CPU too.
    let own = if rate > 0.0 && throttled < MOSTLY_THROTTLED { of_cores(own_cores) } else { 0.0 };
    // What others use is missing here only where decoders want it, or where more fetches would bring no more.
    let all = if wants_cores(seen) { of_cores(all_cores) } else { 0.0 };
    [
        looked(own, 0.8, used.clone(), words::CORES, alone),
        looked(all, ALL_CORES, used, words::SHARED_CORES, alone),
        looked(threads.share(), BUSY, at_work, remedy, scaled(rate, threads)),
    ]
}

/// Whether all the fetches that there may ever be are in use.
fn is_at_most_fetches(seen: &Signals) -> bool {
    let of = seen.fetches;
    seen.most_fetches > 0.0 && of.limit >= seen.most_fetches && of.full >= MOST
}

/// Whether all the messages that there may ever be are in flight.
fn is_at_most_in_flight(seen: &Signals) -> bool {
    seen.messages.full >= MOST && seen.messages.limit >= seen.most_messages
}

/// Whether there is work for more cores than the engine has.
fn wants_cores(seen: &Signals) -> bool {
    let waits_for_memory = seen.pixel_bytes.full >= MOST || seen.file_bytes.full >= MOST;
    // Where all fetches allowed are under way photos come in waves, each of which waits a moment.
    let decodes_wait = seen.decodes_wait >= MOST && !waits_for_memory && !is_at_most_fetches(seen);
    // Where no more may be in flight more fetches have nothing to bring.
    let fetches_gain_nothing = seen.no_gain >= MOST && seen.throttled < THROTTLED && !is_at_most_in_flight(seen);
    seen.threads.share() >= BUSY || decodes_wait || fetches_gain_nothing
}

fn memory(seen: &Signals) -> [Looked; 2] {
    let of = |of: Use, key: &str, remedy| Looked {
        stage: Stage::Memory,
        share: of.full,
        counts_from: MOST,
        evidence: format!("{key} ({}) was full for {} of the time", bytes(of.limit), percent(of.full)),
        remedy,
        ceiling: scaled(seen.rate, of),
        without_wait: false,
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
        without_wait: false,
    }
}

/// What comes through the network, and how fast. Only looked at where decoders wait for photos: what is behind them came
/// before in the list.
fn store(seen: &Signals) -> [Looked; 6] {
    let Signals { fetches, most_fetches, get, shortest_get, network, rate, cores, all_cores, .. } = *seen;
    let (open, oldest) = seen.open_gets;
    let is_at_most = fetches.limit >= most_fetches && most_fetches > 0.0;
    let looked = |stage, share, counts_from, evidence, remedy, ceiling| Looked {
        stage,
        share,
        counts_from,
        evidence,
        remedy,
        ceiling,
        without_wait: false,
    };
    // What is brought by one more of them is known only where cores are left to bring it.
    let no_gain = if all_cores < cores * ALL_CORES { seen.no_gain } else { 0.0 };
    let of_network = if network > 0.0 { (seen.fetched_bytes / network).min(1.0) } else { 0.0 };
    let fetched = bytes(seen.fetched_bytes);
    let (share, counts_from, carried) = match network > 0.0 {
        true => (of_network, 0.8, format!("{fetched}/s of {}/s were fetched", bytes(network))),
        false => (no_gain, MOST, format!("{fetched}/s were fetched, and more GETs at once brought no more")),
    };
    let slowed = match shortest_get > 0.0 && get > shortest_get {
        true => format!("; a GET took {}, and {} at best", time(get), time(shortest_get)),
        false => format!("; a GET took {}", time(get)),
    };
    let nobody_answers = seen.lately_ended == 0.0 && open >= 1.0 && oldest >= LATE_GET.max(shortest_get * 3.0);
    [
        looked(
            Stage::StoreDown,
            seen.failed,
            FAILED,
            format!("{} of the GETs failed", percent(seen.failed)),
            words::STORE_DOWN,
            None,
        ),
        looked(
            Stage::StoreThrottled,
            // A full share of this measure is a part of throttled answers that is hard to work with.
            (seen.throttled / THROTTLED * MOST).min(1.0),
            MOST,
            format!("{} of the GETs were told to slow down", percent(seen.throttled)),
            words::THROTTLED,
            None,
        ),
        Looked {
            without_wait: true,
            ..looked(
                Stage::StoreLatency,
                if nobody_answers { 1.0 } else { 0.0 },
                MOST,
                format!("{} GETs are open, and none was answered; the oldest began {} ago", number(open), time(oldest)),
                words::UNANSWERED,
                None,
            )
        },
        looked(
            Stage::Network,
            share,
            counts_from,
            carried + slowed.as_str(),
            words::NETWORK,
            (of_network > 0.0).then(|| rate / of_network),
        ),
        looked(
            Stage::StoreLatency,
            if is_at_most { fetches.full } else { 0.0 },
            MOST,
            format!("all {} fetches allowed were under way; a GET took {}", number(most_fetches), time(get)),
            words::LATENCY,
            (get > 0.0).then(|| most_fetches / get),
        ),
        looked(
            Stage::StoreLatency,
            // The limit follows the time of a GET, as long as it takes to find out how far.
            if get >= shortest_get * SLOWED && shortest_get > 0.0 { fetches.full } else { 0.0 },
            MOST,
            format!("all {} fetches of now were under way{slowed}", number(fetches.limit)),
            words::LATENCY,
            None,
        ),
    ]
}

fn in_flight(seen: &Signals) -> [Looked; 2] {
    let (all, batch) = seen.in_flight;
    let of = seen.messages;
    let waits_for_batch = all > 0.0 && batch >= all * 0.5;
    let full = format!("all {} messages allowed in flight were for {} of the time", number(of.limit), percent(of.full));
    let evidence = match all > 0.0 {
        true => format!("{full}; of {} in flight a photo waited {} for its batch", time(all), time(batch)),
        false => full + ", and none came through",
    };
    // Where nothing comes through, what is in flight is not too little but stuck.
    let is_stuck = seen.rate == 0.0 && seen.open_gets.0 >= of.used * 0.5;
    let is_at_most = of.limit >= seen.most_messages;
    let looked = |stage, is_it: bool, remedy| Looked {
        stage,
        share: if is_it && is_at_most { of.full } else { 0.0 },
        counts_from: MOST,
        evidence: evidence.clone(),
        remedy,
        without_wait: false,
        ceiling: (all > 0.0).then(|| of.limit / all),
    };
    [
        looked(Stage::Sealing, waits_for_batch, words::BATCH_WAIT),
        looked(Stage::InFlight, !waits_for_batch && !is_stuck, words::IN_FLIGHT),
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
        if let Some(per_second) = not_contradicted(per_second, seen.rate) {
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
