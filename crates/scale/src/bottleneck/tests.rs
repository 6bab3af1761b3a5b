//! Each stage by table: what is seen and what is named.

use super::*;

/// An engine at work that nothing holds.
fn busy() -> Signals {
    let quiet = |limit: f64| Use { limit, used: limit / 10.0, full: 0.0 };
    Signals {
        stopped: None,
        rate: 1_000.0,
        wait: 5.0,
        waiting: (4_000.0, 1_000.0),
        load_behind: (2.0, 7.0),
        span: 5.0,
        load_failing: None,
        seals: quiet(2.0),
        most_seals: 2.0,
        deletes: quiet(640.0),
        to_delete: 50.0,
        deleted_per_call: 10.0,
        cores: 16.0,
        own_cores: 2.0,
        all_cores: 3.0,
        threads: quiet(16.0),
        decodes_wait: 0.2,
        pixel_bytes: quiet(8e9),
        file_bytes: quiet(2e9),
        heic: quiet(4.0),
        fetches: quiet(64.0),
        most_fetches: 1_200.0,
        no_gain: 0.0,
        get: 0.03,
        shortest_get: 0.03,
        open_gets: (30.0, 0.05),
        lately_ended: 2_000.0,
        throttled: 0.0,
        failed: 0.0,
        fetched_bytes: 5e7,
        network: 0.0,
        messages: quiet(12_800.0),
        most_messages: 12_800.0,
        queue_in_flight: 120_000.0,
        in_flight: (1.5, 1.0),
    }
}

/// Down, in the words of whoever found it so.
fn down(stage: Stage) -> Option<Stopped> {
    Some(Stopped { stage, why: "it failed 3 times in a row, for 5 s: 503".to_owned() })
}

/// Beside a compiler that takes whatever cores are left.
fn beside_others() -> Signals {
    Signals { all_cores: 15.9, ..busy() }
}

/// Nothing comes through.
fn still() -> Signals {
    Signals {
        rate: 0.0,
        wait: 3_600.0,
        fetched_bytes: 0.0,
        get: 0.0,
        lately_ended: 0.0,
        in_flight: (0.0, 0.0),
        ..busy()
    }
}

fn full(limit: f64) -> Use {
    Use { limit, used: limit, full: 1.0 }
}

#[test]
fn each_stage_is_named_with_evidence_and_remedy() {
    let at_most = || Signals { fetches: full(1_200.0), ..busy() };
    let throttled = || Signals { throttled: 0.62, fetches: full(16.0), ..busy() };
    for (expected, seen) in [
        (Stage::Loading, Signals { load_behind: (60.0, 7.0), ..busy() }),
        (Stage::Loading, Signals { load_behind: (60.0, 7.0), wait: 0.0, ..busy() }),
        (Stage::Sealing, Signals { seals: full(2.0), ..busy() }),
        // More batches at once are tried first.
        (Stage::Receiving, Signals { seals: full(2.0), most_seals: 12.0, ..busy() }),
        (Stage::Sealing, Signals { messages: full(12_800.0), in_flight: (2.0, 1.5), ..busy() }),
        (Stage::Deletes, Signals { deletes: full(640.0), to_delete: 9_000.0, ..busy() }),
        (Stage::Deletes, Signals { messages: full(12_800.0), to_delete: 9_000.0, ..busy() }),
        (Stage::Cpu, Signals { own_cores: 15.0, ..busy() }),
        // Others take the cores: that counts where decoders want them, or where more fetches bring no more.
        (Stage::Cpu, Signals { threads: Use { limit: 16.0, used: 14.5, full: 0.0 }, ..beside_others() }),
        (Stage::Cpu, Signals { decodes_wait: 0.9, ..beside_others() }),
        (Stage::Cpu, Signals { no_gain: 1.0, ..beside_others() }),
        (Stage::StoreThrottled, Signals { all_cores: 15.9, ..throttled() }),
        (Stage::StoreThrottled, Signals { own_cores: 15.0, all_cores: 15.9, ..throttled() }),
        (Stage::StoreLatency, Signals { all_cores: 15.9, ..at_most() }),
        (Stage::StoreLatency, Signals { all_cores: 15.9, open_gets: (64.0, 5.0), ..still() }),
        (Stage::StoreLatency, Signals { all_cores: 15.9, decodes_wait: 0.6, ..at_most() }),
        (Stage::Receiving, beside_others()),
        (Stage::Receiving, Signals { all_cores: 15.9, open_gets: (0.0, 0.0), ..still() }),
        (Stage::Memory, Signals { decodes_wait: 0.9, pixel_bytes: full(8e9), ..beside_others() }),
        (Stage::Cpu, Signals { threads: full(16.0), ..busy() }),
        (Stage::Memory, Signals { pixel_bytes: full(8e9), ..busy() }),
        (Stage::Memory, Signals { file_bytes: full(2e9), ..busy() }),
        (Stage::Heic, Signals { heic: full(4.0), ..busy() }),
        (Stage::Network, Signals { network: 6e7, ..busy() }),
        (Stage::Network, Signals { get: 0.2, no_gain: 1.0, ..busy() }),
        // More fetches brought more up to the most there may be: what they wait for is the store.
        (Stage::StoreLatency, Signals { get: 0.2, ..at_most() }),
        (Stage::StoreLatency, Signals { get: 1.5, rate: 800.0, shortest_get: 0.015, ..at_most() }),
        (Stage::StoreThrottled, Signals { throttled: 0.3, ..busy() }),
        (Stage::StoreLatency, at_most()),
        // The limit is on its way up after GETs that have become slow.
        (Stage::StoreLatency, Signals { get: 1.5, fetches: full(64.0), ..busy() }),
        (Stage::InFlight, Signals { messages: full(12_800.0), in_flight: (9.0, 1.0), ..busy() }),
        (Stage::InFlight, Signals { messages: full(12_800.0), in_flight: (9.0, 1.0), no_gain: 1.0, ..beside_others() }),
        (Stage::Receiving, busy()),
        // Few are taken until a first batch is durable, and what was full before that says nothing of the limit of now.
        (Stage::Receiving, Signals { messages: full(64.0), in_flight: (9.0, 1.0), ..busy() }),
        // A limit below the most it may be is the autoscaler's choice.
        (Stage::Receiving, Signals { fetches: full(64.0), ..busy() }),
        (Stage::QueueEmpty, Signals { wait: 0.01, ..busy() }),
        (Stage::QueueEmpty, Signals { wait: 0.01, threads: full(16.0), ..busy() }),
        (Stage::QueueEmpty, Signals::default()),
        // What is down comes first, whatever waits or does not.
        (Stage::StoreDown, Signals { stopped: down(Stage::StoreDown), ..still() }),
        (Stage::StoreDown, Signals { stopped: down(Stage::StoreDown), threads: full(16.0), all_cores: 16.0, ..busy() }),
        (Stage::QueueDown, Signals { stopped: down(Stage::QueueDown), ..Signals::default() }),
        (Stage::ResultsDown, Signals { stopped: down(Stage::ResultsDown), load_behind: (60.0, 7.0), ..still() }),
        (Stage::ResultsDown, Signals { stopped: down(Stage::ResultsDown), wait: 0.0, ..busy() }),
        (Stage::StoreDown, Signals { failed: 0.9, lately_ended: 40.0, ..still() }),
        // All there is hangs or is told to slow down.
        (Stage::StoreLatency, Signals { wait: 0.0, open_gets: (60.0, 9.0), ..still() }),
        (Stage::StoreThrottled, Signals { throttled: 1.0, lately_ended: 40.0, ..still() }),
        // At a start, before they are late: places kept for messages that are being asked for fill the rest.
        (Stage::Receiving, Signals { open_gets: (52.0, 0.9), messages: full(64.0), to_delete: 0.0, ..still() }),
        // One photo that takes long, where nothing waits.
        (Stage::QueueEmpty, Signals { wait: 0.0, open_gets: (0.3, 0.5), ..still() }),
    ] {
        let found = find(&seen);
        assert_eq!(found.stage, expected, "{}", found.evidence);
        assert!(!found.title.is_empty() && !found.evidence.is_empty() && !found.remedy.is_empty());
        assert!(found.looked_at.iter().all(|looked| (0.0..=1.0).contains(&looked.share)), "{:?}", found.looked_at);
    }
}

#[test]
fn a_load_that_fails_is_told_with_what_was_said() {
    let slow = Signals { load_behind: (60.0, 7.0), ..busy() };
    let failing = Signals { load_failing: Some("COPY: S3ServiceException AccessDenied".into()), ..slow.clone() };
    let (slow, failing) = (find(&slow), find(&failing));
    assert_eq!((slow.stage, failing.stage), (Stage::Loading, Stage::Loading));
    assert!(slow.remedy.contains("load.max_batches"), "{}", slow.remedy);
    assert!(failing.evidence.ends_with("AccessDenied") && !failing.remedy.contains("max_batches"), "{failing:?}");
}

#[test]
fn the_last_full_stage_of_the_way_is_named_for_it_fills_those_before() {
    let mut seen = Signals {
        threads: full(16.0),
        pixel_bytes: full(8e9),
        fetches: full(1_200.0),
        messages: full(12_800.0),
        ..busy()
    };
    assert_eq!(find(&seen).stage, Stage::Cpu);
    seen.threads = busy().threads;
    assert_eq!(find(&seen).stage, Stage::Memory);
    seen.pixel_bytes = busy().pixel_bytes;
    assert_eq!(find(&seen).stage, Stage::StoreLatency);
}

#[test]
fn threads_that_leave_cores_idle_have_another_remedy() {
    let found = find(&Signals { threads: full(4.0), ..busy() });
    assert!(found.remedy.contains("decode.threads"), "{}", found.remedy);
    assert_eq!(found.ceiling, Some(1_000.0));
    let found = find(&Signals { threads: full(16.0), ..busy() });
    assert!(!found.remedy.contains("decode.threads"), "{}", found.remedy);
}

#[test]
fn ceilings_follow_their_formula() {
    let ceilings = ceilings(&busy());
    let of = |name: &str| ceilings.iter().find(|ceiling| ceiling.name.contains(name)).unwrap().per_second;
    for (name, expected) in [
        ("alone", 8_000.0),
        ("all beside", 16_000.0 / 3.0),
        ("threads", 10_000.0),
        ("fetches", 40_000.0),
        ("this engine", 12_800.0 / 1.5),
        ("all engines", 80_000.0),
    ] {
        assert!((of(name) - expected).abs() < 1e-6, "{name} {}", of(name));
    }
    assert!(ceilings.is_sorted_by(|a, b| a.per_second <= b.per_second));
    assert!(super::ceilings(&Signals::default()).is_empty());
}

#[test]
fn no_ceiling_is_nothing_or_below_what_is_measured() {
    let deletes = Use { limit: 640.0, used: 2.5, full: 0.0 };
    for (expected, seen) in [
        (None, Signals { threads: full(16.0), ..still() }),
        (None, Signals { deletes, messages: full(12_800.0), to_delete: 9_000.0, ..busy() }),
        (Some(1_000.0), Signals { deletes: full(640.0), to_delete: 9_000.0, ..busy() }),
        (Some(800.0), Signals { fetches: full(1_200.0), get: 1.5, rate: 790.0, ..busy() }),
        // A little less than what came through, and so much less that it cannot be.
        (Some(820.0), Signals { fetches: full(1_200.0), get: 1.5, rate: 820.0, ..busy() }),
        (None, Signals { fetches: full(1_200.0), get: 1.5, rate: 8_000.0, ..busy() }),
    ] {
        assert_eq!(find(&seen).ceiling, expected, "{seen:?}");
        assert!(ceilings(&seen).iter().all(|ceiling| ceiling.per_second >= seen.rate && ceiling.per_second > 0.0));
    }
}

#[test]
fn what_is_said_of_a_standstill_holds() {
    let empty_handed = find(&Signals { waiting: (7.0, 0.0), open_gets: (0.0, 0.0), ..still() });
    assert_eq!(empty_handed.evidence, "the queue told of 7 messages, and receives brought none");
    let in_flight = Signals { messages: full(12_800.0), ..still() };
    for seen in [still(), in_flight, Signals { wait: 0.0, ..still() }, Signals { open_gets: (64.0, 9.0), ..still() }] {
        let found = find(&seen);
        assert!(!found.evidence.contains("3600") && found.ceiling.is_none(), "{}", found.evidence);
    }
    let down = find(&Signals { stopped: down(Stage::QueueDown), ..still() });
    assert!(down.evidence.contains("for 5 s: 503") && down.remedy.contains("queue"), "{down:?}");
}
