//! The options that say which stamps there are and when they are due: the same for `pump` and `orchestrate`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use crate::cli::exit::usage;
use crate::cli::moment;
use crate::error::{Error, Result};
use crate::pump::arrival::{Arrival, Schedule};
use crate::pump::stamps::Stamps;
use crate::pump::story::Span;
use crate::pump::story::original::parse_orchestrator;

/// Photos of a run whose number nobody gives.
const DEFAULT_COUNT: u64 = 2_000;
/// The longest run.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// How many photos, and when.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "How many photos, and when")]
pub struct ArrivalArgs {
    /// Photos to make [default: 2000]; with --from and --to stamps, of which the story accepts some
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Photos per second (500/s, also 30000/m or 100/h), whether or not earlier ones are finished
    /// [default: as fast as possible]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub rate: Option<f64>,
    /// How long: 90s, 10m, 2h
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub lasts: Option<Duration>,
    /// A rate that rises or falls evenly: 10/s..500/s
    #[arg(long, value_name = "RATE..RATE", value_parser = ramp)]
    pub ramp: Option<(f64, f64)>,
    /// With --rate: another rate for a while at the end of each period, like 200/s:5s
    #[arg(long, value_name = "RATE:TIME", value_parser = burst)]
    pub burst: Option<(f64, Duration)>,
    /// With --burst: the period, like 60s
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub every: Option<Duration>,
    /// Send photos in the story's own rhythm
    #[arg(long)]
    pub replay: bool,
    /// With --replay: story seconds in one real second; 1440 makes a day a minute [default: 1]
    #[arg(long, value_name = "N", value_parser = speed_up)]
    pub speed_up: Option<f64>,
    /// Start of the part of the story to use, like 2026-03-02 or 2026-03-02T08:00:00Z
    #[arg(long, value_name = "DATE", value_parser = moment::absolute)]
    pub from: Option<Timestamp>,
    /// End of that part, itself not included
    #[arg(long, value_name = "DATE", value_parser = moment::absolute)]
    pub to: Option<Timestamp>,
    /// Stamps as the original's orchestrator takes them: JSON with start_date, end_date and count
    #[arg(long, value_name = "FILE")]
    pub spec: Option<PathBuf>,
}

/// What the options come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Which stamps.
    pub stamps: Stamps,
    /// When they are due.
    pub arrival: Arrival,
}

impl Asked {
    /// Photos the story is told with.
    pub fn count(&self) -> u64 {
        self.stamps.count().unwrap_or(DEFAULT_COUNT)
    }
}

impl ArrivalArgs {
    /// What the options come to, for a story that lasts this long.
    ///
    /// # Errors
    /// Options that do not go together, and a specification that cannot be read.
    pub fn resolve(&self, story: Span) -> Result<Asked> {
        self.check()?;
        if let Some(path) = &self.spec {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Error::io("cannot read the orchestrator's specification", path, error))?;
            let spec = parse_orchestrator(&text)
                .map_err(|error| error.with_context(format!("orchestrator's specification `{}`", path.display())))?;
            let span = Span { from: spec.from, to: spec.to };
            return Ok(Asked { stamps: Stamps::Candidates { count: spec.count, span }, arrival: Arrival::Unpaced });
        }
        let span = Span { from: self.from.unwrap_or(story.from), to: self.to.unwrap_or(story.to) };
        if span.from >= span.to {
            return Err(usage(format!("from {} to {} is an empty span", span.from, span.to))
                .with_hint(format!("this story lasts from {} to {}", story.from, story.to)));
        }
        if self.replay {
            return Ok(self.replayed(span));
        }
        if let (Some(count), true) = (self.count, self.from.is_some()) {
            return Ok(Asked { stamps: Stamps::Candidates { count, span }, arrival: Arrival::Unpaced });
        }
        let Some(schedule) = self.schedule() else {
            let count = self.count.unwrap_or(DEFAULT_COUNT);
            return Ok(Asked { stamps: Stamps::Photos { count }, arrival: Arrival::Unpaced });
        };
        if !schedule.is_sound() {
            return Err(usage("at these rates no photo is ever due").with_hint("give a rate above 0"));
        }
        let count = match (self.count, self.lasts) {
            (Some(count), _) => count,
            (None, Some(lasts)) => schedule.photos_within(lasts).max(1),
            (None, None) => DEFAULT_COUNT,
        };
        Ok(Asked { stamps: Stamps::Photos { count }, arrival: Arrival::Paced(schedule) })
    }

    fn replayed(&self, span: Span) -> Asked {
        let speed_up = self.speed_up.unwrap_or(1.0);
        let to = self.lasts.and_then(|lasts| {
            let story = SignedDuration::try_from_secs_f64(lasts.as_secs_f64() * speed_up).ok()?;
            span.from.checked_add(story).ok()
        });
        let span = Span { to: to.map_or(span.to, |to| to.min(span.to)), ..span };
        Asked { stamps: Stamps::Rhythm { span }, arrival: Arrival::Replay { speed_up } }
    }

    fn schedule(&self) -> Option<Schedule> {
        if let Some((from, to)) = self.ramp {
            // With a number of photos the ramp lasts as long as they take.
            let counted = self.count.map(|count| Duration::try_from_secs_f64(2.0 * count as f64 / (from + to)));
            let over = self.lasts.or(counted.and_then(|over| over.ok())).unwrap_or(LONGEST);
            return Some(Schedule::ramp(from, to, over.min(LONGEST)));
        }
        let rate = self.rate?;
        if let (Some((burst, lasts)), Some(every)) = (self.burst, self.every) {
            return Some(Schedule::bursts(rate, burst, lasts, every));
        }
        match Arrival::steady(rate) {
            Arrival::Paced(schedule) => Some(schedule),
            Arrival::Unpaced | Arrival::Replay { .. } => None,
        }
    }

    /// Options that do not go together, each with the way out.
    fn check(&self) -> Result<()> {
        let given = [
            ("--count", self.count.is_some()),
            ("--rate", self.rate.is_some()),
            ("--for", self.lasts.is_some()),
            ("--ramp", self.ramp.is_some()),
            ("--burst", self.burst.is_some()),
            ("--every", self.every.is_some()),
            ("--replay", self.replay),
            ("--speed-up", self.speed_up.is_some()),
            ("--from", self.from.is_some()),
            ("--to", self.to.is_some()),
        ];
        let has = |name: &str| given.iter().any(|(option, given)| *option == name && *given);
        let first = |names: &[&'static str]| names.iter().copied().find(|name| has(name));
        let clash =
            |one: &str, other: &str, hint: &str| Err(usage(format!("{one} and {other} together")).with_hint(hint));
        if self.spec.is_some()
            && let Some((other, _)) = given.iter().find(|(_, given)| *given)
        {
            return clash(
                "--spec",
                other,
                "the file says how many stamps and over which time; for a rate leave it out: --rate 500/s --for 10m",
            );
        }
        if self.replay
            && let Some(other) = first(&["--rate", "--ramp", "--burst", "--every", "--count"])
        {
            return clash(
                "--replay",
                other,
                "the story's rhythm decides how many photos and when; shorten it with --for, --from and --to, \
                 speed it up with --speed-up",
            );
        }
        if self.ramp.is_some()
            && let Some(other) = first(&["--rate", "--burst", "--every"])
        {
            return clash("--ramp", other, "a ramp is a rate already: --ramp 10/s..500/s --for 10m");
        }
        if has("--count") && has("--for") {
            return clash("--count", "--for", "a rate needs one of them: how many photos, or how long");
        }
        if !self.replay && (has("--from") || has("--to")) {
            if let Some(other) = first(&["--rate", "--ramp", "--burst", "--for"]) {
                return clash(
                    "--from and --to",
                    other,
                    "with --count they spread stamps over a time, with --replay they choose a part of the story",
                );
            }
            if !(has("--from") && has("--to") && has("--count")) {
                return Err(usage("--from, --to and --count belong together").with_hint(
                    "like --count 40000 --from 2026-03-02 --to 2026-04-06, or --replay for the story's rhythm",
                ));
            }
        }
        let needs = |option: &str, needed: &[&'static str], hint: &str| {
            if has(option) && first(needed).is_none() {
                return Err(usage(format!("{option} needs {}", needed.join(" or "))).with_hint(hint));
            }
            Ok(())
        };
        needs("--for", &["--rate", "--ramp", "--replay"], "like --rate 500/s --for 10m")?;
        needs("--ramp", &["--for", "--count"], "like --ramp 10/s..500/s --for 10m")?;
        needs("--burst", &["--rate"], "like --rate 20/s --burst 200/s:5s --every 60s")?;
        needs("--burst", &["--every"], "like --rate 20/s --burst 200/s:5s --every 60s")?;
        needs("--every", &["--burst"], "like --rate 20/s --burst 200/s:5s --every 60s")?;
        needs("--speed-up", &["--replay"], "like --replay --speed-up 1440")?;
        if let (Some((_, lasts)), Some(every)) = (self.burst, self.every)
            && lasts > every
        {
            return Err(
                usage("a burst that is longer than its period").with_hint("--burst RATE:TIME, --every MORE TIME")
            );
        }
        Ok(())
    }
}

/// A rate as an argument: `500/s`, `30000/m`, `100/h`, or a bare number of photos per second.
fn rate(text: &str) -> Result<f64, String> {
    let (number, seconds) = match text.split_once('/') {
        None => (text, 1.0),
        Some((number, "s")) => (number, 1.0),
        Some((number, "m" | "min")) => (number, 60.0),
        Some((number, "h")) => (number, 3_600.0),
        Some(_) => return Err("the unit is /s, /m or /h: 500/s".to_owned()),
    };
    let number: f64 = number.trim().parse().map_err(|_| "not a rate like 500/s".to_owned())?;
    super::per_second(number / seconds)
}

/// As [`rate`], or nothing at all.
fn rate_or_zero(text: &str) -> Result<f64, String> {
    if text.split('/').next().is_some_and(|number| number.trim() == "0") { Ok(0.0) } else { rate(text) }
}

fn ramp(text: &str) -> Result<(f64, f64), String> {
    let (from, to) = text.split_once("..").ok_or_else(|| "not a ramp like 10/s..500/s".to_owned())?;
    let (from, to) = (rate_or_zero(from)?, rate_or_zero(to)?);
    if from + to > 0.0 { Ok((from, to)) } else { Err("one of the two rates must be above 0".to_owned()) }
}

fn burst(text: &str) -> Result<(f64, Duration), String> {
    let (burst, lasts) = text.split_once(':').ok_or_else(|| "not a burst like 200/s:5s".to_owned())?;
    Ok((rate(burst)?, time(lasts)?))
}

/// A time as an argument: `90s`, `10m`, `1h30m`.
pub fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration like 90s, 10m or 2h");
    let time: SignedDuration = text.parse().map_err(|_| wrong())?;
    let time = Duration::try_from(time).map_err(|_| wrong())?;
    if time.is_zero() || time > LONGEST { Err("must be above 0 and at most a year".to_owned()) } else { Ok(time) }
}

fn speed_up(text: &str) -> Result<f64, String> {
    let times: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (1e-3..=1e9).contains(&times) { Ok(times) } else { Err("must be 0.001 to 1000000000".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: ArrivalArgs,
    }

    fn story() -> Span {
        Span { from: moment::absolute("2026-03-02").unwrap(), to: moment::absolute("2026-04-06").unwrap() }
    }

    fn asked(line: &str) -> Result<Asked> {
        let words = std::iter::once("x").chain(line.split_whitespace());
        <Line as clap::Parser>::try_parse_from(words).expect(line).args.resolve(story())
    }

    #[test]
    fn options_come_to_stamps_and_arrival() {
        let photos = |count| Stamps::Photos { count };
        let unpaced = |stamps| Asked { stamps, arrival: Arrival::Unpaced };
        assert_eq!(asked("").unwrap(), unpaced(photos(2_000)));
        assert_eq!(asked("--count 7").unwrap(), unpaced(photos(7)));
        let steady = Asked { stamps: photos(300_000), arrival: Arrival::steady(500.0) };
        for line in ["--rate 500/s --for 10m", "--rate 30000/m --for 600s", "--rate 500 --count 300000"] {
            assert_eq!(asked(line).unwrap(), steady, "{line}");
        }
        assert_eq!(asked("--rate 20").unwrap().stamps, photos(2_000));
        assert_eq!(asked("--ramp 10/s..500/s --for 10m").unwrap().stamps, photos(153_000));
        assert_eq!(asked("--ramp 10/s..500/s --count 153000").unwrap(), asked("--ramp 10/s..500/s --for 10m").unwrap());
        assert_eq!(asked("--ramp 0..2/s --for 10s").unwrap().stamps, photos(10));
        let bursts = asked("--rate 20/s --burst 200/s:5s --every 60s --for 2m").unwrap();
        assert_eq!(bursts.stamps, photos(2 * (55 * 20 + 5 * 200)));
        let span = Span {
            from: moment::absolute("2026-03-02").unwrap(),
            to: moment::absolute("2026-03-09T12:00:00+01:00").unwrap(),
        };
        let candidates = asked("--count 40 --from 2026-03-02 --to 2026-03-09T12:00:00+01:00").unwrap();
        assert_eq!(candidates, unpaced(Stamps::Candidates { count: 40, span }));
    }

    #[test]
    fn a_replay_is_the_story_or_a_part_of_it() {
        let replay = |from: &str, to: &str, speed_up| Asked {
            stamps: Stamps::Rhythm {
                span: Span { from: moment::absolute(from).unwrap(), to: moment::absolute(to).unwrap() },
            },
            arrival: Arrival::Replay { speed_up },
        };
        assert_eq!(asked("--replay").unwrap(), replay("2026-03-02", "2026-04-06", 1.0));
        let day_a_minute = "--replay --speed-up 1440 --for 3m";
        assert_eq!(asked(day_a_minute).unwrap(), replay("2026-03-02", "2026-03-05", 1440.0));
        let later = "--replay --from 2026-03-12 --speed-up 1440 --for 3h";
        assert_eq!(asked(later).unwrap(), replay("2026-03-12", "2026-04-06", 1440.0));
    }

    #[test]
    fn the_originals_specification_is_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = r#"{"start_date":"2015-04-01 00:00:00","end_date":"2015-07-01 00:00:00","count":40000}"#;
        std::fs::write(file.path(), text).unwrap();
        let span = Span { from: moment::absolute("2015-04-01").unwrap(), to: moment::absolute("2015-07-01").unwrap() };
        let stamps = Stamps::Candidates { count: 40_000, span };
        let line = format!("--spec {}", file.path().display());
        assert_eq!(asked(&line).unwrap(), Asked { stamps, arrival: Arrival::Unpaced });
        let missing = asked("--spec /no/such/file.json").unwrap_err();
        assert!(missing.report().contains("/no/such/file.json"), "{missing}");
    }

    #[test]
    fn what_does_not_go_together_is_refused_with_a_way_out() {
        for (line, message, hint) in [
            ("--spec f --rate 5/s", "--spec and --rate together", "--rate 500/s --for 10m"),
            ("--spec f --count 5", "--spec and --count together", "how many stamps"),
            ("--replay --rate 5/s", "--replay and --rate together", "--speed-up"),
            ("--replay --count 5", "--replay and --count together", "--for"),
            ("--ramp 1/s..2/s --rate 5/s --for 1s", "--ramp and --rate together", "a rate already"),
            ("--rate 5/s --count 5 --for 1s", "--count and --for together", "one of them"),
            ("--from 2026-03-02 --to 2026-03-09 --rate 5/s", "--from and --to and --rate together", "--replay"),
            ("--from 2026-03-02 --count 5", "--from, --to and --count belong together", "like"),
            ("--for 10m", "--for needs --rate or --ramp or --replay", "like --rate"),
            ("--ramp 1/s..2/s", "--ramp needs --for or --count", "like --ramp"),
            ("--burst 9/s:1s --every 2s", "--burst needs --rate", "like"),
            ("--rate 1/s --burst 9/s:1s", "--burst needs --every", "like"),
            ("--rate 1/s --every 2s", "--every needs --burst", "like"),
            ("--rate 1/s --burst 9/s:3s --every 2s", "a burst that is longer than its period", "--every"),
            ("--speed-up 5", "--speed-up needs --replay", "like"),
            ("--replay --from 2026-05-01", "is an empty span", "this story lasts from"),
        ] {
            let error = asked(line).unwrap_err();
            assert!(error.to_string().contains(message), "{line}: {error}");
            assert!(error.hint_text().unwrap_or_default().contains(hint), "{line}: {}", error.report());
        }
        for line in [
            "--rate 0/s",
            "--rate 5/d",
            "--rate 2e6",
            "--for 0s",
            "--for soon",
            "--ramp 0..0",
            "--burst 5/s",
            "--from yesterday",
            "--speed-up 0",
        ] {
            let words = std::iter::once("x").chain(line.split_whitespace());
            assert!(<Line as clap::Parser>::try_parse_from(words).is_err(), "{line}");
        }
    }
}
