//! Reads TOML tables key by key and notes every mistake with its place, so that a story with five mistakes says five.

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;

use jiff::{Timestamp, civil, tz::Offset};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::zones::is_sensible;
use scanmill_core::diagnostics::nearest;
use scanmill_core::diagnostics::{Origin, Problem};

/// The text of a story and what is wrong with it.
#[derive(Debug)]
pub struct Document<'a> {
    file: PathBuf,
    text: &'a str,
    problems: RefCell<Vec<Problem>>,
}

/// A value's name and where it is.
pub type Named = (String, Range<usize>);

impl<'a> Document<'a> {
    /// A text that is called `file` in its mistakes.
    pub fn new(file: PathBuf, text: &'a str) -> Self {
        Self { file, text, problems: RefCell::default() }
    }

    /// Notes a mistake.
    pub fn note(&self, key: impl Into<String>, at: Range<usize>, what: impl Into<String>, hint: impl Into<String>) {
        let before = self.text.get(..at.start.min(self.text.len())).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let origin = Origin::File {
            path: self.file.clone(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).map_or(0, |line| line.chars().count()) + 1,
        };
        self.problems.borrow_mut().push(Problem::new(key, origin, what, hint));
    }

    /// How many mistakes there are so far.
    pub fn count(&self) -> usize {
        self.problems.borrow().len()
    }

    /// All mistakes, in the order of the text.
    pub fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        let line = |problem: &Problem| match problem.origin {
            Origin::File { line, column, .. } => (line, column),
            _ => (0, 0),
        };
        problems.sort_by_key(line);
        problems
    }
}

/// One table; what is wrong in it goes into the document.
pub struct Table<'a> {
    /// The text it is in.
    pub document: &'a Document<'a>,
    path: String,
    at: Range<usize>,
    entries: &'a DeTable<'a>,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Table<'a> {
    /// The whole document.
    pub fn root(document: &'a Document<'a>, entries: &'a DeTable<'a>) -> Self {
        Self { document, path: String::new(), at: 0..0, entries, known: RefCell::default() }
    }

    /// Where it begins.
    pub fn at(&self) -> Range<usize> {
        self.at.clone()
    }

    /// Notes a mistake about a key of this table, or about the table when the key is not there.
    pub fn wrong(&self, key: &str, what: impl Into<String>, hint: impl Into<String>) {
        let at = self.entries.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value.span());
        self.document.note(self.name(key), at.unwrap_or(self.at()), what, hint);
    }

    fn name(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn take(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.borrow_mut().push(key);
        self.entries.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    /// Whether a key is there.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| name.get_ref() == key)
    }

    fn expected(&self, key: &str, value: &Spanned<DeValue<'_>>, what: &str) {
        let found = match value.get_ref() {
            DeValue::String(text) => format!("\"{text}\""),
            DeValue::Integer(number) => number.as_str().to_owned(),
            DeValue::Float(number) => number.as_str().to_owned(),
            DeValue::Boolean(flag) => flag.to_string(),
            DeValue::Datetime(at) => at.to_string(),
            DeValue::Array(_) => "a list".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
        };
        self.document.note(self.name(key), value.span(), format!("found {found}"), format!("expected {what}"));
    }

    /// Notes a key that is missing.
    pub fn missing(&self, key: &str, what: &str) {
        self.document.note(self.name(key), self.at(), "missing", format!("add `{key} = …`: {what}"));
    }

    /// Text that is not empty.
    pub fn text(&self, key: &'static str, what: &str) -> Option<String> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() => Some(text.clone().into_owned()),
            _ => {
                self.expected(key, value, what);
                None
            }
        }
    }

    /// Text that must be there.
    pub fn need_text(&self, key: &'static str, what: &str) -> Option<String> {
        if !self.has(key) {
            self.missing(key, what);
        }
        self.text(key, what)
    }

    /// A number within bounds.
    pub fn number(&self, key: &'static str, bounds: RangeInclusive<f64>) -> Option<f64> {
        let value = self.take(key)?;
        let number = as_number(value.get_ref()).filter(|number| bounds.contains(number));
        if number.is_none() {
            self.expected(key, value, &format!("a number from {} to {}", bounds.start(), bounds.end()));
        }
        number
    }

    /// A number that must be there.
    pub fn need_number(&self, key: &'static str, bounds: RangeInclusive<f64>) -> Option<f64> {
        if !self.has(key) {
            self.missing(key, &format!("a number from {} to {}", bounds.start(), bounds.end()));
        }
        self.number(key, bounds)
    }

    /// So many numbers that are not negative and not all zero.
    pub fn numbers<const N: usize>(&self, key: &'static str, what: &str) -> Option<[f64; N]> {
        let value = self.take(key)?;
        let items = value.get_ref().as_array().into_iter().flat_map(|list| list.iter());
        let numbers: Option<Vec<f64>> =
            items.map(|item| as_number(item.get_ref()).filter(|number| *number >= 0.0)).collect();
        let numbers = numbers.filter(|numbers| numbers.iter().any(|number| *number > 0.0));
        let found: Option<[f64; N]> = numbers.and_then(|numbers| numbers.try_into().ok());
        if found.is_none() {
            self.expected(key, value, &format!("a list of {N} numbers, none negative and not all 0: {what}"));
        }
        found
    }

    /// A list of texts, each with its place.
    pub fn names(&self, key: &'static str, what: &str) -> Option<Vec<Named>> {
        let value = self.take(key)?;
        let items = value.get_ref().as_array().into_iter().flat_map(|list| list.iter());
        let names: Option<Vec<Named>> =
            items.map(|item| item.get_ref().as_str().map(|name| (name.to_owned(), item.span()))).collect();
        let names = names.filter(|names| !names.is_empty());
        if names.is_none() {
            self.expected(key, value, &format!("a list of {what}, like [\"…\"]"));
        }
        names
    }

    /// A date or an instant; without an offset it is UTC.
    pub fn instant(&self, key: &'static str) -> Option<Timestamp> {
        let value = self.take(key)?;
        let text = match value.get_ref() {
            DeValue::Datetime(at) => at.to_string(),
            DeValue::String(text) => text.clone().into_owned(),
            _ => String::new(),
        };
        let at = parse_instant(&text).filter(|at| is_sensible(*at));
        if at.is_none() {
            self.expected(
                key,
                value,
                "a date like 2026-03-12 or an instant like 2026-03-12T16:00:00Z, from 1970 to 2099",
            );
        }
        at
    }

    /// A length of time, in milliseconds.
    pub fn duration(&self, key: &'static str) -> Option<i64> {
        let value = self.take(key)?;
        let length = value.get_ref().as_str().and_then(parse_duration);
        if length.is_none() {
            self.expected(key, value, "a length of time like \"90m\", \"30h\", \"9d\" or \"2w\"");
        }
        length
    }

    fn inner(&self, key: &str, nth: Option<usize>, value: &'a Spanned<DeValue<'a>>) -> Option<Table<'a>> {
        let Some(entries) = value.get_ref().as_table() else {
            let form = if nth.is_some() { format!("[[{key}]]") } else { format!("[{key}]") };
            self.expected(key, value, &format!("a table: write `{form}` on its own line"));
            return None;
        };
        // Counted from one, as people count.
        let path = nth.map_or_else(|| self.name(key), |nth| format!("{}[{}]", self.name(key), nth + 1));
        Some(Table { document: self.document, path, at: value.span(), entries, known: RefCell::default() })
    }

    /// A table in this one.
    pub fn table(&self, key: &'static str) -> Option<Table<'a>> {
        let value = self.take(key)?;
        self.inner(key, None, value)
    }

    /// The tables of a list, written as `[[key]]`.
    pub fn tables(&self, key: &'static str) -> Vec<Table<'a>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        match value.get_ref().as_array() {
            Some(list) => list.iter().enumerate().filter_map(|(nth, item)| self.inner(key, Some(nth), item)).collect(),
            None => {
                self.expected(key, value, &format!("a list of tables: write `[[{key}]]` above each"));
                Vec::new()
            }
        }
    }

    /// Shares by name: every key is one of `choices`, every value a number that is not negative.
    pub fn shares<T: Copy>(&self, choices: &[(&'static str, T)]) -> Vec<(T, f64)> {
        choices.iter().filter_map(|(name, value)| Some((*value, self.number(name, 0.0..=1e6)?))).collect()
    }

    /// Numbers by keys that `read` understands; what it does not is noted, with `what` would be right.
    pub fn all_numbers<T>(&self, what: &str, read: impl Fn(&str) -> Option<T>) -> Vec<(T, f64)> {
        let mut found = Vec::new();
        for (key, value) in self.entries {
            let (name, number) = (key.get_ref().as_ref(), as_number(value.get_ref()).filter(|number| *number >= 0.0));
            match (read(name), number) {
                (Some(meant), Some(number)) => found.push((meant, number)),
                (None, _) => self.document.note(self.name(name), key.span(), "unknown key", format!("expected {what}")),
                (_, None) => self.expected(name, value, &format!("a number that is not negative: {what}")),
            }
        }
        found
    }

    /// Notes the keys that nobody asked for. Call it when all were.
    pub fn finish(self) {
        let known = self.known.borrow();
        for (key, _) in self.entries {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let hint = match nearest(name, known.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("allowed here: {}", known.join(", ")),
                };
                self.document.note(self.name(name), key.span(), "unknown key", hint);
            }
        }
    }
}

fn as_number(value: &DeValue<'_>) -> Option<f64> {
    let number = match value {
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok()? as f64,
        DeValue::Float(number) => number.as_str().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// A date, a date with a time, or an instant; without an offset it is UTC.
pub fn parse_instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let civil = text.parse::<civil::DateTime>().or_else(|_| text.parse::<civil::Date>().map(civil::DateTime::from));
    Offset::UTC.to_timestamp(civil.ok()?).ok()
}

fn parse_duration(text: &str) -> Option<i64> {
    let split = text.find(|letter: char| letter.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let minutes = match unit {
        "m" => 1.0,
        "h" => 60.0,
        "d" => 24.0 * 60.0,
        "w" => 7.0 * 24.0 * 60.0,
        _ => return None,
    };
    let number: f64 = number.trim().parse().ok()?;
    (number >= 0.0 && number * minutes <= 100.0 * 366.0 * 24.0 * 60.0).then_some((number * minutes * 60_000.0) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_instants_are_read() {
        assert_eq!(parse_duration("90m"), Some(5_400_000));
        assert_eq!(parse_duration("1.5 d"), Some(129_600_000));
        for wrong in ["", "9", "d", "-1d", "9 days", "1e9w"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
        let noon: Timestamp = "2026-03-12T12:00:00Z".parse().unwrap();
        for text in ["2026-03-12T12:00:00Z", "2026-03-12 12:00:00", "2026-03-12T13:00:00+01:00"] {
            assert_eq!(parse_instant(text), Some(noon), "{text}");
        }
        assert_eq!(parse_instant("2026-03-12"), Some("2026-03-12T00:00:00Z".parse().unwrap()));
        assert_eq!(parse_instant("12.3.2026"), None);
    }
}
