//! `scanmill pump preview`.

use std::ffi::OsString;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use clap::Args;
use image::ImageFormat;

use super::super::progress::Progress;
use super::super::{Exit, GlobalArgs, out};
use crate::error::{Error, Result};
use crate::pump::preview::Preview;
use crate::pump::scene::PhotoSize;
use crate::pump::story::{StoryOptions, StorySource};

/// Draws a contact sheet of a story's photos
///
/// Photos are picked so that every look, format, size and fault of the story is among them; each is shown from the very
/// bytes that the pump would put. Captions name product, place, local time, look, format and what is wrong with it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  scanmill pump preview --out sheet.png --count 48")]
pub struct PreviewArgs {
    /// Where the sheet goes: a PNG file
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Built-in story, or a file
    #[arg(long, value_name = "NAME|FILE")]
    pub story: Option<String>,
    /// Which photos: the same seed, the same photos
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Photos to show
    #[arg(long, value_name = "N", default_value_t = 48, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub count: u16,
    /// Size of the photos
    #[arg(long, value_enum, default_value_t = PhotoSize::Mixed)]
    pub size: PhotoSize,
    /// Photos in a row
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=40))]
    pub columns: u16,
}

/// Runs the command.
pub fn run(args: &PreviewArgs, global: &GlobalArgs) -> Result<Exit> {
    let file = args.out.as_path();
    if !file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
        let message = format!("cannot write a contact sheet to `{}`", file.display());
        return Err(Error::permanent(message).with_hint("sheets are PNG: give a name that ends in .png"));
    }
    // Before minutes are spent on photos that then have no place to go.
    let partial = partial(file);
    let failed = |error| {
        Error::io("cannot write", file, error).with_hint("give --out a folder that exists and can be written to")
    };
    std::fs::write(&partial, []).map_err(failed)?;
    let drawn = draw(args, global).and_then(|bytes| std::fs::write(&partial, bytes).map_err(failed));
    let written = drawn.and_then(|()| std::fs::rename(&partial, file).map_err(failed));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = std::fs::remove_file(&partial);
    }
    written?;
    out::print_line(&format!("{}", file.display()))?;
    Ok(Exit::Success)
}

/// Beside the file, so that a rename puts it in place as a whole.
fn partial(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(".partial");
    name.into()
}

fn draw(args: &PreviewArgs, global: &GlobalArgs) -> Result<Vec<u8>> {
    let source = args.story.as_deref().map(StorySource::find).transpose()?.unwrap_or_default();
    let story = StoryOptions { seed: args.seed, size: args.size, ..StoryOptions::default() };
    let preview = Preview { source, story, count: args.count.into(), columns: args.columns.into() };
    let bar = Progress::new(global, "drawn", Some(args.count.into()));
    let sheet = preview.draw(|drawn| bar.set(drawn))?;
    drop(bar);
    let mut bytes = Cursor::new(Vec::new());
    sheet
        .write_to(&mut bytes, ImageFormat::Png)
        .map_err(|error| Error::bug("cannot encode a contact sheet").with_source(error))?;
    Ok(bytes.into_inner())
}
