//! Values as given: read from the file, the environment and the flags, each with its origin, none checked yet beyond
//! "is this a key".

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{self, Key, SECTIONS};
use super::{FlagValue, Origin, Problem, Sources};
use crate::diagnostics::nearest;

/// A configuration file is a page or two; a larger one is some other file.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// Variables with our prefix that set no key.
const OTHER_VARIABLES: &[&str] = &["SCANMILL_CONFIG", "SCANMILL_SHARED"];

/// A value as given.
#[derive(Clone, Debug)]
pub enum Raw {
    /// From the environment or a flag: its type follows from the key.
    Untyped(OsString),
    /// TOML text.
    Text(String),
    /// A TOML integer, as written, without `_`.
    Whole {
        /// Digits.
        digits: String,
        /// Their base.
        radix: u32,
    },
    /// A TOML number with a fraction, as written, without `_`.
    Decimal(String),
    /// TOML `true` or `false`.
    Flag(bool),
    /// Any other TOML type, by its name.
    Other(&'static str),
}

/// One key as one source gives it.
#[derive(Clone, Debug)]
pub struct Given {
    /// Which.
    pub key: &'static Key,
    /// What.
    pub raw: Raw,
    /// Where.
    pub origin: Origin,
}

/// Reads every source, weakest first.
pub fn collect(sources: &Sources<'_>) -> (Vec<Given>, Vec<Problem>) {
    let (mut given, mut problems) = (Vec::new(), Vec::new());
    if let Some(path) = sources.file {
        match read(path) {
            Ok(text) => from_toml(path, &text, &mut given, &mut problems),
            Err(problem) => problems.push(problem),
        }
    }
    from_environment(&sources.environment, &mut given, &mut problems);
    for flag in &sources.flags {
        from_flag(flag, &mut given, &mut problems);
    }
    (given, problems)
}

fn read(path: &Path) -> Result<String, Problem> {
    let whole = || Origin::WholeFile(path.to_owned());
    let unreadable = |error: std::io::Error| {
        let hint = match error.kind() {
            std::io::ErrorKind::NotFound => {
                "check the path after --config or in SCANMILL_CONFIG; without either the defaults apply"
            }
            std::io::ErrorKind::IsADirectory => "name the file itself, like config/local.toml",
            _ => "check the owner and mode of this file",
        };
        Problem::new("", whole(), format!("cannot read the configuration file: {error}"), hint)
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let message = format!("larger than {MAX_FILE_BYTES} bytes");
        return Err(Problem::new("", whole(), message, "this is not a configuration file; check the path"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(error.as_bytes().get(..valid).unwrap_or_default()).into_owned();
        let origin = position(path, &before, before.len());
        Problem::new("", origin, "not UTF-8 text", "save the file as UTF-8; it must be TOML")
    })
}

/// Line and column of a byte offset.
fn position(path: &Path, text: &str, offset: usize) -> Origin {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Origin::File {
        path: path.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before.get(line_start..).map_or(0, |line| line.chars().count()) + 1,
    }
}

fn from_toml(path: &Path, text: &str, given: &mut Vec<Given>, problems: &mut Vec<Problem>) {
    let at = |span: Range<usize>| position(path, text, span.start);
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What follows a broken line is a guess of the parser, so only the syntax is reported.
        problems.extend(errors.iter().map(|error| {
            let hint = "TOML: `key = value` lines under a `[section]`; text is quoted";
            Problem::new("", at(error.span().unwrap_or(0..0)), format!("not TOML: {}", error.message()), hint)
        }));
        return;
    }
    let mut sections: Vec<_> = document.get_ref().iter().collect();
    sections.sort_by_key(|(name, _)| name.span().start);
    for (section, value) in sections {
        let name = section.get_ref().as_ref();
        if !SECTIONS.iter().any(|known| known.name == name) {
            problems.push(Problem::new(name, at(section.span()), "unknown section", section_hint(name)));
            continue;
        }
        let DeValue::Table(table) = value.get_ref() else {
            let message = format!("expected a section, found {}", type_name(value.get_ref()));
            problems.push(Problem::new(name, at(section.span()), message, format!("write `[{name}]` on its own line")));
            continue;
        };
        let mut entries: Vec<(&Spanned<_>, &Spanned<DeValue<'_>>)> = table.iter().collect();
        entries.sort_by_key(|(entry, _)| entry.span().start);
        for (entry, value) in entries {
            match keys::find(name, entry.get_ref()) {
                Some(key) => given.push(Given { key, raw: raw(value.get_ref()), origin: at(entry.span()) }),
                None => problems.push(unknown_key(&format!("{name}.{}", entry.get_ref()), at(entry.span()))),
            }
        }
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.clone().into_owned()),
        DeValue::Integer(whole) => Raw::Whole { digits: whole.as_str().to_owned(), radix: whole.radix() },
        DeValue::Float(decimal) => Raw::Decimal(decimal.as_str().to_owned()),
        DeValue::Boolean(flag) => Raw::Flag(*flag),
        other => Raw::Other(type_name(other)),
    }
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

fn from_environment(variables: &[(OsString, OsString)], given: &mut Vec<Given>, problems: &mut Vec<Problem>) {
    let mut ours: Vec<(String, &OsString)> = variables
        .iter()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value))
        .filter(|(name, _)| name.starts_with("SCANMILL_") && !OTHER_VARIABLES.contains(&name.as_str()))
        .collect();
    ours.sort();
    for (name, value) in ours {
        match keys::all().find(|key| key.variable() == name) {
            Some(key) => given.push(Given { key, raw: Raw::Untyped(value.clone()), origin: Origin::Environment(name) }),
            None => {
                let known: Vec<String> = keys::all().map(Key::variable).collect();
                let hint = match nearest(&name, known.iter().map(String::as_str)) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "unset it; the names are SCANMILL_<SECTION>_<KEY>, see config/local.toml".into(),
                };
                problems.push(Problem::new("", Origin::Environment(name), "no key has this name", hint));
            }
        }
    }
}

fn from_flag(flag: &FlagValue, given: &mut Vec<Given>, problems: &mut Vec<Problem>) {
    let origin = Origin::Flag(flag.flag);
    match flag.key.split_once('.').and_then(|(section, name)| keys::find(section, name)) {
        Some(key) => given.push(Given { key, raw: Raw::Untyped(flag.value.clone()), origin }),
        None => problems.push(unknown_key(&flag.key, origin)),
    }
}

fn unknown_key(path: &str, origin: Origin) -> Problem {
    let (section, name) = path.split_once('.').unwrap_or(("", path));
    let here: Vec<&str> = keys::all().filter(|key| key.section == section).map(|key| key.name).collect();
    let elsewhere = keys::all().find(|key| key.name == name);
    let known: Vec<String> = keys::all().map(Key::path).collect();
    let hint = if let Some(meant) = nearest(name, here.iter().copied()) {
        format!("did you mean `{section}.{meant}`?")
    } else if let Some(key) = elsewhere {
        format!("did you mean `{}`?", key.path())
    } else if let Some(meant) = nearest(path, known.iter().map(String::as_str)) {
        format!("did you mean `{meant}`?")
    } else if here.is_empty() {
        section_hint(section)
    } else {
        format!("[{section}] has: {}", here.join(", "))
    };
    Problem::new(path, origin, "unknown key", hint)
}

fn section_hint(name: &str) -> String {
    if let Some(key) = keys::all().find(|key| key.name == name) {
        return format!("`{name}` belongs under `[{}]`", key.section);
    }
    match nearest(name, SECTIONS.iter().map(|section| section.name)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => {
            let all: Vec<&str> = SECTIONS.iter().map(|section| section.name).collect();
            format!("the sections are: {}", all.join(", "))
        }
    }
}
