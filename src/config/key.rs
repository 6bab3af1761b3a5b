//! What one configuration key is: its name, its words for people, and how its value reaches the settings.

use std::path::PathBuf;

use super::settings::Settings;

/// One key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// Section of the file.
    pub section: &'static str,
    /// Name within the section, with its unit where it has one.
    pub name: &'static str,
    /// Default, as one would give it in the environment: `60`, `inbox`, `true`.
    pub default: &'static str,
    /// Unit or form: `seconds`, `true or false`.
    pub unit: &'static str,
    /// What it does, in a sentence or two.
    pub doc: &'static str,
    /// How it is read.
    pub kind: Kind,
}

/// How a value is read and where it goes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A whole number within bounds, both included.
    Whole {
        /// Least.
        min: u64,
        /// Most.
        max: u64,
        /// Puts it into the settings.
        set: fn(&mut Settings, u64),
    },
    /// A whole number within bounds, or `auto`, which [`super::machine::choose`] turns into one. Where 0 is within
    /// the bounds it means `auto` too.
    WholeOrAuto {
        /// Least.
        min: u64,
        /// Most.
        max: u64,
        /// Puts it into the settings; 0 for `auto`.
        set: fn(&mut Settings, u64),
    },
    /// A number, with or without a fraction, within bounds, both included.
    Decimal {
        /// Least.
        min: f64,
        /// Most.
        max: f64,
        /// Puts it into the settings.
        set: fn(&mut Settings, f64),
    },
    /// `true` or `false`.
    Flag {
        /// Puts it into the settings.
        set: fn(&mut Settings, bool),
    },
    /// Text of some form.
    Text {
        /// Puts it into the settings, or says what form is expected.
        set: fn(&mut Settings, &str) -> Result<(), &'static str>,
    },
    /// A folder's path; relative ones start at the working directory.
    Folder {
        /// Puts it into the settings.
        set: fn(&mut Settings, PathBuf),
    },
}

impl Key {
    /// `section.name`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        format!("SCANMILL_{}_{}", self.section, self.name).to_ascii_uppercase()
    }

    /// The default as TOML.
    pub fn default_toml(&self) -> String {
        match self.kind {
            Kind::Whole { .. } | Kind::Decimal { .. } | Kind::Flag { .. } => self.default.to_owned(),
            // `auto` is a word, a number is not; the default of each such key is `auto`.
            Kind::WholeOrAuto { .. } | Kind::Text { .. } | Kind::Folder { .. } => format!("\"{}\"", self.default),
        }
    }

    /// The range in words, for numbers.
    pub fn range(&self) -> Option<String> {
        match self.kind {
            Kind::Whole { min, max, .. } => Some(format!("{} to {}", grouped(min), grouped(max))),
            Kind::WholeOrAuto { min, max, .. } => Some(format!("{} to {}, or \"auto\"", grouped(min), grouped(max))),
            Kind::Decimal { min, max, .. } => Some(format!("{min} to {max}")),
            Kind::Flag { .. } | Kind::Text { .. } | Kind::Folder { .. } => None,
        }
    }
}

/// A number with `_` between groups of three digits, as TOML reads it too.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}
