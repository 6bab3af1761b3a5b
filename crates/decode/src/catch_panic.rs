//! Keeps the panics of codecs and readers inside: a photo may cost its own reading, never the process.

use std::any::Any;
use std::cell::Cell;
#[cfg(feature = "avif")]
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;
#[cfg(feature = "avif")]
use std::sync::{
    atomic::{AtomicUsize, Ordering},
    mpsc::{RecvTimeoutError, sync_channel},
};
#[cfg(feature = "avif")]
use std::time::Duration;

#[cfg(feature = "avif")]
use scanmill_core::cpu::{charge, thread_cpu};

thread_local! {
    static CONTAINED: Cell<u32> = const { Cell::new(0) };
}

/// Told what a panic says.
#[cfg(feature = "avif")]
type Tell = Box<dyn FnOnce(String)>;

#[cfg(feature = "avif")]
thread_local! {
    /// What a thread whose panics cannot unwind has to say before it stops for good.
    static LAST_WORDS: RefCell<Option<Tell>> = const { RefCell::new(None) };
}

/// Runs `work`; a panic in it becomes `Err` with the panic's message.
///
/// What `work` borrows is not looked at again after a panic by any caller here, or is plain pixels, so the assertion
/// of unwind safety holds. The process's panic hook stays silent for it: the message ends in the photo's rejection,
/// and standard error is for what nobody handles.
pub(crate) fn catch_panic<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    hook();
    CONTAINED.with(|depth| depth.set(depth.get() + 1));
    let outcome = catch_unwind(AssertUnwindSafe(work));
    CONTAINED.with(|depth| depth.set(depth.get() - 1));
    outcome.map_err(|panic| message(panic.as_ref()))
}

fn hook() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |info| {
            #[cfg(feature = "avif")]
            if let Some(tell) = LAST_WORDS.take() {
                tell(message(info.payload()));
                loop {
                    std::thread::park();
                }
            }
            if CONTAINED.with(Cell::get) == 0 {
                previous(info);
            }
        }));
    });
}

/// Threads that may stop for good before no more are begun: each keeps its stack and the picture that it worked on.
#[cfg(feature = "avif")]
const MOST_STOPPED: usize = 4;
/// Bytes of such a thread's stack: twice what a thread has by default.
#[cfg(feature = "avif")]
const STACK: usize = 4 << 20;
/// Threads that stopped for good, or that nobody waits for any more.
#[cfg(feature = "avif")]
static STOPPED: AtomicUsize = AtomicUsize::new(0);

/// Runs `work` on a thread of its own and waits for it as long as `patience` lasts: for code whose panics end the process
/// instead of unwinding, as those of a function with C's calling convention do. The hook runs before that, and where it
/// does not return the process goes on, without that thread, and with a hook that can no longer be replaced. The thread's
/// CPU time counts as the caller's.
#[cfg(feature = "avif")]
pub(crate) fn aside<T: Send + 'static>(
    name: &'static str,
    patience: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    if STOPPED.load(Ordering::Relaxed) >= MOST_STOPPED {
        return Err(format!("{MOST_STOPPED} threads of {name} have stopped, so no more are begun until a restart"));
    }
    hook();
    // One word is all that is ever sent.
    let (tell, told) = sync_channel(1);
    let thread = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK);
    let begun = thread.spawn(move || {
        let last = tell.clone();
        LAST_WORDS.set(Some(Box::new(move |words| {
            STOPPED.fetch_add(1, Ordering::Relaxed);
            let _ = last.send((Err(words), thread_cpu()));
        })));
        let done = work();
        LAST_WORDS.take();
        if tell.send((Ok(done), thread_cpu())).is_err() {
            // It was given up, and came to an end after all.
            STOPPED.fetch_sub(1, Ordering::Relaxed);
        }
    });
    begun.map_err(|error| format!("no thread for {name}: {error}"))?;
    let (outcome, spent) = told.recv_timeout(patience).map_err(|error| match error {
        RecvTimeoutError::Timeout => {
            STOPPED.fetch_add(1, Ordering::Relaxed);
            format!("{name} did not finish within {patience:?}")
        }
        RecvTimeoutError::Disconnected => format!("the thread of {name} ended without a result"),
    })?;
    charge(spent);
    outcome
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("panic without a message").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "avif")]
    #[test]
    fn a_panic_that_cannot_unwind_stops_its_thread_only() {
        const CHILD: &str = "SCANMILL_TEST_OF_ASIDE";
        extern "C" fn cannot_unwind() {
            panic!("bad data");
        }
        // In a process of its own: the thread that stopped keeps the hook, which the end of a test run asks for.
        if std::env::var_os(CHILD).is_none() {
            let own = "catch_panic::tests::a_panic_that_cannot_unwind_stops_its_thread_only";
            let mut child = std::process::Command::new(std::env::current_exe().unwrap());
            let output = child.args(["--exact", own]).env(CHILD, "1").output().unwrap();
            assert_eq!(output.status.code(), Some(7), "{output:?}");
            return;
        }
        let long = Duration::from_secs(600);
        let is_told = aside("test", long, || cannot_unwind()) == Err("bad data".to_owned());
        let before = thread_cpu();
        let work = || {
            let begun = thread_cpu();
            while thread_cpu() - begun < Duration::from_millis(20) {}
            7
        };
        let goes_on = aside("test", long, work) == Ok(7);
        let is_charged = thread_cpu() - before >= Duration::from_millis(20);
        // No end in sight: given up, and once too many are, refused without another thread.
        let endless = || {
            aside("test", Duration::from_millis(1), || {
                loop {
                    std::thread::park();
                }
            })
        };
        let gives_up = (1..MOST_STOPPED).all(|_| endless() == Err("test did not finish within 1ms".to_owned()));
        let refuses = aside("test", long, || 7).is_err_and(|words: String| words.contains("until a restart"));
        std::process::exit(if is_told && goes_on && is_charged && gives_up && refuses { 7 } else { 1 });
    }

    #[test]
    fn a_panic_becomes_its_message_and_the_thread_goes_on() {
        assert_eq!(catch_panic(|| -> u8 { panic!("bad {}", 7) }), Err("bad 7".to_owned()));
        let nested = catch_panic(|| catch_panic(|| -> u8 { panic!("inner") }));
        assert_eq!(nested, Ok(Err("inner".to_owned())));
        assert_eq!(catch_panic(|| 3), Ok(3));
    }
}
