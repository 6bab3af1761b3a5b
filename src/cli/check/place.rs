//! Folders and files under the root, looked at and not touched.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};

use super::Check;
use crate::app;
use crate::config::Settings;
use crate::config::settings::{QueueKind, StoreKind, WarehouseKind};

/// Free space below which the engine will soon stand still.
const FAIL_BELOW: u64 = 64 << 20;
/// Free space below which a word is due.
const WARN_BELOW: u64 = 1 << 30;
/// How every SQLite file of more than zero bytes starts.
const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";

const ROOT: &str = "root folder";

/// The queue's file under the root, with the name of its check, if there is to be one.
pub(super) fn queue_file(settings: &Settings) -> Option<(&'static str, PathBuf)> {
    (settings.queue.kind == QueueKind::Sqlite).then(|| ("queue file", app::queue_path(settings)))
}

/// The warehouse's file under the root, with the name of its check, if there is to be one.
pub(super) fn warehouse_file(settings: &Settings) -> Option<(&'static str, PathBuf)> {
    (settings.warehouse.kind == WarehouseKind::Sqlite).then(|| ("warehouse file", app::warehouse_path(settings)))
}

/// The folders, with the name of their check.
pub(super) fn folders(settings: &Settings) -> Vec<(&'static str, PathBuf)> {
    let (local, store) = (&settings.local, &settings.store);
    let mut folders = vec![(ROOT, local.root.clone())];
    if store.kind == StoreKind::Folder {
        folders.push(("inbox folder", local.root.join(&store.inbox)));
        folders.push(("results folder", local.root.join(&store.results)));
    }
    folders
}

/// Checks them all.
pub(super) fn check(settings: &Settings, checks: &mut Vec<Check>) {
    checks.extend(folders(settings).into_iter().map(|(name, path)| folder(name, &path)));
    checks.push(free_space(&settings.local.root));
    let files = queue_file(settings).into_iter().chain(warehouse_file(settings));
    checks.extend(files.map(|(name, path)| database(name, &path)));
}

fn folder(name: &'static str, path: &Path) -> Check {
    let shown = path.display();
    // The root may be a link, what is in it not.
    let is_link = name != ROOT && fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    match fs::metadata(path) {
        _ if is_link => Check::fail(name, format!("{shown} is a symbolic link, not a folder"), app::NO_LINKS),
        Ok(found) if !found.is_dir() => {
            Check::fail(name, format!("{shown} is not a folder"), "move it away, or choose another --root")
        }
        Ok(_) => match access(path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
            Ok(()) => Check::ok(name, format!("{shown} is there and writable")),
            Err(error) => Check::fail(name, format!("{shown}: {error}"), "check its owner and mode"),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let parent = nearest_existing(path);
            match access(&parent, Access::WRITE_OK | Access::EXEC_OK) {
                Ok(()) => Check::ok(name, format!("{shown} will be created by run")),
                Err(error) => Check::fail(
                    name,
                    format!("{shown} is missing and cannot be created in {}: {error}", parent.display()),
                    "create it, or choose another --root",
                ),
            }
        }
        Err(error) => Check::fail(name, format!("{shown}: {error}"), "choose another --root"),
    }
}

/// The path itself or the nearest folder above it that exists.
fn nearest_existing(path: &Path) -> PathBuf {
    let above = path.ancestors().find(|folder| !folder.as_os_str().is_empty() && fs::metadata(folder).is_ok());
    above.unwrap_or(Path::new(".")).to_owned()
}

fn free_space(root: &Path) -> Check {
    let name = "free space";
    let place = nearest_existing(root);
    let hint = "free some space: with a full disk photos wait in the queue, nothing is lost";
    match statvfs(&place) {
        Err(error) => Check::warn(name, format!("cannot check {}: {error}", place.display()), "look with df"),
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let message = format!("{} MiB on the disk of {}", free >> 20, place.display());
            match free {
                _ if free < FAIL_BELOW => Check::fail(name, message, hint),
                _ if free < WARN_BELOW => Check::warn(name, message, hint),
                _ => Check::ok(name, message),
            }
        }
    }
}

/// Looks at one database file without opening it.
pub(super) fn database(name: &'static str, path: &Path) -> Check {
    let shown = path.display();
    // A link is not followed, as the engine does not.
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Check::ok(name, format!("{shown} will be created by run"));
        }
        Err(error) => return Check::fail(name, format!("{shown}: {error}"), "check the owner and mode of its folder"),
    };
    let not_ours = "this file is something else: move it away, or choose another --root";
    // Asked before opening: opening a FIFO would wait for its writer.
    if !found.is_file() {
        return Check::fail(name, format!("{shown} is not a regular file"), not_ours);
    }
    if let Err(error) = access(path, Access::READ_OK | Access::WRITE_OK) {
        return Check::fail(name, format!("{shown}: {error}"), "check its owner and mode");
    }
    let mut head = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(SQLITE_MAGIC.len() as u64).read_to_end(&mut head));
    match read {
        Err(error) => Check::fail(name, format!("{shown}: {error}"), "check the disk"),
        Ok(_) if head.is_empty() || head == SQLITE_MAGIC => {
            Check::ok(name, format!("{shown}, {} KiB", found.len() >> 10))
        }
        Ok(_) => Check::fail(name, format!("{shown} is not an SQLite database"), not_ours),
    }
}
