//! The first signal drains, the second stops. Alone in its file: signals go to the whole process.

use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use scanmill::cli::signals::{Hangup, Signals};
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn the_first_signal_drains_and_the_second_stops() {
    let patience = Duration::from_secs(30);
    let signals = Signals::listen(Hangup::Drains).expect("listens");
    assert!(!signals.drain.is_cancelled());
    // Told twice, as the process and as one of its group, it is not a second wish. Not by SIGHUP: whoever runs the tests
    // under nohup has it ignored.
    kill_process(getpid(), Signal::TERM).expect("sent");
    kill_process(getpid(), Signal::TERM).expect("sent");
    timeout(patience, signals.drain.cancelled()).await.expect("told to drain");
    assert!(!signals.stop.is_cancelled());
    kill_process(getpid(), Signal::INT).expect("sent");
    timeout(patience, signals.stop.cancelled()).await.expect("told to stop");
}
