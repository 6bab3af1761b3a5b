//! `scanmill queue dead list` and `scanmill queue dead redrive`.

use clap::{Args, Subcommand};
use serde_json::json;

use super::report::block_on;
use super::{Exit, GlobalArgs, at_work, out, settings};
use crate::app::{self, DeadLetter};
use crate::diagnostics::counted;
use crate::domain::row::utc_millis;
use crate::error::Result;
use crate::queue::Queue;
use crate::warehouse::report::text;

/// Characters of a message in the table; `--json` has all of it.
const SHOWN: usize = 120;

/// Manages the embedded queue
#[derive(Debug, Args)]
pub struct QueueArgs {
    /// What of it.
    #[command(subcommand)]
    pub command: QueueCommand,
}

/// What of the queue.
#[derive(Debug, Subcommand)]
pub enum QueueCommand {
    /// Manages dead letters: messages that were received too often and given up
    Dead(DeadArgs),
}

/// Arguments of `queue dead`.
#[derive(Debug, Args)]
pub struct DeadArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub command: DeadCommand,
}

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadCommand {
    /// Lists dead letters, newest first
    #[command(after_help = "\
Examples:
  scanmill queue dead list --root data
  scanmill queue dead list --json --limit 100000 | jq -r .body")]
    List(ListArgs),
    /// Moves all dead letters back into the queue, as if they had never been received
    #[command(after_help = "\
Examples:
  scanmill queue dead redrive --root data --dry-run
  scanmill queue dead redrive --root data")]
    Redrive(RedriveArgs),
}

/// Arguments of `queue dead list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// List at most this many
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: u32,
    /// Print one JSON object a line, with the whole message, instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `queue dead redrive`.
#[derive(Debug, Args)]
pub struct RedriveArgs {
    /// Count them and move nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object instead of a sentence
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub fn run(args: &QueueArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = settings::load(global)?;
    let queue = app::embedded_queue(&settings)?;
    let QueueCommand::Dead(DeadArgs { command }) = &args.command;
    match command {
        DeadCommand::List(args) => {
            let limit = args.limit as usize;
            let mut letters = block_on(queue.dead_letters(limit.saturating_add(1)))?;
            if letters.len() > limit {
                letters.truncate(limit);
                out::note(&format!("there are more than {limit}; --limit shows more"));
            }
            out::print_text(&if args.json { as_json(&letters)? } else { as_table(letters) })?;
        }
        DeadCommand::Redrive(args) => {
            let moved = match args.dry_run {
                true => block_on(Queue::depth(queue.as_ref()))?.dead,
                false => block_on(queue.redrive())? as u64,
            };
            out::print_text(&if args.json {
                out::json_line(
                    &json!({ "moved": if args.dry_run { 0 } else { moved }, "dead": moved, "dry_run": args.dry_run }),
                )?
            } else if args.dry_run {
                format!("{} would go back into the queue\n", counted(moved, "dead letter"))
            } else {
                format!("{} went back into the queue\n", counted(moved, "dead letter"))
            })?;
            if moved > 0 && !args.dry_run {
                at_work::note_if_none(&settings);
            }
        }
    }
    Ok(Exit::Success)
}

fn as_json(letters: &[DeadLetter]) -> Result<String> {
    let line = |letter: &DeadLetter| {
        out::json_line(&json!({
            "id": letter.id,
            "sent_at": utc_millis(letter.sent_at),
            "dead_at": utc_millis(letter.dead_at),
            "receive_count": letter.receive_count,
            "body": letter.body,
        }))
    };
    letters.iter().map(line).collect()
}

fn as_table(letters: Vec<DeadLetter>) -> String {
    if letters.is_empty() {
        return "no dead letters\n".to_owned();
    }
    let row = |letter: DeadLetter| {
        let body: String = letter.body.chars().take(SHOWN).collect();
        vec![utc_millis(letter.dead_at), letter.receive_count.to_string(), letter.id, body]
    };
    let rows: Vec<Vec<String>> = letters.into_iter().map(row).collect();
    text::table(&["dead at", "receives", "message", "body"], &rows)
}
