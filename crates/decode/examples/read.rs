//! Reads the photos of a list (a path a line) with the ladder and prints one line of JSON for each: the texts with their
//! rung and corners, the rungs that ran, the CPU time, and whether more codes are likely. Only this crate is built for it, so a change to the ladder is
//! tried on a corpus within seconds:
//! `find PHOTOS -type f | cargo run --release -p scanmill-decode --example read [-- --alone RUNG]`.
//!
//! `--alone RUNG` runs that rung only.
#![allow(clippy::disallowed_macros, clippy::print_stdout, reason = "a tool for a terminal, not part of the product")]

use std::io::BufRead;
use std::time::Duration;

use scanmill_decode::{DecodeLimits, inspect, read, trials};
use serde_json::json;

const LIMITS: DecodeLimits = DecodeLimits {
    max_file_bytes: 256 << 20,
    max_pixels: 100_000_000,
    max_side: 16_384,
    max_pixels_per_byte: 10_000,
    time_budget: Duration::from_secs(20),
    heic_time_budget: Some(Duration::from_secs(120)),
    first_only: false,
    place_zone: true,
};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let alone = arguments.iter().position(|argument| argument == "--alone").and_then(|at| arguments.get(at + 1));
    for path in std::io::stdin().lock().lines().map_while(Result::ok) {
        let Ok(bytes) = std::fs::read(&path) else {
            eprintln!("{path}: cannot be read");
            continue;
        };
        let header = match inspect(&bytes, &LIMITS) {
            Ok(header) => header,
            Err(reject) => {
                println!(
                    "{}",
                    json!({"path": path, "codes": [], "rungs": [], "ms": 0.0, "reject": format!("{reject:?}")})
                );
                continue;
            }
        };
        let (codes, rungs, ms, more) = match alone {
            Some(name) => {
                let trials = trials(&bytes, &header, &LIMITS).unwrap_or_default();
                let trial = trials.into_iter().find(|trial| trial.rung == name).expect("a rung of that name");
                (trial.codes, json!([]), trial.cpu_ms, false)
            }
            None => {
                let reading = read(&bytes, &header, &LIMITS);
                let rungs = reading.rungs.iter().map(|run| json!([run.name.as_str(), run.ms, run.won])).collect();
                (reading.codes, rungs, reading.decode_ms, reading.more_codes_likely)
            }
        };
        let codes: Vec<_> =
            codes.iter().map(|code| json!({"text": code.text, "rung": code.rung, "corners": code.corners})).collect();
        println!("{}", json!({"path": path, "codes": codes, "rungs": rungs, "ms": ms, "more": more}));
    }
}
