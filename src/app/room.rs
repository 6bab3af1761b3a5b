//! Whether the system gives this process what it cannot do without. The runtime ends a process that runs out of either
//! while it starts with a panic, which names no remedy.

use std::sync::mpsc;
use std::thread;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::{Error, Result};

/// Open files without which no engine starts.
const LEAST_FILES: u64 = 64;
/// Threads that every command has beside those for I/O.
const OTHER_THREADS: usize = 4;

/// Allows this process as many open files as it may allow itself: the soft limit is for programs that number their files
/// with `select`, which nothing here does, and the limits that follow from the machine follow from it.
pub fn raise_open_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // A refusal leaves what there was.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

/// Checks that there is room for the files of an engine, and for `io_threads`.
///
/// # Errors
/// [`crate::error::Class::Permanent`] where the limit on open files is too low, [`crate::error::Class::Transient`] where no
/// more threads can be had, which other processes of this user may change.
pub(super) fn check(io_threads: usize) -> Result<()> {
    let files = getrlimit(Resource::Nofile).current;
    if let Some(files) = files.filter(|files| *files < LEAST_FILES) {
        let hint = format!("raise the limit: `ulimit -n {LEAST_FILES}` or more, in a unit `LimitNOFILE=`");
        return Err(
            Error::permanent(format!("this process may open {files} files, and needs {LEAST_FILES}")).with_hint(hint)
        );
    }
    check_threads(io_threads + OTHER_THREADS)
}

/// Starts them all, side by side, and lets them end.
fn check_threads(count: usize) -> Result<()> {
    // Each waits until its sender is gone.
    let mut kept = Vec::with_capacity(count);
    let started = (0..count).try_for_each(|_| {
        let (end, wait) = mpsc::sync_channel::<()>(0);
        let thread = thread::Builder::new().stack_size(64 << 10).spawn(move || wait.recv().is_err())?;
        kept.push((end, thread));
        Ok(())
    });
    for (end, thread) in kept {
        drop(end);
        // A thread that only waits does not panic.
        let _ = thread.join();
    }
    started.map_err(|error: std::io::Error| {
        let hint = "raise the limit: `ulimit -u`, in a unit `TasksMax=`, of a container its pids limit";
        Error::transient(format!("cannot start {count} threads")).with_source(error).with_hint(hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_room() {
        check(4).unwrap();
        check_threads(200).unwrap();
    }
}
