//! `scanmill export`.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::exit::usage;
use super::moment;
use super::progress::Progress;
use super::report::{between, block_on};
use super::{Exit, GlobalArgs, out, settings};
use crate::diagnostics::{counted, nearest};
use crate::error::{Error, Result};
use crate::warehouse::export::csv::CsvSink;
use crate::warehouse::export::json::JsonSink;
use crate::warehouse::export::parquet::ParquetSink;
use crate::warehouse::export::{Output, RowSink};
use crate::warehouse::report::Between;
use crate::warehouse::schema::marts;
use crate::warehouse::{Warehouse, schema};

/// The tables that hold photos, by the time they were processed at.
const BY_TIME: [&str; 3] = ["scans", "rejections", "mart_photo"];

/// Writes a table or mart of the warehouse as Parquet, CSV or JSON Lines
///
/// Reads only, and may run beside the engine. Parquet has typed columns: instants, local times, dates, numbers, text. The
/// file appears when it is whole; one of its name is replaced. From Redshift, UNLOAD is the way for more than 100 MB.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scanmill export scans --to scans.parquet --since 30d
  scanmill export mart_product_day --to products.csv
  scanmill export rejections --format jsonl --to - | jq -r .object_key")]
pub struct ExportArgs {
    /// What to write: scans, rejections, products, or a mart
    #[arg(value_name = "TABLE")]
    pub table: String,
    /// Where to; its extension chooses the format; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// The format, whatever the extension
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<ExportFormat>,
    /// Only photos processed since then: a day or time (UTC where it names no zone), or a time ago like 90m, 2h, 3d
    #[arg(long, value_name = "TIME", value_parser = moment::since)]
    pub since: Option<Timestamp>,
    /// Only photos processed before then, in the same form
    #[arg(long, value_name = "TIME", value_parser = moment::since)]
    pub until: Option<Timestamp>,
}

/// What files are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Apache Parquet, compressed by Snappy
    Parquet,
    /// CSV with a line of names
    Csv,
    /// One JSON object a line
    Jsonl,
}

/// Runs the command.
pub fn run(args: &ExportArgs, global: &GlobalArgs) -> Result<Exit> {
    let format = format_of(args)?;
    check_table(&args.table)?;
    if (args.since.is_some() || args.until.is_some()) && !BY_TIME.contains(&args.table.as_str()) {
        return Err(usage(format!(
            "`{}` does not say when a photo was processed: --since and --until are for scans, rejections and mart_photo",
            args.table
        )));
    }
    let span = between(args.since, args.until)?;
    let warehouse = crate::app::existing_warehouse(&settings::load(global)?)?;
    let warehouse = warehouse.as_ref();
    block_on(schema::require_current(warehouse))?;
    let progress = Progress::new(global, "exporting", None);
    let rows = match args.to.as_os_str() == "-" {
        true => to_stream(warehouse, &args.table, span, format, "stdout", || Ok(out::Stdout))?,
        false => to_file(warehouse, args, span, format)?,
    };
    drop(progress);
    out::note(&format!("{} of {} in {}", counted(rows, "row"), args.table, args.to.display()));
    Ok(Exit::Success)
}

fn format_of(args: &ExportArgs) -> Result<ExportFormat> {
    if let Some(format) = args.format {
        return Ok(format);
    }
    match args.to.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase).as_deref() {
        Some("parquet") => Ok(ExportFormat::Parquet),
        Some("csv") => Ok(ExportFormat::Csv),
        Some("jsonl" | "ndjson") => Ok(ExportFormat::Jsonl),
        _ if args.to.as_os_str() == "-" => Ok(ExportFormat::Csv),
        _ => Err(usage(format!("the extension of `{}` names no known format", args.to.display()))
            .with_hint("use .parquet, .csv or .jsonl, or name it with --format")),
    }
}

/// Names are in the statement as they are, so only those that are known may.
fn check_table(name: &str) -> Result<()> {
    let known = || ["scans", "rejections", "products"].into_iter().chain(marts::names());
    if known().any(|table| table == name) {
        return Ok(());
    }
    let hint = match nearest(name, known()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", known().collect::<Vec<_>>().join(", ")),
    };
    Err(usage(format!("there is no table or mart `{name}`")).with_hint(hint))
}

/// Written beside its place and moved there when it is whole, so that nobody reads half of it. What is no file, a pipe or a
/// device, is written to, and what a link leads to is replaced, not the link.
fn to_file(warehouse: &dyn Warehouse, args: &ExportArgs, span: Between, format: ExportFormat) -> Result<u64> {
    let path = &args.to;
    let present = std::fs::metadata(path).ok();
    if present.as_ref().is_some_and(|it| !it.is_file() && !it.is_dir()) {
        let open = || File::options().write(true).open(path).map_err(|error| Error::io("cannot write", path, error));
        return to_stream(warehouse, &args.table, span, format, &path.display().to_string(), open);
    }
    let path = &present.and_then(|_| path.canonicalize().ok()).unwrap_or_else(|| path.clone());
    // Of its own, so that two exports to one place do not write into each other's.
    let mut part = path.clone().into_os_string();
    part.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(part);
    let written = write_file(warehouse, &args.table, span, format, &part).and_then(|rows| {
        std::fs::rename(&part, path).map_err(|error| Error::io("cannot put the export at", path, error))?;
        Ok(rows)
    });
    if written.is_err() {
        // What is wrong is said by the error; that there may be nothing to remove says nothing.
        let _ = std::fs::remove_file(&part);
    }
    written
}

/// Writes to what is written front to back. It is opened last: the open of a pipe waits for its reader.
fn to_stream<W: std::io::Write + Send + 'static>(
    warehouse: &dyn Warehouse,
    table: &str,
    span: Between,
    format: ExportFormat,
    name: &str,
    open: impl FnOnce() -> Result<W>,
) -> Result<u64> {
    let sink = stream_sink(format)
        .ok_or_else(|| usage(format!("Parquet is written from its end: it goes to a file, not to `{name}`")))?;
    answer_into(warehouse, table, span, sink(Output::new(BufWriter::new(open()?), name.to_owned())))
}

fn write_file(warehouse: &dyn Warehouse, table: &str, span: Between, format: ExportFormat, part: &Path) -> Result<u64> {
    let file = File::create(part).map_err(|error| Error::io("cannot write", part, error))?;
    let kept = file.try_clone().map_err(|error| Error::io("cannot write", part, error))?;
    let sink = match stream_sink(format) {
        Some(sink) => sink(Output::new(BufWriter::new(file), part.display().to_string())),
        None => Box::new(ParquetSink::new(file, part)?),
    };
    let rows = answer_into(warehouse, table, span, sink)?;
    kept.sync_all().map_err(|error| Error::io("cannot write", part, error))?;
    Ok(rows)
}

/// Makes the writer of a format that is written front to back.
type StreamSink<W> = fn(Output<W>) -> Box<dyn RowSink>;

/// How a format is written front to back; Parquet cannot be.
fn stream_sink<W: std::io::Write + Send + 'static>(format: ExportFormat) -> Option<StreamSink<W>> {
    match format {
        ExportFormat::Csv => Some(|to| Box::new(CsvSink::new(to))),
        ExportFormat::Jsonl => Some(|to| Box::new(JsonSink::new(to))),
        ExportFormat::Parquet => None,
    }
}

fn answer_into(warehouse: &dyn Warehouse, table: &str, span: Between, sink: Box<dyn RowSink>) -> Result<u64> {
    let (conditions, parameters) = span.conditions(warehouse);
    let condition = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let sql = format!("SELECT * FROM {table}{condition}");
    block_on(warehouse.query_into(&sql, &parameters, sink))?.finish()
}
