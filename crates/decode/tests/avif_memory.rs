//! The memory that AVIF takes. Its decoder works on a thread of its own, so here what all threads hold is counted, in one
//! test a process.
#![cfg(feature = "avif")]

#[path = "decode_memory/allocator.rs"]
#[allow(dead_code, reason = "the other tests count a thread")]
mod allocator;
#[path = "support/decode_scene.rs"]
mod scene;

use scanmill_core::domain::Reason;
use scanmill_decode::{decode, inspect};
use scene::limits;

/// Bytes of the stack that the decoder's thread has.
const STACK: usize = 4 << 20;
/// What a reading may hold beyond the promise: texts, EXIF, and the rejection.
const BEYOND: usize = 1 << 20;

#[test]
fn avif_stays_within_the_promise() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/avif");
    let mut tightest = 0.0f64;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "avif") {
            continue;
        }
        let file = std::fs::read(&path).unwrap();
        let promised = inspect(&file, &limits()).unwrap().decode_bytes as usize;
        // Whole, cut short, and broken in the middle of its data.
        let cut = file[..file.len() * 3 / 4].to_vec();
        let mut broken = file.clone();
        broken.iter_mut().skip(file.len() * 2 / 3).step_by(7).for_each(|byte| *byte ^= 0x55);
        for (what, bytes) in [("whole", file), ("cut", cut), ("broken", broken)] {
            let (reading, peak) = allocator::peak_of_all(|| decode(&bytes, &limits()));
            // The stack of the decoder's thread comes from the system.
            let peak = peak + STACK;
            assert!(peak <= promised + BEYOND, "{path:?} {what}: {peak} bytes held, {promised} promised");
            assert!(what != "whole" || !reading.codes.is_empty(), "{path:?}: {:?}", reading.reject);
            let fault = reading.reject.as_ref().filter(|reject| reject.reason == Reason::DecoderFault);
            assert!(fault.is_none(), "{path:?} {what}: {fault:?}");
            tightest = tightest.max(peak as f64 / promised as f64);
        }
    }
    // A promise that is far too high would keep photos waiting for memory that none of them takes.
    assert!(tightest > 0.5, "{tightest}");
}
