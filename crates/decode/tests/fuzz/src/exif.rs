#![no_main]
#[path = "../seeds.rs"]
mod seeds;
#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(
    init: seeds::write("exif"),
    |bytes: &[u8]| targets::exif(bytes)
);
