//! The words and figures of what is named.

use super::{Signals, Stage};

/// What a stage is called when it limits the rate.
pub(super) fn title(stage: Stage) -> &'static str {
    match stage {
        Stage::StoreDown => "the store is down",
        Stage::QueueDown => "the queue is down",
        Stage::ResultsDown => "results cannot be written",
        Stage::Loading => "loading into the warehouse",
        Stage::Sealing => "sealing batches",
        Stage::Deletes => "deleting messages from the queue",
        Stage::Cpu => "CPU",
        Stage::Memory => "memory",
        Stage::Heic => "the lane of HEIC photos",
        Stage::Network => "the network",
        Stage::StoreThrottled => "the store throttles",
        Stage::StoreLatency => "the store's latency",
        Stage::InFlight => "messages in flight",
        Stage::Receiving => "getting messages from the queue",
        Stage::QueueEmpty => "none: the engine keeps up with the queue",
    }
}

pub(super) const STORE_DOWN: &str = "look at the bucket, its permissions and the way to it; photos wait with their leases kept, and go on by themselves";
pub(super) const QUEUE_DOWN: &str =
    "look at the queue, the credentials and the way to it; receiving is tried again and goes on by itself";
pub(super) const RESULTS_DOWN: &str =
    "look at the results bucket, its permissions or its disk; writing is tried again, and no message is deleted before";
pub(super) const LOADING: &str = "raise load.max_batches and batch.max_rows, so that each load takes more rows";
pub(super) const LOAD_FAILING: &str =
    "look at the warehouse, its permissions and the way to it; loading is tried again, and no durable batch is lost";
pub(super) const SEALING: &str =
    "look at the results bucket's latency; with output.per_photo_json each photo costs a PUT";
pub(super) const BATCH_WAIT: &str = "lower batch.max_age_ms or batch.max_rows, or raise queue.max_in_flight";
pub(super) const DELETES: &str =
    "look at the queue's latency and errors; an engine in the queue's region has it shorter";
pub(super) const THREADS: &str = "raise decode.threads: cores are idle meanwhile";
pub(super) const CORES: &str = "more or faster cores, or a second engine on the same queue";
pub(super) const SHARED_CORES: &str =
    "run what else is on this machine elsewhere: what it takes the engine does not get";
pub(super) const PIXELS: &str = "raise memory.decode_bytes, or take a machine with more memory";
pub(super) const FILES: &str = "raise memory.fetched_bytes, or take a machine with more memory";
pub(super) const HEIC: &str = "raise decode.heic_at_once, where most photos are HEIC";
pub(super) const NETWORK: &str =
    "a machine with more network, or a second engine on the same queue; if neither helps, the store gives no more";
pub(super) const THROTTLED: &str = "spread keys over more prefixes, or have the bucket's request rate raised";
pub(super) const LATENCY: &str = "raise scale.max_fetches, or move the engine nearer to the bucket";
pub(super) const UNANSWERED: &str = "look at the store and the way to it: open GETs wait until they time out";
pub(super) const IN_FLIGHT: &str = "raise queue.max_in_flight";
pub(super) const RECEIVING: &str =
    "look at the queue's own latency, and at restarts and errors; several engines share one queue";
pub(super) const QUEUE_EMPTY: &str = "nothing to do";

/// Why nothing limits the rate.
pub(super) fn nothing_waits(seen: &Signals) -> String {
    match seen.rate > 0.0 {
        true => format!("at {}/s a photo waits {} for its turn", number(seen.rate), time(seen.wait)),
        false if seen.open_gets.0 > 0.0 || seen.threads.used > 0.0 => "photos are worked on, and none waits".to_owned(),
        false => "no photo arrives".to_owned(),
    }
}

/// What is seen where photos wait and no stage is full.
pub(super) fn no_stage_is_full(seen: &Signals) -> String {
    let (in_queue, within) = seen.waiting;
    match seen.rate > 0.0 {
        true => {
            format!("at {}/s a photo waits {} for its turn, and no stage was full", number(seen.rate), time(seen.wait))
        }
        false if within < 1.0 => format!("the queue told of {} messages, and receives brought none", number(in_queue)),
        false => format!("{} photos wait, none came through, and no stage was full", number(within + in_queue)),
    }
}

/// A figure for people: three digits, thousands set apart.
pub(super) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match rest.trim_end_matches('0') {
        "" => grouped,
        rest => format!("{grouped}.{rest}"),
    }
}

/// Seconds for people.
pub(super) fn time(seconds: f64) -> String {
    if seconds >= 1.0 { format!("{seconds:.1} s") } else { format!("{} ms", number(seconds * 1e3)) }
}

/// Bytes for people.
pub(super) fn bytes(count: f64) -> String {
    const UNITS: [(f64, &str); 3] = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    match UNITS.iter().find(|(size, _)| count >= *size) {
        Some((size, unit)) => format!("{} {unit}", number(count / size)),
        None => format!("{count:.0} bytes"),
    }
}

/// A share as a percentage.
pub(super) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        for (value, expected) in [
            (0.0, "0"),
            (2.0, "2"),
            (0.126, "0.13"),
            (12.34, "12.3"),
            (120_000.0, "120,000"),
            (1_234_567.8, "1,234,568"),
        ] {
            assert_eq!(number(value), expected);
        }
        assert_eq!((time(0.015), time(2.5)), ("15 ms".into(), "2.5 s".into()));
        assert_eq!((bytes(5e7), bytes(12.0)), ("50 MB".into(), "12 bytes".into()));
    }
}
