//! `verify` takes the same memory for any number of photos.
//!
//! An allocator counts what all threads hold. SQLite's own memory is not in it; its page cache has a fixed size.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use scanmill::pump::cities::Cities;
use scanmill::pump::latency::LatencyRecorder;
use scanmill::pump::verify::{VerifyOptions, verify_with};

mod verify_support;

use verify_support::{photo, sqlite_warehouse, write_key};

const PHOTOS: u64 = 200_000;
/// Sixteen for sorting, the rest for pages of rows.
const MOST: usize = 48 << 20;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn more(bytes: usize) {
    let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(held, Ordering::Relaxed);
}

// SAFETY: the system's allocator does everything, as it was asked.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        more(layout.size());
        // SAFETY: as asked of us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as asked of us.
        unsafe { System.dealloc(place, layout) }
    }
}

#[test]
fn two_hundred_thousand_photos_are_verified_in_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key.jsonl");
    // A worker that died put every tenth photo once more, and its message was worked on again.
    write_key(&key, (0..PHOTOS).chain((0..PHOTOS).step_by(10)).map(photo));
    assert!(std::fs::metadata(&key).unwrap().len() > 2 * MOST as u64, "the key must not fit into the bound");
    let warehouse = sqlite_warehouse(&folder.path().join("warehouse.sqlite"), (0..PHOTOS).map(photo));
    // A flood of rows of one photo, of one text and of many.
    let flood = rusqlite::Connection::open(folder.path().join("warehouse.sqlite")).unwrap();
    let columns: Vec<&str> = scanmill::domain::columns::scan_columns().map(|column| column.name).collect();
    let columns = columns.join(", ");
    for payload in ["payload", "'https://flood.example/' || n"] {
        let selected = columns.replace("scan_id", "'flood' || n").replacen("payload", payload, 1);
        let sql = format!(
            "WITH RECURSIVE many(n) AS (SELECT {} UNION ALL SELECT n + 1 FROM many WHERE n % 20000 < 19999)
             INSERT INTO scans ({columns}) SELECT {selected} FROM scans, many WHERE object_key = ?1 AND scan_id NOT LIKE 'flood%'",
            if payload == "payload" { 0 } else { 20_000 },
        );
        assert_eq!(flood.execute(&sql, [photo(1).key]).unwrap(), 20_000);
    }
    drop(flood);

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (mut cities, mut latencies) = (Cities::default(), LatencyRecorder::new().unwrap());
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let options = VerifyOptions { scratch: Some(folder.path().to_owned()), ..VerifyOptions::default() };
    let verdict = runtime
        .block_on(verify_with(&[key], &warehouse, &options, &mut [&mut cities, &mut latencies], |_| {}))
        .unwrap();
    let peak = PEAK.load(Ordering::Relaxed) - before;
    assert!(peak < MOST, "{peak} bytes");
    assert!(peak > 1 << 20, "{peak} bytes: nothing was counted");

    assert_eq!((verdict.photos, verdict.repeated), (PHOTOS, PHOTOS / 10));
    assert_eq!((verdict.lost, verdict.doubled, verdict.wrong), (0, 20_000, 20_000));
    assert_eq!(verdict.rows + verdict.rejections, verdict.expected + 40_000);
    assert_eq!(verdict.differences.len() as u64 + verdict.not_listed, 1 + 20_000);
    assert!(verdict.differences.iter().all(|difference| difference.key == photo(1).key));

    let latencies = latencies.finish();
    assert_eq!(latencies.measured_from.due, PHOTOS);
    let durable = latencies.upload_to_durable;
    // A batch is sealed half a second after its last photo, and its first one came 2 s before that.
    assert_eq!((durable.count, durable.max_ms), (PHOTOS, 2_500));
    assert!(durable.p50_ms.abs_diff(1_500) < 10, "{durable:?}");
    assert_eq!(latencies.upload_to_row.max_ms, 3_500);
    assert_eq!(latencies.by_second.due.iter().sum::<u64>(), PHOTOS);
    let cities = cities.most_first();
    assert_eq!(cities.iter().map(|city| city.scans).sum::<u64>(), verdict.rows);
    assert_eq!(cities.len(), 3);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("scanmill-verify")), "{left:?}");
}
