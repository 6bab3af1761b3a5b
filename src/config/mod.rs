//! Typed settings: raw → merged (defaults < file < environment < flags) → checked. What reaches the engine needs no
//! further validation.

pub mod settings;

pub use settings::Settings;
