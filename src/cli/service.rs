//! What systemd is told (`sd_notify(3)`): that the engine takes work, what it does, that it drains, and, as its watchdog
//! asks, that it makes progress. Without `NOTIFY_SOCKET` nobody is told anything.

use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::app::Engine;

/// Time between two looks at the engine, unless the watchdog wants to hear more often.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The way to the service manager.
#[derive(Debug)]
pub struct Service {
    socket: UnixDatagram,
    to: SocketAddr,
    watchdog: Option<Duration>,
}

impl Service {
    /// The service manager that started this process, if one did and wants to hear from it.
    pub fn of_environment() -> Option<Service> {
        let watchdog = watchdog(
            std::env::var("WATCHDOG_USEC").ok().as_deref(),
            std::env::var("WATCHDOG_PID").ok().as_deref(),
            std::process::id(),
        );
        let to = address(std::env::var_os("NOTIFY_SOCKET")?)?;
        Some(Service { socket: UnixDatagram::unbound().ok()?, to, watchdog })
    }

    /// Tells the lines of one message. Nobody listening is not a reason to stop.
    fn tell(&self, lines: &str) {
        if let Err(error) = self.socket.send_to_addr(lines.as_bytes(), &self.to) {
            tracing::debug!(%error, "cannot notify the service manager");
        }
    }

    /// Tells that it finishes what it has and ends.
    pub fn tell_stopping(&self) {
        self.tell("STOPPING=1\n");
    }

    /// Tells that it reads its settings again; [`Service::tell_reloaded`] must follow.
    pub fn tell_reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}\n"));
    }

    /// Tells that it works by what it read.
    pub fn tell_reloaded(&self) {
        self.tell("READY=1\n");
    }

    /// Tells how the engine is, until it ended.
    pub async fn follow(&self, engine: &Engine) {
        let every =
            self.watchdog.map_or(LOOK_EVERY, |within| (within / 3).clamp(Duration::from_millis(100), LOOK_EVERY));
        let mut is_ready_told = false;
        while !engine.has_ended() {
            let mut lines = format!("STATUS={}\n", engine.status());
            // Once: ready by systemd's word is "started"; what becomes of it later is its status and `/readyz`.
            if !is_ready_told && engine.ready().is_ok() {
                is_ready_told = true;
                lines.push_str("READY=1\n");
            }
            match engine.stalled() {
                None if self.watchdog.is_some() => lines.push_str("WATCHDOG=1\n"),
                None => {}
                Some(why) => tracing::error!(why, "no progress: the service manager's watchdog is not fed"),
            }
            self.tell(&lines);
            tokio::time::sleep(every).await;
        }
    }
}

/// A path, or a name in the abstract namespace, which begins with `@`.
fn address(socket: OsString) -> Option<SocketAddr> {
    match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name).ok(),
        [b'/', ..] => SocketAddr::from_pathname(&socket).ok(),
        _ => None,
    }
}

/// Within which time the watchdog wants to hear from this process.
fn watchdog(micros: Option<&str>, of: Option<&str>, own: u32) -> Option<Duration> {
    let is_ours = of.is_none_or(|of| of.parse() == Ok(own));
    let micros = micros?.parse().ok().filter(|micros| *micros > 0 && is_ours)?;
    Some(Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watchdog_of_another_process_is_none() {
        assert_eq!(watchdog(Some("3000000"), None, 7), Some(Duration::from_secs(3)));
        assert_eq!(watchdog(Some("3000000"), Some("7"), 7), Some(Duration::from_secs(3)));
        assert_eq!(watchdog(Some("3000000"), Some("8"), 7), None);
        assert_eq!(watchdog(Some("0"), None, 7), None);
        assert_eq!(watchdog(None, None, 7), None);
    }

    #[test]
    fn sockets_are_paths_or_abstract_names() {
        assert!(address("/run/systemd/notify".into()).is_some_and(|address| address.as_pathname().is_some()));
        assert!(address("@notify".into()).is_some_and(|address| address.as_abstract_name() == Some(b"notify")));
        assert!(address("vsock:2:1".into()).is_none());
    }
}
