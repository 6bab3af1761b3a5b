//! The command line and its configuration, and the pages of the engine.

#[path = "../../crates/decode/tests/support/decode_scene.rs"]
mod decode_scene;
#[path = "../process/mod.rs"]
mod process;
#[path = "../rig/mod.rs"]
mod rig;
#[path = "../../crates/decode/tests/support/stream.rs"]
mod stream;

mod bad_input;
mod browser;
mod cli_settings;
mod cli_shell;
mod cli_signals;
mod config_file;
mod config_mistakes;
mod console_pages;
mod decode_cli;
