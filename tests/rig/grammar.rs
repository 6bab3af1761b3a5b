//! Whether sqlfluff's Redshift grammar takes a statement.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::{Failure, Outcome, Venv};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rig/grammar.py");

/// Whether one SQL text parses as Redshift's; otherwise where and why not. Starts a process: for many texts,
/// [`sqlfluff_all`].
pub fn sqlfluff(sql: &str) -> Result<(), String> {
    sqlfluff_all(&[sql]).map_err(|failure| failure.to_string())
}

/// As [`sqlfluff`], for several texts at once; the failure names each that does not parse.
pub fn sqlfluff_all(sqls: &[impl AsRef<str>]) -> Outcome<()> {
    let says = |error: std::io::Error| Failure::new(format!("sqlfluff: {error}"));
    let mut child = Command::new(Venv::ready()?.program("python"))
        .arg(SCRIPT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(says)?;
    let texts: Vec<&str> = sqls.iter().map(AsRef::as_ref).collect();
    let input = serde_json::to_vec(&texts).map_err(|error| Failure::new(error.to_string()))?;
    // The script reads all before it writes, and dropping the pipe is the end of its input.
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(&input).map_err(says)?;
    }
    let output = child.wait_with_output().map_err(says)?;
    let complaints: Vec<Option<String>> = serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::new(format!("sqlfluff: {error}\n{}", String::from_utf8_lossy(&output.stderr))))?;
    let found: Vec<String> = texts
        .iter()
        .zip(complaints)
        .filter_map(|(sql, complaint)| Some(format!("{}\nin\n{sql}", complaint?)))
        .collect();
    if found.is_empty() { Ok(()) } else { Err(Failure::new(found.join("\n\n"))) }
}
