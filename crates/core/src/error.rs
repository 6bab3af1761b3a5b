//! The one error type that crosses seams.
//!
//! An error knows its [`Class`] from the moment it is born: the class, and nothing else, decides whether the work is
//! tried again, the photo is rejected, or the process stops. A message says what failed and on what; a hint says what
//! the reader can do about it; the source keeps the cause.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// What may be done about an error. Matched exhaustively: a new class must be decided on at every seam.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Trying again gives the same answer: bad configuration, a newer schema.
    Permanent,
    /// The other side refuses us: no permission, unknown credentials, another region. Somebody must fix that from
    /// outside; the thing asked for may be well.
    Refused,
    /// Trying again may work: a reset connection, a locked database, a full disk.
    Transient,
    /// The other side asks for less: try again later and slower.
    Throttled,
    /// The thing asked for is not there.
    Missing,
    /// The thing asked for is larger than a limit of ours allows.
    TooLarge,
    /// The input itself is the problem; it must never be tried a second time unchanged.
    Poison,
    /// Our own mistake: an invariant did not hold.
    Bug,
}

impl Class {
    /// Every class.
    pub const ALL: [Class; 8] = [
        Class::Permanent,
        Class::Refused,
        Class::Transient,
        Class::Throttled,
        Class::Missing,
        Class::TooLarge,
        Class::Poison,
        Class::Bug,
    ];

    /// The class as a metric label and log field.
    pub const fn as_str(self) -> &'static str {
        match self {
            Class::Permanent => "permanent",
            Class::Refused => "refused",
            Class::Transient => "transient",
            Class::Throttled => "throttled",
            Class::Missing => "missing",
            Class::TooLarge => "too_large",
            Class::Poison => "poison",
            Class::Bug => "bug",
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(self) -> bool {
        match self {
            Class::Transient | Class::Throttled => true,
            Class::Permanent | Class::Refused | Class::Missing | Class::TooLarge | Class::Poison | Class::Bug => false,
        }
    }
}

/// An error with its class, a message, and where useful a hint, a cause and a wait.
pub struct Error(Box<Inner>);

struct Inner {
    class: Class,
    message: String,
    hint: Option<String>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// `Result` with scanmill's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `class`. The message is lower case, without a final period, and names the thing it is about.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { class, message: message.into(), hint: None, retry_after: None, source: None }))
    }
    /// See [`Class::Permanent`].
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::new(Class::Permanent, message)
    }
    /// See [`Class::Refused`].
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Class::Refused, message)
    }
    /// See [`Class::Transient`].
    pub fn transient(message: impl Into<String>) -> Self {
        Self::new(Class::Transient, message)
    }
    /// See [`Class::Throttled`].
    pub fn throttled(message: impl Into<String>) -> Self {
        Self::new(Class::Throttled, message)
    }
    /// See [`Class::Missing`].
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(Class::Missing, message)
    }
    /// See [`Class::TooLarge`].
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(Class::TooLarge, message)
    }
    /// See [`Class::Poison`].
    pub fn poison(message: impl Into<String>) -> Self {
        Self::new(Class::Poison, message)
    }
    /// See [`Class::Bug`].
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(Class::Bug, message)
    }

    /// The same error in another class, where the caller knows better what may be done about it.
    pub fn with_class(mut self, class: Class) -> Self {
        self.0.class = class;
        self
    }
    /// Adds what the reader can do about it.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }
    /// Adds the cause.
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }
    /// Adds how long the other side asked us to wait.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }
    /// Puts `context` before the message: `loading batch b1: database is locked`.
    pub fn with_context(mut self, context: impl fmt::Display) -> Self {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }

    /// The class given at birth.
    pub fn class(&self) -> Class {
        self.0.class
    }
    /// The hint, if there is one.
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
    /// The wait the other side asked for, if it did.
    pub fn wait(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Message, causes and hint as the command line shows them.
    pub fn report(&self) -> String {
        let mut text = self.to_string();
        if let Some(hint) = self.hint_text() {
            text.push_str("\n  hint: ");
            text.push_str(hint);
        }
        text
    }

    /// Whether this process, or the system, has no file descriptor left.
    pub fn is_out_of_files(&self) -> bool {
        let mut next = StdError::source(self);
        while let Some(error) = next {
            let io = error.downcast_ref::<std::io::Error>();
            if io.is_some_and(|error| matches!(error.raw_os_error(), Some(ENFILE | EMFILE))) {
                return true;
            }
            next = error.source();
        }
        false
    }

    /// A file system error about `path`, classed by its kind.
    pub fn io(what: impl fmt::Display, path: &std::path::Path, error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        let class = match error.kind() {
            ErrorKind::NotFound => Class::Missing,
            ErrorKind::PermissionDenied
            | ErrorKind::InvalidInput
            | ErrorKind::IsADirectory
            | ErrorKind::NotADirectory
            | ErrorKind::ReadOnlyFilesystem => Class::Permanent,
            _ => Class::Transient,
        };
        let made = Self::new(class, format!("{what} `{}`", path.display()));
        let made = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                made.with_hint("the disk is full: free some space; the work is retried automatically")
            }
            ErrorKind::PermissionDenied => made.with_hint("check the owner and mode of this path"),
            ErrorKind::ReadOnlyFilesystem => {
                made.with_hint("this disk is mounted read-only: mount it for writing, or choose another place")
            }
            _ if matches!(error.raw_os_error(), Some(ENFILE | EMFILE)) => made.with_hint(TOO_MANY_FILES),
            _ => made,
        };
        made.with_source(error)
    }
}

/// "Too many open files", in the system and in this process; the same numbers on every Unix.
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
const TOO_MANY_FILES: &str = "too many files are open: raise the limit (`ulimit -n`, in a unit `LimitNOFILE=`) and start \
                              again; until then the work is retried automatically";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.message.clone();
        let mut cause = StdError::source(self);
        while let Some(error) = cause {
            // Many errors, this one among them, tell their cause themselves and have it as their source too.
            let text = error.to_string();
            if !said.ends_with(&text) {
                said = format!("{said}: {text}");
            }
            cause = error.source();
        }
        f.write_str(&said)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} error: {self}", self.0.class.as_str())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once_however_often_errors_pass_it_on() {
        let io = || std::io::Error::from_raw_os_error(EMFILE);
        let inner = Error::io("cannot open", std::path::Path::new("/x"), io());
        let outer = Error::transient("cannot start").with_source(inner).with_context("run");
        assert_eq!(outer.to_string(), format!("run: cannot start: cannot open `/x`: {}", io()));
        assert_eq!(Error::bug(format!("failed: {}", io())).with_source(io()).to_string(), format!("failed: {}", io()));
    }

    #[test]
    fn the_report_names_what_why_and_the_remedy() {
        let cause = std::io::Error::new(std::io::ErrorKind::StorageFull, "no space left");
        let error = Error::io("cannot write", std::path::Path::new("/data/x"), cause).with_context("sealing batch b1");
        assert_eq!(error.class(), Class::Transient);
        let report = error.report();
        assert!(report.starts_with("sealing batch b1: cannot write `/data/x`: no space left"), "{report}");
        assert!(report.contains("hint: the disk is full"), "{report}");
        let error = Error::io("cannot open", std::path::Path::new("/x"), std::io::Error::from_raw_os_error(EMFILE));
        assert!(error.report().contains("LimitNOFILE"), "{}", error.report());
    }
}
