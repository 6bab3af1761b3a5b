//! The load generator: stories, photos, answer keys, `verify` and the load report.

#[path = "../../crates/decode/tests/support/decode_scene.rs"]
mod decode_scene;
#[path = "../process/mod.rs"]
mod process;
#[path = "../rig/mod.rs"]
mod rig;
#[path = "../verify_support/mod.rs"]
mod verify_support;

mod load_report;
mod orchestrate;
mod pump_files;
mod pump_looks;
mod pump_photos;
mod pump_preview;
mod pump_run;
mod pump_scenes;
mod story_effects;
mod story_language;
mod story_original;
mod verify_differences;
mod verify_planted;
