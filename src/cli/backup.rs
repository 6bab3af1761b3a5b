//! `scanmill backup` and `scanmill restore`: the embedded queue, the embedded warehouse and the batches between them, as
//! of one moment, while the engine works.
//!
//! The order makes the copy whole: first the queue, then the batches, then the warehouse. A message that is not in the
//! copied queue was settled before, so its batch was durable before and is in the copied results or already in the copied
//! warehouse. What is in both is loaded once, as ever.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::report::block_on;
use super::{Exit, GlobalArgs, out, settings};
use crate::app;
use crate::config::Settings;
use crate::diagnostics::counted;
use crate::domain::row::utc_millis;
use crate::error::{Error, Result};

/// Says what a backup holds; written last, so that one without it is none.
const NOTE: &str = "backup.json";

/// Copies the embedded queue, warehouse and batches into a new folder, even while the engine runs
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scanmill backup --root data backups/2026-11-29
  scanmill restore --root restored backups/2026-11-29

The photos in the inbox are not copied: back that folder up like any other.")]
pub struct BackupArgs {
    /// Folder to make
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// Print one JSON object instead of a sentence
    #[arg(long)]
    pub json: bool,
}

/// Creates a root from a backup
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  scanmill restore --root restored backups/2026-11-29

The root must hold no queue and no warehouse. The next `scanmill run` loads what the backup had sealed and not loaded.")]
pub struct RestoreArgs {
    /// Folder that `scanmill backup` made
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// Print one JSON object instead of a sentence
    #[arg(long)]
    pub json: bool,
}

/// What a backup holds.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    version: String,
    made_at: String,
    /// Files, by their path in the root.
    files: Vec<PathBuf>,
    bytes: u64,
}

/// Runs `backup`.
pub fn backup(args: &BackupArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = settings::load(global)?;
    let to = &args.folder;
    let databases = app::embedded_databases(&settings)?;
    fs::create_dir(to).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Error::permanent(format!("`{}` is there already", to.display()))
            .with_hint("a backup is a folder of its own: choose a name that is not taken"),
        _ => Error::io("cannot make the folder", to, error),
    })?;
    let mut note = Note {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: utc_millis(Timestamp::now()),
        files: Vec::new(),
        bytes: 0,
    };
    let (warehouse, queues): (Vec<_>, Vec<_>) = databases.into_iter().partition(app::Database::is_warehouse);
    let copy = |database: app::Database, note: &mut Note| {
        let name = database.name();
        block_on(database.copy_to(&to.join(name)))?;
        add(note, to, name.into())
    };
    for database in queues {
        copy(database, &mut note)?;
    }
    copy_batches(&settings, to, &mut note)?;
    for database in warehouse {
        copy(database, &mut note)?;
    }
    let text =
        serde_json::to_vec_pretty(&note).map_err(|error| Error::bug("a note does not serialise").with_source(error))?;
    let path = to.join(NOTE);
    let written = File::create_new(&path).and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()));
    written.map_err(|error| Error::io("cannot write", &path, error))?;
    tell(args.json, &note, &format!("backed up into `{}`", to.display()))
}

/// Runs `restore`.
pub fn restore(args: &RestoreArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = settings::load(global)?;
    let (from, root) = (&args.folder, &settings.local.root);
    let path = from.join(NOTE);
    let text = fs::read(&path).map_err(|error| {
        Error::io("cannot read", &path, error).with_hint("a complete backup of `scanmill backup` has this file")
    })?;
    let note: Note = serde_json::from_slice(&text).map_err(|error| {
        Error::permanent(format!("`{}` is not the description of a backup", path.display())).with_source(error)
    })?;
    for file in &note.files {
        let is_plain = file.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !is_plain {
            return Err(Error::permanent(format!("the backup names `{}`, which is not below a root", file.display())));
        }
        let target = root.join(file);
        if fs::symlink_metadata(&target).is_ok() {
            return Err(Error::permanent(format!("`{}` is there already", target.display()))
                .with_hint("restore into a root that is new: choose it with --root, or move the old one away"));
        }
    }
    for file in &note.files {
        let target = root.join(file);
        let folder = target.parent().unwrap_or(root);
        fs::create_dir_all(folder).map_err(|error| Error::io("cannot make the folder", folder, error))?;
        let path = from.join(file);
        if !copy_file(&path, &target)? {
            return Err(Error::missing(format!("the backup names `{}`, which is not there", path.display())));
        }
    }
    tell(args.json, &note, &format!("restored into `{}`", root.display()))
}

fn tell(is_json: bool, note: &Note, done: &str) -> Result<Exit> {
    let (files, bytes, made_at) = (counted(note.files.len() as u64, "file"), note.bytes, &note.made_at);
    out::print_text(&match is_json {
        true => out::json_line(note)?,
        false => format!("{done}: {files}, {bytes} bytes, of {made_at}\n"),
    })?;
    Ok(Exit::Success)
}

/// Batches that are in a folder; in S3 they need no copy.
fn copy_batches(settings: &Settings, to: &Path, note: &mut Note) -> Result<()> {
    let Some(folder) = app::batches_folder(settings) else { return Ok(()) };
    let from = settings.local.root.join(&folder);
    let entries = match fs::read_dir(&from) {
        Ok(entries) => entries,
        // Nothing was sealed yet.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("cannot list", &from, error)),
    };
    let target = to.join(&folder);
    fs::create_dir_all(&target).map_err(|error| Error::io("cannot make the folder", &target, error))?;
    for entry in entries {
        let entry = entry.map_err(|error| Error::io("cannot list", &from, error))?;
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let name = folder.join(entry.file_name());
            // One that was listed and is gone was pruned, and so is in the warehouse, which is copied last.
            if copy_file(&entry.path(), &to.join(&name))? {
                add(note, to, name)?;
            }
        }
    }
    Ok(())
}

fn add(note: &mut Note, to: &Path, file: PathBuf) -> Result<()> {
    let path = to.join(&file);
    note.bytes += fs::metadata(&path).map_err(|error| Error::io("cannot stat", &path, error))?.len();
    note.files.push(file);
    Ok(())
}

/// Copies a file, durably, to a name that is free; whether there was one.
fn copy_file(from: &Path, to: &Path) -> Result<bool> {
    let mut source = match File::open(from) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        opened => opened.map_err(|error| Error::io("cannot open", from, error))?,
    };
    let copied = File::create_new(to).and_then(|mut target| {
        std::io::copy(&mut source, &mut target)?;
        target.sync_all()
    });
    copied.map(|()| true).map_err(|error| Error::io("cannot write", to, error))
}
