//! Lines on stdout and stderr that respect a drawn progress bar and a reader that went away.

use std::fmt;
use std::io::{self, ErrorKind, Write};

use serde::Serialize;

use super::progress;
use crate::error::{Error, Result};

/// The cause of an error that means nobody reads stdout any more: the command ends quietly.
#[derive(Debug)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its reader closed it")
    }
}

impl std::error::Error for Closed {}

/// Prints one line on stdout. Never `println!`, which panics when the reader is gone.
///
/// # Errors
/// [`Closed`] as the cause when the reader is gone: hand it up with `?`.
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
    let line = serde_json::to_string(value).map_err(|error| Error::bug("no JSON for this output").source(error))?;
    Ok(line + "\n")
}

/// Prints one line on stderr, for people: what happens, where things are. Nobody reading is no error.
pub fn note(line: &str) {
    progress::around(|| {
        let _ = writeln!(io::stderr().lock(), "{line}");
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

fn write_stdout(bytes: &[u8]) -> Result<()> {
    progress::around(|| {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush())
    })
    .map_err(failed)
}

fn failed(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::BrokenPipe => Error::permanent("cannot write to stdout").source(Closed),
        ErrorKind::StorageFull => {
            Error::transient("cannot write to stdout").hint("the disk of the file behind it is full").source(error)
        }
        _ => Error::transient("cannot write to stdout").source(error),
    }
}
