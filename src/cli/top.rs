//! `scanmill top`.

use std::io::IsTerminal;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

use clap::Args;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::{DefaultTerminal, Frame};

use super::engine_file;
use super::{Exit, GlobalArgs, exit, pump, settings};
use crate::error::{Error, Result};

mod draw;
mod view;

use view::View;

/// Shows a running engine in the terminal: what each stage does, and what limits the rate
///
/// It reads the engine's `/state`, here or over the network, and changes nothing. `q` ends it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scanmill top --root data               the engine on this root
  scanmill top 9491                      the one whose page is at this port of this machine
  scanmill top 10.0.3.7:9464             another one, whose `metrics.listen` is reached from here")]
pub struct TopArgs {
    /// Address of the engine's page, or its port on this machine; without it the engine on the root is shown
    #[arg(value_name = "ADDR", conflicts_with = "url")]
    pub page: Option<String>,
    /// The same as ADDR
    #[arg(long, value_name = "ADDR")]
    pub url: Option<String>,
    /// Refresh interval, 1s to 1h
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = every)]
    pub every: Duration,
}

/// The port where an address names none: that of `metrics.listen` as it is by default.
const PORT: u16 = 9_464;

/// A time as elsewhere, or a number of seconds.
fn every(text: &str) -> std::result::Result<Duration, String> {
    let time = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => pump::arrival::time(text)?,
    };
    let sensible = Duration::from_secs(1)..=Duration::from_secs(3_600);
    if sensible.contains(&time) { Ok(time) } else { Err("must be 1s to 1h".to_owned()) }
}

/// Rates that are kept for the curve.
const KEPT: usize = 300;

/// What is shown: the last answer, and what was seen before it.
#[derive(Debug, Default)]
struct Shown {
    view: Option<View>,
    /// Photos a second, one for each look, oldest first.
    rates: Vec<f64>,
    /// Seconds between two looks.
    every: u64,
    /// Photos a second of the last quarter of an hour as the engine keeps them, and seconds between two.
    past: Vec<f64>,
    past_every: u64,
    /// Photos done, and when they were.
    before: Option<(u64, Instant)>,
    /// Why there is no newer answer, and since when.
    silent: Option<(String, Instant)>,
}

impl Shown {
    fn took_past(&mut self, history: &serde_json::Value) {
        (self.past, self.past_every) = view::past(history);
    }

    fn took(&mut self, answer: Result<View, String>, now: Instant) {
        match answer {
            Ok(view) => {
                self.silent = None;
                if let Some((photos, at)) = self.before {
                    // A restarted engine counts from zero again.
                    match view.photos.checked_sub(photos) {
                        Some(more) => self.rates.push(more as f64 / now.duration_since(at).as_secs_f64().max(1e-3)),
                        None => self.rates.clear(),
                    }
                    let excess = self.rates.len().saturating_sub(KEPT);
                    self.rates.drain(..excess);
                }
                self.before = Some((view.photos, now));
                self.view = Some(view);
            }
            Err(why) => {
                let since = self.silent.take().map_or(now, |(_, since)| since);
                self.silent = Some((why, since));
            }
        }
    }
}

/// Runs the command.
pub fn run(args: &TopArgs, global: &GlobalArgs) -> Result<Exit> {
    let page = match args.page.as_ref().or(args.url.as_ref()) {
        Some(url) => address(url)?,
        None => {
            let root = settings::load(global)?.local.root;
            engine_file::page(&root).ok_or_else(|| {
                Error::permanent(format!("no engine with a page works on `{}`", root.display()))
                    .with_hint("start one with `scanmill run`, or name its page: `scanmill top HOST:PORT`")
            })?
        }
    };
    if !std::io::stdout().is_terminal() {
        return Err(exit::usage("top draws on a terminal").with_hint(format!("for a script: curl http://{page}/state")));
    }
    let terminal =
        ratatui::try_init().map_err(|error| Error::permanent("cannot draw on this terminal").with_source(error))?;
    let ended = follow(terminal, page, args.every);
    ratatui::restore();
    ended.map_err(|error| Error::permanent("cannot draw on this terminal").with_source(error))?;
    Ok(Exit::Success)
}

/// `host:port`, a host alone or, of this machine, a port alone; also as the beginning of a URL.
fn address(url: &str) -> Result<SocketAddr> {
    let place = url.strip_prefix("http://").unwrap_or(url);
    let place = place.split('/').next().unwrap_or(place);
    // A number would be taken for an address: 9464 for 0.0.36.248.
    let digits = place.strip_prefix(':').unwrap_or(place);
    if !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()) {
        let port = digits.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(|| {
            exit::usage(format!("`{url}` is no port: 1 to 65535"))
                .with_hint("give the address of a page, like 127.0.0.1:9464")
        })?;
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    let wrong = |why: String| {
        exit::usage(format!("`{url}`: {why}")).with_hint("give the address of a page, like 127.0.0.1:9464")
    };
    let has_port = place.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let found = if has_port { place.to_socket_addrs() } else { (place, PORT).to_socket_addrs() };
    let mut found = found.map_err(|error| wrong(error.to_string()))?;
    found.next().ok_or_else(|| wrong("the name has no address".to_owned()))
}

fn follow(mut terminal: DefaultTerminal, page: SocketAddr, every: Duration) -> std::io::Result<()> {
    let mut shown = Shown { every: every.as_secs(), ..Shown::default() };
    let mut past_from: Option<Instant> = None;
    loop {
        let now = Instant::now();
        shown.took(ask(page, "/state").map(|state| View::of(&state)), now);
        // It changes that seldom, and that nobody answers was just said.
        let is_old = past_from.is_none_or(|from| now - from >= Duration::from_secs(shown.past_every.max(1)));
        if is_old && let Ok(history) = ask(page, "/history") {
            shown.took_past(&history);
            past_from = Some(now);
        }
        terminal.draw(|frame: &mut Frame<'_>| draw::draw(frame, &shown, page))?;
        let next = now + every;
        while let Some(left) = next.checked_duration_since(Instant::now()) {
            if !event::poll(left)? {
                break;
            }
            match event::read()? {
                Event::Key(key) if key.kind == KeyEventKind::Press => {
                    let is_stop = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
                    if is_stop || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc) {
                        return Ok(());
                    }
                }
                Event::Resize(..) => {
                    terminal.draw(|frame: &mut Frame<'_>| draw::draw(frame, &shown, page))?;
                }
                _ => {}
            }
        }
    }
}

fn ask(page: SocketAddr, path: &str) -> Result<serde_json::Value, String> {
    let answer = engine_file::ask(page, path).map_err(|error| error.to_string())?;
    serde_json::from_slice(&answer).map_err(|_| "the answer is not from a scanmill engine".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_with_and_without_the_rest_of_a_url() {
        for url in ["127.0.0.1:9464", "http://127.0.0.1:9464/", "http://127.0.0.1:9464/state", "127.0.0.1"] {
            assert_eq!(address(url).unwrap(), "127.0.0.1:9464".parse().unwrap(), "{url}");
        }
        for port in ["9491", ":9491", "http://9491/"] {
            assert_eq!(address(port).unwrap(), "127.0.0.1:9491".parse().unwrap(), "{port}");
        }
        assert!(["no host", "0", "70000", ""].into_iter().all(|url| address(url).is_err()));
        for (text, seconds) in [("2", 2), ("2s", 2), ("1m", 60)] {
            assert_eq!(every(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert!(["0", "10ms", "2h", "often"].into_iter().all(|text| every(text).is_err()));
    }

    #[test]
    fn rates_are_of_the_time_between_two_looks_and_begin_anew_with_the_engine() {
        let mut shown = Shown::default();
        let start = Instant::now();
        let at = |photos| Ok(View { photos, ..View::default() });
        shown.took(at(100), start);
        shown.took(at(300), start + Duration::from_secs(2));
        assert_eq!(shown.rates, [100.0]);
        shown.took(Err("refused".into()), start + Duration::from_secs(3));
        assert!(shown.silent.is_some() && shown.view.is_some(), "what was seen last stays");
        shown.took(at(5), start + Duration::from_secs(4));
        assert!(shown.rates.is_empty() && shown.silent.is_none());
    }
}
