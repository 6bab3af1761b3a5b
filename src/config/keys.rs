//! The table of every key. Order is the order of `config/local.toml`.

pub use crate::section::{Form, Key, Section, grouped};

pub use super::settings::SECTIONS;

/// Every key, in order.
pub fn all() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|section| section.keys)
}

/// The key `section.name`.
pub fn find(section: &str, name: &str) -> Option<&'static Key> {
    all().find(|key| key.section == section && key.name == name)
}
