//! Puts the given values over the defaults, in order, and remembers where each key's last one came from.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::section::{Measure, Value, quantity};

use super::keys::{Form, Key, grouped};
use super::machine::{Machine, choose};
use super::raw::{Given, Raw};
use super::{Origin, Problem, Settings};

/// Settings whose keys are each right by themselves, except those in `faulty`.
pub(super) struct Merged {
    /// The settings; a faulty key keeps its default.
    pub settings: Settings,
    /// Where the keys that somebody set came from.
    pub origins: BTreeMap<String, Origin>,
    /// Keys with a mistake: rules over several keys leave them out, so that one mistake is told once.
    pub faulty: BTreeSet<String>,
}

impl Merged {
    /// Where `key` was set.
    pub(super) fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }
}

/// Merges, adding each value of wrong type or out of range to `problems`. A value that a stronger source overrides is
/// checked all the same: it would bite on the day the override goes.
pub(super) fn merge(given: Vec<Given>, problems: &mut Vec<Problem>) -> Merged {
    // `auto` depends on other keys, so it is chosen after the merge.
    let settings = Settings::unchosen();
    let mut merged = Merged { settings, origins: BTreeMap::new(), faulty: BTreeSet::new() };
    for Given { key, raw, origin } in given {
        let path = key.path();
        if let Err((message, hint)) = apply(key, raw, &mut merged.settings) {
            problems.push(Problem::new(path.clone(), origin.clone(), message, hint));
            merged.faulty.insert(path.clone());
        }
        merged.origins.insert(path, origin);
    }
    choose(&mut merged.settings, Machine::here());
    merged
}

/// Message and hint.
type ValueProblem = (String, String);

pub(super) fn apply(key: &Key, raw: Raw, settings: &mut Settings) -> Result<(), ValueProblem> {
    let (value, given) = read(key, raw)?;
    settings
        .set(key.section, key.name, value)
        .map_err(|expected| (format!("cannot use `{given}`"), format!("expected {expected}")))
}

/// The value, of the key's type and within its bounds; and a text as it was given.
fn read(key: &Key, raw: Raw) -> Result<(Value, String), ValueProblem> {
    let value = match key.form {
        Form::Whole { min, max } => {
            let hint = || {
                format!("a whole number of {} from {} to {}{}", key.unit, grouped(min), grouped(max), or_measured(key))
            };
            Value::Whole(within(key, raw, min, max).map_err(|message| (message, hint()))?)
        }
        Form::WholeOrAuto { min, max } => {
            let hint = || {
                let (min, max) = (grouped(min), grouped(max));
                format!("\"auto\", or a whole number of {} from {min} to {max}{}", key.unit, or_measured(key))
            };
            match text_of(&raw).as_deref() {
                Some("auto") => Value::Whole(0),
                _ => Value::Whole(within(key, raw, min, max).map_err(|message| (message, hint()))?),
            }
        }
        Form::Decimal { min, max } => {
            let hint = || format!("a number of {} from {min} to {max}{}", key.unit, or_measured(key));
            let number = match measured(key, &raw).map_err(|message| (message, hint()))? {
                Some((amount, of_unit)) => amount as f64 / of_unit as f64,
                None => decimal(raw).map_err(|message| (message, hint()))?,
            };
            if !(min..=max).contains(&number) {
                return Err((format!("{number} is out of range"), hint()));
            }
            Value::Decimal(number)
        }
        Form::Flag => {
            let flag = match raw {
                Raw::Flag(flag) => Ok(flag),
                Raw::Untyped(value) => match value.to_str() {
                    Some("true") => Ok(true),
                    Some("false") => Ok(false),
                    _ => Err(format!("`{}` is neither true nor false", value.to_string_lossy())),
                },
                other => Err(mismatch("true or false", &other)),
            };
            Value::Flag(flag.map_err(|message| (message, "`true` or `false`, without quotes".into()))?)
        }
        Form::Text | Form::Words(_) => {
            let hint = || format!("expected: {}", key.unit);
            let text = match raw {
                Raw::Text(text) => text,
                Raw::Untyped(value) => value
                    .into_string()
                    .map_err(|value| (format!("`{}` is not UTF-8 text", value.to_string_lossy()), hint()))?,
                other => return Err((mismatch("text in quotes", &other), hint())),
            };
            return Ok((Value::Text(text.clone()), text));
        }
        Form::Folder => {
            let folder = match raw {
                Raw::Text(text) => PathBuf::from(text),
                Raw::Untyped(value) => PathBuf::from(value),
                other => {
                    return Err((mismatch("a path in quotes", &other), "like \"data\" or \"/srv/scanmill\"".into()));
                }
            };
            if folder.as_os_str().is_empty() {
                return Err(("empty".into(), "a folder; `.` is the working directory".into()));
            }
            let expanded = super::home::expand(folder);
            Value::Folder(expanded.map_err(|message| (message.to_owned(), "write the whole path".to_owned()))?)
        }
    };
    Ok((value, String::new()))
}

/// A whole number of the key's units, within its bounds.
fn within(key: &Key, raw: Raw, min: u64, max: u64) -> Result<u64, String> {
    let fits = |number: u64| (min..=max).contains(&number);
    if let Some((amount, of_unit)) = measured(key, &raw)? {
        let text = text_of(&raw).unwrap_or_default();
        if !amount.is_multiple_of(of_unit) {
            return Err(format!("`{text}` is not a whole number of {}", key.unit));
        }
        let number = u64::try_from(amount / of_unit).ok();
        return number.filter(|number| fits(*number)).ok_or_else(|| {
            let number = number.map_or("too many".to_owned(), grouped);
            format!("`{text}` is {number} {}, which is out of range", key.unit)
        });
    }
    let number = whole(raw)?;
    u64::try_from(number).ok().filter(|number| fits(*number)).ok_or_else(|| format!("{number} is out of range"))
}

/// A size or time as people write it, for a key whose unit is of that kind: how many bytes or nanoseconds it is, and how
/// many make one of the unit. None for anything else, a number alone included.
fn measured(key: &Key, raw: &Raw) -> Result<Option<(u128, u128)>, String> {
    let Some((measure, of_unit)) = Measure::of_unit(key.unit) else { return Ok(None) };
    let Some(text) = text_of(raw) else { return Ok(None) };
    match quantity(&text) {
        None => Ok(None),
        Some(found) if found.measure == measure => Ok(Some((found.amount, of_unit))),
        Some(found) => Err(format!("`{text}` is {}, and this is {}", found.measure.name(), measure.name())),
    }
}

/// The forms beside a number that a key of this unit takes, for a hint.
fn or_measured(key: &Key) -> String {
    Measure::of_unit(key.unit).map_or(String::new(), |(measure, _)| format!(", or {}", measure.forms()))
}

/// What was given, if it may be a word.
fn text_of(raw: &Raw) -> Option<Cow<'_, str>> {
    match raw {
        Raw::Text(text) => Some(Cow::Borrowed(text)),
        Raw::Untyped(value) => Some(value.to_string_lossy()),
        _ => None,
    }
}

fn whole(raw: Raw) -> Result<i128, String> {
    match raw {
        Raw::Whole { digits, radix } => {
            i128::from_str_radix(&digits, radix).map_err(|_| format!("{digits} is out of range"))
        }
        Raw::Untyped(value) => {
            let text = value.to_string_lossy();
            text.replace('_', "").parse().map_err(|_| format!("`{text}` is not a whole number"))
        }
        other => Err(mismatch("a whole number", &other)),
    }
}

fn decimal(raw: Raw) -> Result<f64, String> {
    match raw {
        Raw::Decimal(digits) => digits.parse().map_err(|_| format!("{digits} is out of range")),
        Raw::Untyped(value) => {
            let text = value.to_string_lossy();
            text.replace('_', "").parse().map_err(|_| format!("`{text}` is not a number"))
        }
        Raw::Whole { .. } => whole(raw).map(|number| number as f64),
        other => Err(mismatch("a number", &other)),
    }
}

fn mismatch(expected: &str, found: &Raw) -> String {
    match found {
        Raw::Untyped(text) => format!("expected {expected}, found `{}`", text.to_string_lossy()),
        Raw::Text(text) => format!("expected {expected}, found the text \"{text}\""),
        Raw::Whole { digits, .. } => format!("expected {expected}, found the number {digits}"),
        Raw::Decimal(_) => format!("expected {expected}, found a number with a fraction"),
        Raw::Flag(flag) => format!("expected {expected}, found {flag}"),
        Raw::Other(name) => format!("expected {expected}, found {name}"),
    }
}
