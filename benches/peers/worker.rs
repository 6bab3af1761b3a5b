//! scanmill's side of `benches/peers/run.sh`: reads photos as it is told, and says what they cost.
//!
//! `--make DIR` draws a corpus with its manifest into a folder. `--serve` answers each request on standard input with
//! one JSON line: `file PATH`, or `luma WIDTH HEIGHT` followed by the picture's bytes.
#![allow(clippy::disallowed_macros, reason = "a tool for another program, which stops with it")]

use std::io::{BufRead, Read, Write};
use std::path::Path;

use scanmill::decode::{Luma, decode, read_luma};
use scanmill::domain::Reading;

#[path = "../support/made.rs"]
mod made;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--make", folder] => make(Path::new(folder)),
        ["--serve"] => serve(),
        _ => println!("the comparison with other readers is started by benches/peers/run.sh"),
    }
}

fn make(folder: &Path) {
    let mut manifest = String::new();
    for (name, texts, bytes) in made::corpus() {
        let path = folder.join(&name);
        std::fs::create_dir_all(path.parent().unwrap_or(folder)).expect("the folder can be made");
        std::fs::write(&path, bytes).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        let set = name.split('/').next().unwrap_or("made");
        let list = serde_json::to_string(&texts).expect("texts are JSON");
        manifest.push_str(&format!("{name}\t{set}\t{}\tfile\t{list}\n", texts.len()));
    }
    std::fs::write(folder.join("manifest.tsv"), manifest).expect("the manifest can be written");
}

fn serve() {
    let mut requests = std::io::stdin().lock();
    let mut answers = std::io::stdout().lock();
    let limits = made::limits();
    let mut line = String::new();
    while requests.read_line(&mut line).expect("a request") > 0 {
        let reading = match line.trim_end_matches('\n').split(' ').collect::<Vec<_>>().as_slice() {
            ["luma", width, height] => {
                let [width, height] = [width, height].map(|side| side.parse::<usize>().expect("a side in pixels"));
                let mut pixels = vec![0; width * height];
                requests.read_exact(&mut pixels).expect("the picture's bytes");
                read_luma(Luma::new(width, height, pixels).expect("a picture"), &limits)
            }
            ["file", ..] => {
                let path = line.trim_end_matches('\n').trim_start_matches("file ");
                let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("cannot read {path}: {error}"));
                decode(&bytes, &limits)
            }
            other => panic!("no such request: {other:?}"),
        };
        writeln!(answers, "{}", answer(&reading)).and_then(|()| answers.flush()).expect("someone to answer to");
        line.clear();
    }
}

fn answer(reading: &Reading) -> serde_json::Value {
    let texts: Vec<&str> = reading.codes.iter().map(|code| code.text.as_str()).collect();
    serde_json::json!({ "texts": texts, "ms": reading.decode_ms, "rungs": reading.rungs.len() })
}
