#![no_main]
#[path = "../seeds.rs"]
mod seeds;
#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(
    init: seeds::write("jpeg"),
    |bytes: &[u8]| targets::jpeg(bytes)
);
