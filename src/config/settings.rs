//! The checked settings, by section.

use std::sync::LazyLock;
use std::time::Duration;

use crate::section::{Form, Section, SectionValues, Value};

use super::machine::{self, Machine};
use crate::aws_options::AccountOptions;
use crate::domain::Exclusions;
use crate::queue::SqsOptions;
use crate::store::S3Options;
use crate::warehouse::RedshiftOptions;

pub use super::kinds::{Codes, LogFormat, Overwrite, QueueKind, StoreKind, WarehouseKind};
pub use super::sections::*;
pub use crate::pump::prices::Cost;

macro_rules! settings {
    ($($section:ident: $type:ident,)+) => {
        /// All settings, by section of the file.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Settings {
            $(#[doc = concat!("`[", stringify!($section), "]`")] pub $section: $type,)+
            /// What the limits set to `auto` became, and why.
            pub chosen: Vec<machine::Choice>,
        }

        /// The sections, in the order of the file.
        pub static SECTIONS: &[Section] = &[$($type::SECTION,)+];

        impl Settings {
            /// The defaults, with 0 for each limit that is `auto`.
            pub(super) fn unchosen() -> Settings {
                Settings { $($section: Default::default(),)+ chosen: Vec::new() }
            }

            /// Puts a value in the field of its key.
            pub(super) fn set(&mut self, section: &str, key: &str, value: Value) -> Result<(), &'static str> {
                match section {
                    $(stringify!($section) => self.$section.set(key, value),)+
                    _ => Err("a section"),
                }
            }
        }
    };
}

settings! {
    local: Local,
    store: Store,
    queue: Queue,
    warehouse: Warehouse,
    filter: Filter,
    aws: AccountOptions,
    s3: S3Options,
    sqs: SqsOptions,
    redshift: RedshiftOptions,
    pump: Pump,
    limits: Limits,
    memory: Memory,
    decode: Decode,
    scale: Scale,
    batch: Batch,
    load: Load,
    output: Output,
    retention: Retention,
    metrics: Metrics,
    otel: Otel,
    run: Run,
    log: Log,
    cost: Cost,
}

impl Default for Settings {
    /// The defaults, with what `auto` means on this machine.
    fn default() -> Self {
        let mut settings = Settings::unchosen();
        machine::choose(&mut settings, Machine::here());
        settings
    }
}

impl Settings {
    /// Within which time queue and store answer a call, or say that they cannot: all its attempts together.
    pub fn answers_within(&self) -> Duration {
        self.aws.attempt_timeout * self.aws.attempts * 2
    }

    /// Sets every limit that may be `auto` to 0, which stands for it until [`machine::choose`].
    pub(super) fn clear_auto(&mut self) {
        for key in super::keys::all().filter(|key| matches!(key.form, Form::WholeOrAuto { .. })) {
            let cleared = self.set(key.section, key.name, Value::Whole(0));
            debug_assert!(cleared.is_ok(), "{}: {cleared:?}", key.path());
        }
    }
}

impl Filter {
    /// All keys that are not photos by their names.
    pub fn exclusions(&self) -> Exclusions {
        self.exclude.clone().with_housekeeping(self.exclude_housekeeping)
    }

    /// Whether the key, or a folder it lies in, is among [`Filter::exclusions`].
    pub fn excludes(&self, key: &str) -> bool {
        static HOUSEKEEPING: LazyLock<Exclusions> = LazyLock::new(Exclusions::default);
        self.exclude.excludes(key) || (self.exclude_housekeeping && HOUSEKEEPING.excludes(key))
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::super::keys::{self, Key};
    use super::super::{merge, raw::Raw};
    use super::*;

    /// Texts, one of which suits each key whose form is told by its own function.
    const TEXTS: &[&str] = &[
        "elsewhere",
        ".jpg",
        "027",
        "debug",
        "127.0.0.1:124",
        "http://127.0.0.1:135",
        "arn:aws:iam::123456789012:role/scanmill",
    ];

    /// Values that differ from the default, of which one at least is right.
    fn others(key: &Key) -> Vec<String> {
        match key.form {
            Form::Whole { min, max } | Form::WholeOrAuto { min, max } => vec![min.max(1).to_string(), max.to_string()],
            Form::Decimal { min, max } => vec![min.to_string(), max.to_string()],
            Form::Flag => vec!["true".into(), "false".into()],
            Form::Words(words) => words.iter().map(|word| (*word).to_owned()).collect(),
            Form::Text | Form::Folder => TEXTS.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    #[test]
    fn every_key_changes_its_own_field_and_its_default_is_read_as_any_value() {
        let defaults = Settings::unchosen();
        for key in keys::all() {
            let mut settings = defaults.clone();
            let give =
                |settings: &mut Settings, text: &str| merge::apply(key, Raw::Untyped(OsString::from(text)), settings);
            assert_eq!(give(&mut settings, key.default), Ok(()), "{}", key.path());
            assert_eq!(settings, defaults, "{}: its default", key.path());
            let is_taken = |settings: &mut Settings, text: &str| give(settings, text).is_ok() && *settings != defaults;
            assert!(others(key).iter().any(|text| is_taken(&mut settings, text)), "{}: no value is taken", key.path());
        }
        assert!(keys::all().all(|key| keys::find(key.section, key.name) == Some(key)), "a name twice in a section");
    }
}
