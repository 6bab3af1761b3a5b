//! The first signal drains, the second stops. Alone in its file: signals go to the whole process.

use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use scanmill::cli::signals::Signals;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn the_first_signal_drains_and_the_second_stops() {
    let patience = Duration::from_secs(30);
    let signals = Signals::listen().expect("listens");
    assert!(!signals.drain.is_cancelled());
    // A closed terminal is a hang-up; that it is told twice, to the process and to its group, is not a second wish.
    kill_process(getpid(), Signal::HUP).expect("sent");
    timeout(patience, signals.drain.cancelled()).await.expect("told to drain");
    kill_process(getpid(), Signal::HUP).expect("sent");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!signals.stop.is_cancelled());
    kill_process(getpid(), Signal::INT).expect("sent");
    timeout(patience, signals.stop.cancelled()).await.expect("told to stop");
}
