//! The table by which a section of the configuration is declared: one row a key, from which follow the field, its default,
//! the check of what is given, the commented file and the reference.

mod forms;
mod quantity;

use std::path::PathBuf;

pub use forms::*;
pub use quantity::{Measure, Quantity, quantity};

/// One section of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Its name in the file.
    pub name: &'static str,
    /// What it is about, in a sentence or two.
    pub about: &'static str,
    /// Its keys, in order.
    pub keys: &'static [Key],
}

/// One key of the configuration.
#[derive(Debug, PartialEq)]
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
    pub form: Form,
    /// Whether a working engine takes another value over; otherwise the value holds from the next start.
    pub is_live: bool,
}

/// How a value is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// A whole number within bounds, both included.
    Whole {
        /// Least.
        min: u64,
        /// Most.
        max: u64,
    },
    /// A whole number within bounds, or `auto`, which stands as 0 until the machine decides. Where 0 is within the bounds
    /// it means `auto` too.
    WholeOrAuto {
        /// Least.
        min: u64,
        /// Most.
        max: u64,
    },
    /// A number, with or without a fraction, within bounds, both included.
    Decimal {
        /// Least.
        min: f64,
        /// Most.
        max: f64,
    },
    /// `true` or `false`.
    Flag,
    /// Text of some form.
    Text,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A folder's path; relative ones start at the working directory.
    Folder,
}

/// A value of the type and within the bounds of its key.
#[derive(Clone, Debug)]
pub enum Value {
    /// For [`Form::Whole`] and [`Form::WholeOrAuto`].
    Whole(u64),
    /// For [`Form::Decimal`].
    Decimal(f64),
    /// For [`Form::Flag`].
    Flag(bool),
    /// For [`Form::Text`] and [`Form::Words`].
    Text(String),
    /// For [`Form::Folder`].
    Folder(PathBuf),
}

/// The values of one section.
pub trait SectionValues {
    /// Puts a value of the key's form in its field.
    ///
    /// # Errors
    /// What is expected instead.
    fn set(&mut self, key: &str, value: Value) -> Result<(), &'static str>;
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
        match self.form {
            Form::Whole { .. } | Form::Decimal { .. } | Form::Flag => self.default.to_owned(),
            // `auto` is a word, a number is not; the default of each such key is `auto`.
            Form::WholeOrAuto { .. } | Form::Text | Form::Words(_) | Form::Folder => format!("\"{}\"", self.default),
        }
    }

    /// The default as a value. `auto` is 0.
    pub fn default_value(&self) -> Value {
        match self.form {
            Form::Whole { .. } | Form::WholeOrAuto { .. } => {
                Value::Whole(self.default.replace('_', "").parse().unwrap_or(0))
            }
            Form::Decimal { .. } => Value::Decimal(self.default.parse().unwrap_or(0.0)),
            Form::Flag => Value::Flag(self.default == "true"),
            Form::Text | Form::Words(_) => Value::Text(self.default.to_owned()),
            Form::Folder => Value::Folder(self.default.into()),
        }
    }

    /// The range in words, for numbers.
    pub fn range(&self) -> Option<String> {
        match self.form {
            Form::Whole { min, max } => Some(format!("{} to {}", grouped(min), grouped(max))),
            Form::WholeOrAuto { min, max } => Some(format!("{} to {}, or \"auto\"", grouped(min), grouped(max))),
            Form::Decimal { min, max } => Some(format!("{min} to {max}")),
            Form::Flag | Form::Text | Form::Words(_) | Form::Folder => None,
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

/// Declares a section: a struct whose [`Default`] holds the defaults, and its table of keys as `SECTION`.
///
/// ```
/// scanmill_core::section! {
///     /// Greetings.
///     pub struct Greeting in "greeting" {
///         /// How often to greet.
///         times: u32 = "3" in "times", whole(1, 100), live;
///         /// How long to wait between two.
///         pause as "pause_seconds": std::time::Duration = "1" in "seconds", seconds(0, 60), restart;
///     }
/// }
/// assert_eq!(Greeting::default().times, 3);
/// assert_eq!(Greeting::SECTION.keys.iter().map(|key| key.path()).collect::<Vec<_>>(), ["greeting.times", "greeting.pause_seconds"]);
/// ```
///
/// A row: the key's text, its field (`as` its name, where they differ), type, default, unit, form, and when a changed value
/// holds: `live` (a working engine takes it over) or `restart`. Forms are `whole`, `auto`, `seconds`, `milliseconds`,
/// `decimal`, `days` and `hours` with bounds, `flag`, `folder`, `words("text" => value, …)`, and `text(read)` with a function
/// that reads the text or says what it expects. A type needs a [`Default`], which is never seen.
#[macro_export]
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $(#[derive($($derive:path),+)])?
        pub struct $type:ident in $section:literal {
            $(
                $(#[doc = $doc:literal])+
                $field:ident $(as $name:literal)?: $value:ty = $default:literal in $unit:literal,
                $form:ident $(($($argument:tt)*))?, $moment:ident;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq $(, $($derive),+)?)]
        pub struct $type {
            $($(#[doc = $doc])+ pub $field: $value,)+
        }

        impl $type {
            /// Its table of keys.
            pub const SECTION: $crate::section::Section = $crate::section::Section {
                name: $section,
                about: concat!($($about),+).trim_ascii_start(),
                keys: &[$($crate::section::Key {
                    section: $section,
                    name: $crate::section!(@name $field $($name)?),
                    default: $default,
                    unit: $unit,
                    doc: concat!($($doc),+).trim_ascii_start(),
                    form: $crate::section!(@form $form $(($($argument)*))?),
                    is_live: $crate::section!(@is_live $moment),
                },)+],
            };
        }

        impl Default for $type {
            fn default() -> Self {
                let mut values = $type { $($field: Default::default(),)+ };
                for key in $type::SECTION.keys {
                    let taken = $crate::section::SectionValues::set(&mut values, key.name, key.default_value());
                    debug_assert!(taken.is_ok(), "{}: {taken:?}", key.path());
                }
                values
            }
        }

        impl $crate::section::SectionValues for $type {
            fn set(&mut self, key: &str, value: $crate::section::Value) -> Result<(), &'static str> {
                $(if key == $crate::section!(@name $field $($name)?) {
                    self.$field = $crate::section!(@read $unit, value, $form $(($($argument)*))?)?;
                    return Ok(());
                })+
                Err(concat!("a key of [", $section, "]"))
            }
        }
    };

    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };

    (@is_live live) => { true };
    (@is_live restart) => { false };

    (@form whole($min:expr, $max:expr)) => { $crate::section::Form::Whole { min: $min, max: $max } };
    (@form seconds($min:expr, $max:expr)) => { $crate::section::Form::Whole { min: $min, max: $max } };
    (@form milliseconds($min:expr, $max:expr)) => { $crate::section::Form::Whole { min: $min, max: $max } };
    (@form auto($min:expr, $max:expr)) => { $crate::section::Form::WholeOrAuto { min: $min, max: $max } };
    (@form decimal($min:expr, $max:expr)) => { $crate::section::Form::Decimal { min: $min, max: $max } };
    (@form days($min:expr, $max:expr)) => { $crate::section::Form::Decimal { min: $min, max: $max } };
    (@form hours($min:expr, $max:expr)) => { $crate::section::Form::Decimal { min: $min, max: $max } };
    (@form flag) => { $crate::section::Form::Flag };
    (@form folder) => { $crate::section::Form::Folder };
    (@form text($read:expr)) => { $crate::section::Form::Text };
    (@form words($($word:literal => $value:expr),+)) => { $crate::section::Form::Words(&[$($word),+]) };

    (@read $unit:literal, $value:ident, whole $bounds:tt) => { $crate::section::whole($value) };
    (@read $unit:literal, $value:ident, auto $bounds:tt) => { $crate::section::whole($value) };
    (@read $unit:literal, $value:ident, seconds $bounds:tt) => { $crate::section::seconds($value) };
    (@read $unit:literal, $value:ident, milliseconds $bounds:tt) => { $crate::section::milliseconds($value) };
    (@read $unit:literal, $value:ident, decimal $bounds:tt) => { $crate::section::decimal($value) };
    (@read $unit:literal, $value:ident, days $bounds:tt) => { $crate::section::days($value) };
    (@read $unit:literal, $value:ident, hours $bounds:tt) => { $crate::section::hours($value) };
    (@read $unit:literal, $value:ident, flag) => { $crate::section::flag($value) };
    (@read $unit:literal, $value:ident, folder) => { $crate::section::folder($value) };
    (@read $unit:literal, $value:ident, text($read:expr)) => { $crate::section::text($value).and_then(|text| $read(&text)) };
    (@read $unit:literal, $value:ident, words($($word:literal => $meant:expr),+)) => {
        $crate::section::text($value).and_then(|text| match text.as_str() {
            $($word => Ok($meant),)+
            _ => Err($unit),
        })
    };
}
