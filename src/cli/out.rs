//! Lines on stdout and stderr that respect a drawn progress bar and a reader that went away.

use std::fmt;
use std::io::{self, BufWriter, ErrorKind, Stdout, Write};

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
    progress::around(|| {
        let mut stdout = io::stdout().lock();
        stdout.write_all(line.as_bytes()).and_then(|()| stdout.write_all(b"\n")).and_then(|()| stdout.flush())
    })
    .map_err(failed)
}

/// Prints `value` as one line of JSON on stdout.
///
/// # Errors
/// As [`print_line`].
pub fn print_json(value: &impl Serialize) -> Result<()> {
    let line = serde_json::to_string(value).map_err(|error| Error::bug("no JSON for this output").source(error))?;
    print_line(&line)
}

/// Prints one line on stderr, for people: what happens, where things are. Nobody reading is no error.
pub fn note(line: &str) {
    progress::around(|| {
        let _ = writeln!(io::stderr().lock(), "{line}");
    });
}

/// Buffered stdout, for output of many lines.
pub struct Lines(BufWriter<Stdout>);

impl Default for Lines {
    fn default() -> Self {
        Lines(BufWriter::with_capacity(64 << 10, io::stdout()))
    }
}

impl Lines {
    /// Adds one line.
    ///
    /// # Errors
    /// As [`print_line`].
    pub fn line(&mut self, line: &str) -> Result<()> {
        self.0.write_all(line.as_bytes()).and_then(|()| self.0.write_all(b"\n")).map_err(failed)
    }

    /// Hands everything to the reader. Call it at the end: what Drop cannot write is lost without a word.
    ///
    /// # Errors
    /// As [`print_line`].
    pub fn flush(&mut self) -> Result<()> {
        self.0.flush().map_err(failed)
    }
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
