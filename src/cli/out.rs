//! Lines on stdout and stderr that respect a drawn progress bar and a reader that went away.

use std::borrow::Cow;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::progress;
use crate::error::{Error, Result};
use crate::telemetry::logging::{self, LogForm};

/// Whether whoever read stdout has gone. What is printed from then on is dropped and no error: `verify | head -1` has
/// its answer to give by its exit code all the same.
static IS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Prints one line on stdout. Never `println!`, which panics when the reader is gone.
///
/// # Errors
/// A stdout that cannot be written, as a full disk. A reader that is gone is none.
pub fn print_line(line: &str) -> Result<()> {
    write_stdout(format!("{line}\n").as_bytes())
}

/// Prints text of any number of lines on stdout, as it is.
///
/// # Errors
/// As [`print_line`].
pub fn print_text(text: &str) -> Result<()> {
    write_stdout(text.as_bytes())
}

/// A name that others gave, for people: with its control characters and marks of direction escaped, so that it is one line
/// and says nothing to the terminal.
pub fn name(text: &str) -> Cow<'_, str> {
    let is_unsafe = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if is_unsafe(letter) { escaped.extend(letter.escape_default()) } else { escaped.push(letter) }
    }
    Cow::Owned(escaped)
}

/// Prints `value` as one line of JSON on stdout.
///
/// # Errors
/// As [`print_line`].
pub fn print_json(value: &impl Serialize) -> Result<()> {
    print_text(&json_line(value)?)
}

/// `value` as one line of JSON, line end included.
///
/// # Errors
/// A value that has no JSON (a bug).
pub fn json_line(value: &impl Serialize) -> Result<String> {
    let line =
        serde_json::to_string(value).map_err(|error| Error::bug("no JSON for this output").with_source(error))?;
    Ok(line + "\n")
}

/// Prints one line on stderr, for people: what happens, where things are. Where `log.format` is for machines, as a line of the log.
/// Nobody reading is not an error.
pub fn note(line: &str) {
    say("INFO", line, None);
}

/// Tells on stderr why the command ends, and the remedy.
pub fn fail(error: &Error) {
    match logging::form() {
        LogForm::Text => say("ERROR", &format!("error: {}", error.report()), None),
        LogForm::Json | LogForm::Logfmt => say("ERROR", &error.to_string(), error.hint_text()),
    }
}

fn say(level: &str, line: &str, hint: Option<&str>) {
    let line = logging::line(level, line, hint.map(|hint| ("hint", hint)).as_slice()).unwrap_or(format!("{line}\n"));
    progress::around(|| {
        let _ = io::stderr().lock().write_all(line.as_bytes());
    });
}

/// Buffered stdout, for output of many lines.
#[derive(Default)]
pub struct Lines(Vec<u8>);

impl Lines {
    /// Bytes kept before they are written.
    const KEPT: usize = 64 << 10;

    /// Adds one line.
    ///
    /// # Errors
    /// As [`print_line`].
    pub fn line(&mut self, line: &str) -> Result<()> {
        self.0.extend_from_slice(line.as_bytes());
        self.0.push(b'\n');
        if self.0.len() >= Self::KEPT { self.flush() } else { Ok(()) }
    }

    /// Hands everything to the reader. Call it at the end: what was not flushed is not printed.
    ///
    /// # Errors
    /// As [`print_line`].
    pub fn flush(&mut self) -> Result<()> {
        let written = write_stdout(&self.0);
        self.0.clear();
        written
    }
}

/// Stdout for whoever writes bytes: a drawn bar is taken off meanwhile, and a reader that went away is not an error.
pub struct Stdout;

impl Stdout {
    fn unless_closed(write: impl FnOnce(&mut io::StdoutLock<'_>) -> io::Result<()>) -> io::Result<()> {
        if IS_CLOSED.load(Ordering::Relaxed) {
            return Ok(());
        }
        match progress::around(|| write(&mut io::stdout().lock())) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                IS_CLOSED.store(true, Ordering::Relaxed);
                Ok(())
            }
            written => written,
        }
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Stdout::unless_closed(|stdout| stdout.write_all(bytes)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Stdout::unless_closed(|stdout| stdout.flush())
    }
}

fn write_stdout(bytes: &[u8]) -> Result<()> {
    Stdout.write_all(bytes).and_then(|()| Stdout.flush()).map_err(failed)
}

fn failed(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull => Error::transient("cannot write to stdout")
            .with_hint("the disk of the file behind it is full")
            .with_source(error),
        _ => Error::transient("cannot write to stdout").with_source(error),
    }
}
