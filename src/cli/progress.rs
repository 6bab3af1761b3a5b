//! Progress on stderr: a bar on a terminal, a plain line every two seconds otherwise, nothing under `--quiet`.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::GlobalArgs;
use crate::telemetry::logging;

/// Time between two plain lines; work that ends sooner prints none.
const EVERY: Duration = Duration::from_secs(2);

/// The one screen all bars are drawn on.
fn screen() -> &'static MultiProgress {
    static SCREEN: OnceLock<MultiProgress> = OnceLock::new();
    SCREEN.get_or_init(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()))
}

/// Runs `print`, which writes to the terminal, with the bars taken off the screen meanwhile.
pub fn around<R>(print: impl FnOnce() -> R) -> R {
    screen().suspend(print)
}

/// How far one piece of work is. Cheap to update from any thread; the bar goes away on drop.
pub struct Progress(Shown);

enum Shown {
    Bar(ProgressBar),
    Lines(Lines),
    Nothing,
}

impl Progress {
    /// Progress of `label`, towards `total` things where that is known.
    pub fn new(global: &GlobalArgs, label: &'static str, total: Option<u64>) -> Progress {
        if global.quiet || logging::form() != logging::LogForm::Text {
            return Progress(Shown::Nothing);
        }
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if dumb || !std::io::stderr().is_terminal() {
            return Progress(Shown::Lines(Lines::new(label, total)));
        }
        let template = match total {
            Some(_) => "{prefix} {bar:30} {human_pos}/{human_len}  {rate}  {elapsed}, {eta} left  {msg}",
            None => "{prefix} {spinner} {human_pos}  {rate}  {elapsed}  {msg}",
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let style = style.with_key("rate", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
            let _ = write!(text, "{:.0}/s", state.per_sec());
        });
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::no_length(),
        };
        let bar = screen().add(bar.with_style(style).with_prefix(label));
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress(Shown::Bar(bar))
    }

    /// `count` more are done.
    pub fn add(&self, count: u64) {
        match &self.0 {
            Shown::Bar(bar) => bar.inc(count),
            Shown::Lines(lines) => lines.tell(lines.done.fetch_add(count, Ordering::Relaxed).saturating_add(count)),
            Shown::Nothing => {}
        }
    }

    /// `count` are done in all.
    pub fn set(&self, count: u64) {
        match &self.0 {
            Shown::Bar(bar) => bar.set_position(count),
            Shown::Lines(lines) => {
                lines.done.store(count, Ordering::Relaxed);
                lines.tell(count);
            }
            Shown::Nothing => {}
        }
    }

    /// A few words after the figures, like `3 rejected`.
    pub fn say(&self, words: impl Into<String>) {
        match &self.0 {
            Shown::Bar(bar) => bar.set_message(words.into()),
            Shown::Lines(lines) => lock(&lines.state).words = words.into(),
            Shown::Nothing => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        match &self.0 {
            Shown::Bar(bar) => {
                bar.finish_and_clear();
                screen().remove(bar);
            }
            Shown::Lines(lines) => lines.end(),
            Shown::Nothing => {}
        }
    }
}

struct Lines {
    label: &'static str,
    total: Option<u64>,
    started: Instant,
    done: AtomicU64,
    state: Mutex<LastWords>,
}

struct LastWords {
    last: Instant,
    printed: bool,
    words: String,
}

impl Lines {
    fn new(label: &'static str, total: Option<u64>) -> Lines {
        let started = Instant::now();
        let state = Mutex::new(LastWords { last: started, printed: false, words: String::new() });
        Lines { label, total, started, done: AtomicU64::new(0), state }
    }

    fn tell(&self, done: u64) {
        // Whoever holds the lock is printing; the next update comes soon enough.
        let Ok(mut state) = self.state.try_lock() else { return };
        if state.last.elapsed() >= EVERY {
            state.last = Instant::now();
            state.printed = true;
            print(&self.line(done, &state.words));
        }
    }

    /// The last word of work that printed before.
    fn end(&self) {
        let state = lock(&self.state);
        if state.printed {
            print(&self.line(self.done.load(Ordering::Relaxed), &state.words));
        }
    }

    fn line(&self, done: u64, words: &str) -> String {
        describe(self.label, done, self.total, self.started.elapsed(), words)
    }
}

fn describe(label: &str, done: u64, total: Option<u64>, elapsed: Duration, words: &str) -> String {
    let seconds = elapsed.as_secs_f64();
    let rate = if seconds > 0.0 { done as f64 / seconds } else { 0.0 };
    let mut line = match total {
        Some(total) if total > 0 => format!("{label}: {done} of {total} ({}%)", done.saturating_mul(100) / total),
        _ => format!("{label}: {done}"),
    };
    line.push_str(&format!(", {rate:.0}/s, {seconds:.0} s"));
    if !words.is_empty() {
        line.push_str(", ");
        line.push_str(words);
    }
    line
}

fn print(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_lines_name_figures_rate_and_time() {
        let seconds = Duration::from_secs;
        assert_eq!(describe("photos", 50, Some(200), seconds(10), ""), "photos: 50 of 200 (25%), 5/s, 10 s");
        assert_eq!(describe("photos", 0, Some(0), seconds(0), ""), "photos: 0, 0/s, 0 s");
        assert_eq!(describe("photos", 7, None, seconds(7), "1 rejected"), "photos: 7, 1/s, 7 s, 1 rejected");
    }

    #[test]
    fn works_from_many_threads_and_without_a_terminal() {
        let progress = Progress::new(&GlobalArgs { quiet: true, ..GlobalArgs::default() }, "nothing", Some(3));
        let lines = Lines::new("lines", None);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100).for_each(|_| progress.add(1)));
                scope.spawn(|| (0..100).for_each(|_| lines.tell(lines.done.fetch_add(1, Ordering::Relaxed))));
            }
        });
        assert_eq!(lines.done.load(Ordering::Relaxed), 400);
        assert!(!lock(&lines.state).printed, "work under two seconds prints nothing");
    }
}
