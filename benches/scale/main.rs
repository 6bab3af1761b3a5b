//! The real engine on machines that are not here: against a stub of S3 and SQS with latencies and faults, with a decoder
//! that sleeps, and with a clock that runs so slowly that the photos of a second on hundreds of threads are handled here
//! in time. `cargo bench --bench scale` prints the table; `-- --help` says what else there is.
#![allow(clippy::disallowed_macros, reason = "a tool for people at a terminal, which stops with them")]

use std::io::Write;
use std::process::{Command, ExitCode, Stdio};

use run::Look;
use scanmill::telemetry::logging::{self, LogForm};

mod cases;
mod run;
mod slow_clock;
mod stub;
mod table;

const HELP: &str = "\
cargo bench --bench scale -- [OPTIONS] [CASE…]

Without a case: all of them. One in which a second is 26 outside takes some ten minutes.
  --list        the cases, and by how much each one's clock is slowed down
  --slower N    slow the clock down by N instead
  --looks       print every look as JSON, in front of its line of the table";

/// What the command line says.
#[derive(Default)]
struct Options {
    names: Vec<String>,
    slower: Option<u32>,
    prints_looks: bool,
    /// This process is the engine of one case, or the stub.
    is_engine: bool,
    is_stub: bool,
}

fn main() -> ExitCode {
    let mut options = Options::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => {}
            "--help" => return say(HELP),
            "--list" => {
                cases::CASES.iter().for_each(|case| println!("{:24} {:4}", case.name, case.slower()));
                return ExitCode::SUCCESS;
            }
            "--slower" => options.slower = arguments.next().and_then(|factor| factor.parse().ok()),
            "--looks" => options.prints_looks = true,
            "--engine" => options.is_engine = true,
            "--stub" => options.is_stub = true,
            name if cases::Case::find(name).is_some() => options.names.push(name.to_owned()),
            other => {
                eprintln!("no such case or option: {other}\n{HELP}");
                return ExitCode::FAILURE;
            }
        }
    }
    let names: Vec<&str> = match options.names.is_empty() {
        true => cases::CASES.iter().map(|case| case.name).collect(),
        false => options.names.iter().map(String::as_str).collect(),
    };
    let result = match names.first().and_then(|name| cases::Case::find(name)) {
        Some(case) if options.is_stub || options.is_engine => {
            let slower = options.slower.unwrap_or_else(|| case.slower());
            slow_clock::slow_down(slower);
            if options.is_stub { stub::serve(case).map_err(Into::into) } else { engine(case, slower) }
        }
        _ => all(&names, &options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scale: {error}");
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) -> ExitCode {
    println!("{text}");
    ExitCode::SUCCESS
}

/// Runs one case and prints what was seen as JSON.
fn engine(case: &cases::Case, slower: u32) -> Result<(), Box<dyn std::error::Error>> {
    logging::init(LogForm::Text, "warn,scanmill::actors::autoscaler=info", |line| {
        drop(std::io::stderr().write_all(line));
    });
    let looks = run::run(case, slower)?;
    println!("{}", serde_json::to_string(&looks)?);
    Ok(())
}

/// Runs cases one after the other, each in a process of its own, and prints their lines.
fn all(names: &[&str], options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    println!("{}", table::HEAD);
    for case in names.iter().filter_map(|name| cases::Case::find(name)) {
        let slower = options.slower.unwrap_or_else(|| case.slower());
        let output = Command::new(std::env::current_exe()?)
            .args(["--engine", case.name, "--slower", &slower.to_string()])
            .env("AWS_ACCESS_KEY_ID", "stub")
            .env("AWS_SECRET_ACCESS_KEY", "stub")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(format!("the engine of {} ended with {}", case.name, output.status).into());
        }
        let looks: Vec<Look> = serde_json::from_slice(&output.stdout)?;
        if options.prints_looks {
            looks.iter().try_for_each(|look| serde_json::to_string(look).map(|line| println!("{line}")))?;
        }
        match table::line(case, &looks) {
            Some(line) => println!("{}", table::row(case, &line)),
            None => println!("| {} | nothing was seen |", case.name),
        }
    }
    Ok(())
}
