//! SQLite's errors in scanmill's classes.

use std::fmt::Display;
use std::path::Path;

use rusqlite::ErrorCode;

use crate::sqlite::{IS_LINK, class, is_link};
use scanmill_core::error::{Class, Error};

/// What `what` failed with on the warehouse at `path`. For `map_err`: `.map_err(sql_error("cannot load", path))`.
pub(super) fn sql_error<'a>(what: impl Display + 'a, path: &'a Path) -> impl FnOnce(rusqlite::Error) -> Error + 'a {
    move |error| {
        let (class, hint) = verdict(&error);
        let made = Error::new(class, format!("{what}: warehouse `{}`", path.display())).with_source(error);
        match hint {
            Some(hint) => made.with_hint(hint),
            None => made,
        }
    }
}

fn verdict(error: &rusqlite::Error) -> (Class, Option<&'static str>) {
    let Some(code) = error.sqlite_error_code() else {
        // Wrong parameters, several statements: the statement as given can never run.
        return (Class::Permanent, None);
    };
    if is_missing_table(error) {
        let hint = "tables and marts are not there or not up to date: `scanmill schema --apply` creates them";
        return (Class::Missing, Some(hint));
    }
    let hint = match code {
        _ if is_link(error) => Some(IS_LINK),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Some(
            "another program holds it: a second scanmill, or a BI tool or sqlite3 shell inside a write transaction \
             (`fuser` on the file names it)",
        ),
        ErrorCode::DiskFull => Some("the disk is full: free some space"),
        ErrorCode::NotADatabase => {
            Some("it is not an SQLite database: move it away, or set `local.root` to another folder")
        }
        ErrorCode::DatabaseCorrupt => {
            Some("the file is damaged: move it away and run again; every sealed batch is then loaded anew")
        }
        ErrorCode::CannotOpen => Some("does its folder exist, and may this user write there?"),
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
            Some("check the owner and mode of the file and its folder")
        }
        _ => None,
    };
    (class(code), hint)
}

/// SQLite has one code for every mistake in a statement; only the text tells this one apart.
fn is_missing_table(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.contains("no such table"),
        rusqlite::Error::SqlInputError { msg, .. } => msg.contains("no such table"),
        _ => false,
    }
}
