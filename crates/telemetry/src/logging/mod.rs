//! Logs: one line an event, on stderr, for people, as JSON or as logfmt.

mod logfmt;

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Once, OnceLock};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, registry, reload};

/// How a logged event looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogForm {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
    /// `key=value` pairs.
    Logfmt,
}

/// The SDK warns at every search for credentials, which the engine's own lines tell once a minute and with the remedy.
const FOREIGN: &str = "aws_config=error";

/// The form of every line on stderr, as a `LogForm`. Guessed before the settings are read, so that also what is wrong with
/// them has it.
static FORM: AtomicU8 = AtomicU8::new(LogForm::Text as u8);

/// The form of every line on stderr.
pub fn form() -> LogForm {
    [LogForm::Json, LogForm::Logfmt]
        .into_iter()
        .find(|form| *form as u8 == FORM.load(Ordering::Relaxed))
        .unwrap_or(LogForm::Text)
}

/// Says which form every line on stderr has, those of panics included.
pub fn set_form(new: LogForm) {
    static HOOK: Once = Once::new();
    FORM.store(new as u8, Ordering::Relaxed);
    if new != LogForm::Text {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| match line("ERROR", &info.to_string(), &[]) {
                Some(line) => drop(io::Write::write_all(&mut io::stderr().lock(), line.as_bytes())),
                None => before(info),
            }));
        });
    }
}

/// One line in the form of the log, line end included. `None` where the log is for people.
pub fn line(level: &str, message: &str, fields: &[(&str, &str)]) -> Option<String> {
    match form() {
        LogForm::Text => None,
        LogForm::Json => Some(json_line(level, message, fields)),
        LogForm::Logfmt => Some(logfmt::line(level, message, fields)),
    }
}

fn json_line(level: &str, message: &str, fields: &[(&str, &str)]) -> String {
    let mut line = serde_json::Map::new();
    line.insert("timestamp".into(), jiff::Timestamp::now().to_string().into());
    line.insert("level".into(), level.into());
    line.insert("message".into(), message.into());
    for (name, value) in fields {
        line.insert((*name).to_owned(), (*value).into());
    }
    serde_json::Value::Object(line).to_string() + "\n"
}

/// Starts logging for the whole process. `write` gets each event's bytes, whole lines, and puts them on stderr without
/// disturbing a progress bar. `filter` is like `info,scanmill=debug`; directives that do not parse are left out. A second call changes nothing: the first command to start decides.
pub fn init(form: LogForm, filter: &str, write: impl Fn(&[u8]) + Send + Sync + 'static) {
    set_form(form);
    let (filter, handle) = reload::Layer::new(directives(filter));
    let layer = fmt::layer().with_writer(EventWriter(Arc::new(write)));
    let layer = match form {
        LogForm::Text => layer.with_ansi(colours()).with_target(false).boxed(),
        LogForm::Json => layer.json().flatten_event(true).boxed(),
        LogForm::Logfmt => layer.event_format(logfmt::Logfmt).boxed(),
    };
    // The only error is "already started".
    if registry().with(filter).with(layer).try_init().is_ok() {
        let _ = FILTER.set(handle);
    }
}

/// Puts another filter in force, where logging was started.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Logs by another filter from now on. Without a log, nothing changes.
pub fn set_filter(filter: &str) {
    if FILTER.get().is_some_and(|handle| handle.reload(directives(filter)).is_err()) {
        tracing::error!(filter, "the log's filter stays as it was");
    }
}

fn directives(filter: &str) -> EnvFilter {
    EnvFilter::new(format!("{FOREIGN},{filter}"))
}

/// Colours are for terminals whose owner did not refuse them (no-color.org).
fn colours() -> bool {
    io::IsTerminal::is_terminal(&io::stderr()) && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Puts bytes where logs go.
type Write = dyn Fn(&[u8]) + Send + Sync;

/// Hands a whole event to the closure: the formatter writes each event with one call.
#[derive(Clone)]
struct EventWriter(Arc<Write>);

impl io::Write for EventWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.0)(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for EventWriter {
    type Writer = EventWriter;
    fn make_writer(&'a self) -> EventWriter {
        self.clone()
    }
}
