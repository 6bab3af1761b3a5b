//! Logs: one line an event, on stderr, for people or as JSON.

use std::io;
use std::sync::Arc;

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::{EnvFilter, fmt};

/// How a logged event looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The SDK warns at every search for credentials, which the engine's own lines tell once a minute and with the remedy.
const FOREIGN: &str = "aws_config=error";

/// Starts logging for the whole process. `write` gets each event's bytes, whole lines, and puts them on stderr without
/// disturbing a progress bar. `filter` is like `info,scanmill=debug`; directives that do not parse are left out. A second call changes nothing: the first command to start decides.
pub fn init(form: Form, filter: &str, write: impl Fn(&[u8]) + Send + Sync + 'static) {
    let filter = EnvFilter::new(format!("{FOREIGN},{filter}"));
    let writer = Writer(Arc::new(write));
    let builder = fmt().with_env_filter(filter).with_writer(writer);
    let started = match form {
        Form::Json => builder.json().flatten_event(true).try_init(),
        Form::Text => builder.with_ansi(colours()).with_target(false).try_init(),
    };
    // The only error is "already started".
    drop(started);
}

/// Colours are for terminals whose owner did not refuse them (no-color.org).
fn colours() -> bool {
    io::IsTerminal::is_terminal(&io::stderr()) && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Puts bytes where logs go.
type Write = dyn Fn(&[u8]) + Send + Sync;

/// Hands a whole event to the closure: the formatter writes each event with one call.
#[derive(Clone)]
struct Writer(Arc<Write>);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.0)(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Writer {
    type Writer = Writer;
    fn make_writer(&'a self) -> Writer {
        self.clone()
    }
}
