//! Bad input and bad places, met by the real binary: each is a clear line with what, where and the remedy, the right
//! exit code, no panic, and nothing lost once the fault is gone.

mod batches;
mod commands;
mod databases;
mod disk;
mod inbox;
mod signals;

use crate::process::{Root, photo};

/// Photos `0.jpg`, `1.jpg` and so on, each with its own code, in the inbox of `root`; and the rows they must lead to.
fn drop_photos(root: &Root, count: usize) -> Vec<(String, String)> {
    let rows = (0..count).map(|index| (format!("{index}.jpg"), format!("https://shop.example/p/{index}")));
    rows.inspect(|(key, text)| root.drop_photo(key, &photo::jpeg(text))).collect()
}

/// Runs the cases side by side: most of each is waiting.
fn each<T: Send>(cases: impl IntoIterator<Item = T>, test: impl Fn(T) + Sync) {
    std::thread::scope(|scope| {
        let running: Vec<_> = cases.into_iter().map(|case| scope.spawn(|| test(case))).collect();
        for case in running {
            case.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
}

/// Expects all of `parts` in what was said.
fn says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "`{part}` is missing in:\n{said}");
    }
}
