//! `scanmill query`.

use std::io::{BufWriter, Read};

use clap::Args;

use super::progress::Progress;
use super::report::block_on;
use super::{Exit, GlobalArgs, out, settings};
use crate::diagnostics::counted;
use crate::error::{Error, Result};
use crate::warehouse::export::csv::CsvSink;
use crate::warehouse::export::json::JsonSink;
use crate::warehouse::export::{Output, RowSink};
use crate::warehouse::report::text;
use crate::warehouse::{Table, Value};

/// Rows that a table on the terminal shows.
const SHOWN: usize = 1_000;

/// Queries the warehouse in SQL
///
/// Reads only, and may run beside the engine. The tables and marts are those of docs/reference/columns.md; the SQL dialect
/// is that of `warehouse.kind`, SQLite or Redshift. A table shows the first 1,000 rows, --csv and --json print all.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scanmill query 'SELECT reason, COUNT(*) FROM rejections GROUP BY reason'
  scanmill query --csv 'SELECT * FROM mart_product_day' > products.csv
  scanmill query - < question.sql")]
pub struct QueryArgs {
    /// One statement that reads; `-` takes it from standard input
    #[arg(value_name = "SQL")]
    pub sql: String,
    /// Print CSV instead of a table
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// Print one JSON object a row instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub fn run(args: &QueryArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = settings::load(global)?;
    let mut sql = args.sql.clone();
    if sql == "-" {
        sql.clear();
        let read = std::io::stdin().lock().read_to_string(&mut sql);
        read.map_err(|error| Error::permanent("cannot read a statement from standard input").with_source(error))?;
    }
    let warehouse = crate::app::existing_warehouse(&settings)?;
    let progress = Progress::new(global, "asking the warehouse", None);
    let stdout = || Output::new(BufWriter::new(out::Stdout), "stdout");
    let sink: Box<dyn RowSink> = match (args.csv, args.json) {
        (true, _) => Box::new(CsvSink::new(stdout())),
        (_, true) => Box::new(JsonSink::new(stdout())),
        _ => {
            let answer = block_on(warehouse.query(&sql, &[]))?;
            drop(progress);
            out::print_text(&table(&answer))?;
            if answer.rows.len() > SHOWN {
                let rows = counted(answer.rows.len() as u64, "row");
                out::note(&format!("{rows}; the first {SHOWN} are shown: --csv prints all"));
            }
            return Ok(Exit::Success);
        }
    };
    let sink = block_on(warehouse.query_into(&sql, &[], sink))?;
    drop(progress);
    sink.finish()?;
    Ok(Exit::Success)
}

/// The first rows for people: columns of numbers to the right.
fn table(answer: &Table) -> String {
    let is_number = |place: usize| {
        answer.rows.iter().all(|row| row.get(place).is_none_or(|value| value.is_number() || value.is_null()))
    };
    let headers: Vec<String> = answer
        .columns
        .iter()
        .enumerate()
        .map(|(place, name)| format!("{}{name}", if is_number(place) { ">" } else { "" }))
        .collect();
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let rows = answer.rows.iter().take(SHOWN).map(|row| row.iter().map(shown).collect()).collect::<Vec<_>>();
    text::table(&headers, &rows)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
