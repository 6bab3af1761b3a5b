//! Leases last as long as the work, however long that is; each test counts deliveries that came a second time.

use std::time::Duration;

use scanmill::error::Error;

use super::support::{Place, Script, When, idle, qr_png};

fn disk_full() -> Error {
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    Error::io("cannot write", std::path::Path::new("/the/test"), full)
}

fn broken() -> Error {
    Error::permanent("broken for good, says the test")
}

fn place_with(photos: usize) -> (Place, Vec<String>) {
    let mut place = Place::new();
    place.settings.queue.visibility_timeout = Duration::from_secs(1);
    place.settings.batch.max_rows = 1;
    (place, (0..photos).map(|index| format!("{index}.png")).collect())
}

fn fill(place: &Place, keys: &[String]) {
    let photo = qr_png("https://shop.example/p/1");
    place.put(&place.ports(), &keys.iter().map(|key| (key.as_str(), photo.clone())).collect::<Vec<_>>());
}

fn each_has_its_row(place: &Place, keys: &[String]) {
    let (scans, rejections) = place.rows(&place.ports());
    assert_eq!(scans.len(), keys.len(), "{rejections:?}");
    assert!(scans.values().all(|payloads| payloads.len() == 1), "doubled");
    assert!(rejections.is_empty(), "{rejections:?}");
}

#[test]
fn what_is_received_stays_leased_while_a_full_disk_holds_everything_up() {
    // More photos than fit between the poller and a seal that waits: the poller itself stands still with messages.
    let (mut place, keys) = place_with(90);
    place.settings.scale.max_fetches = 2;
    place.settings.scale.max_decodes = 1;
    fill(&place, &keys);
    let script = Script::default().plan("put", usize::MAX, When::Before, disk_full);
    let ports = place.ports();
    place.run(&script.over(&ports), async |engine| {
        // Several leases long.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let mut others = Vec::new();
        loop {
            let messages = ports.queue.receive(10, Duration::ZERO).await.unwrap();
            if messages.is_empty() {
                break;
            }
            others.extend(messages);
        }
        assert!(others.iter().all(|message| message.receive_count == 1), "taken from the engine while it had them");
        let receipts: Vec<_> = others.into_iter().map(|message| message.receipt).collect();
        ports.queue.extend(&receipts, Duration::ZERO).await.unwrap();
        script.heal("put");
        idle(&engine, 60).await;
    });
    each_has_its_row(&place, &keys);
}

#[test]
fn slow_deletes_do_not_keep_other_leases_from_being_extended() {
    let (place, keys) = place_with(8);
    fill(&place, &keys);
    let script =
        Script::default().slow("put", Duration::from_millis(1_500)).slow("delete", Duration::from_millis(1_500));
    place.run(&script.over(&place.ports()), async |engine| idle(&engine, 60).await);
    assert_eq!(script.redelivered(), 0);
    each_has_its_row(&place, &keys);
}

#[test]
fn a_results_folder_that_refuses_costs_no_delivery() {
    // Two deliveries are all a message has, so work thrown away twice would end it as given up.
    let (mut place, keys) = place_with(4);
    place.settings.queue.max_receives = 1;
    place.settings.queue.dead_letter_after = 2;
    fill(&place, &keys);
    let script = Script::default().plan("put", 8, When::Before, broken);
    place.run(&script.over(&place.ports()), async |engine| idle(&engine, 60).await);
    assert_eq!(script.redelivered(), 0);
    each_has_its_row(&place, &keys);
}
