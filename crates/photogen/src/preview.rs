//! A contact sheet: some photos of a story side by side, each from the very bytes that would be put, with captions.

use std::collections::BTreeSet;
use std::io::Cursor;

use image::imageops::{FilterType, replace, resize};
use image::{ImageFormat, ImageReader, Limits, Rgb, RgbImage};

use super::photo::PhotoMaker;
use super::scene::PhotoSize;
use super::scene::font::{Cut, TextLine};
use super::story::{PlannedPhoto, Story, StoryOptions, StorySource};
use scanmill_core::domain::Format;
use scanmill_core::error::Result;

/// Room for a photo.
const PHOTO: (u32, u32) = (372, 279);
/// Around photos and captions.
const MARGIN: u32 = 10;
/// Caption lines below a photo.
const LINES: u32 = 4;
const PAPER: Rgb<u8> = Rgb([250, 250, 248]);
const FRAME: Rgb<u8> = Rgb([226, 226, 222]);
const INK: Rgb<u8> = Rgb([40, 42, 46]);
const PALE: Rgb<u8> = Rgb([120, 122, 126]);
const RED: Rgb<u8> = Rgb([186, 40, 40]);
/// Photos among which those to show are picked.
const CANDIDATES: u64 = 3_000;
/// Bytes of pictures kept: photos of one picture are seldom far apart.
const KEPT_BYTES: usize = 64 << 20;

/// Which photos, and how they are laid out.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Where the story comes from.
    pub source: StorySource,
    /// Which story of that source.
    pub story: StoryOptions,
    /// Photos to show.
    pub count: usize,
    /// Photos in a row, at least one.
    pub columns: u32,
}

impl Preview {
    /// Draws the sheet. `progress` is called with the photos drawn so far.
    ///
    /// # Errors
    /// A source that is not a story, or a photo that cannot be made (a bug).
    pub fn draw(&self, progress: impl Fn(u64)) -> Result<RgbImage> {
        let story = Story::new(&self.source, self.story, String::new())?;
        let plans = (0..self.story.count.min(CANDIDATES)).map(|index| story.photo(story.stamp(index))).collect();
        let picked = pick(plans, self.count);
        let columns = self.columns.max(1).min(picked.len().max(1) as u32);
        let rows = (picked.len() as u32).div_ceil(columns);
        let line = Cut::Small.size().1 as u32;
        let (across, down) = (PHOTO.0 + MARGIN, PHOTO.1 + LINES * line + 2 * MARGIN);
        let top = MARGIN * 2 + Cut::Large.size().1 as u32;
        let mut sheet = RgbImage::from_pixel(columns * across + MARGIN, top + rows * down, PAPER);
        let StoryOptions { seed, count, size, .. } = self.story;
        let title = format!("{}: {} of {count} photos, seed {seed}, {}", self.source.name, picked.len(), size.as_str());
        write(&mut sheet, (MARGIN, MARGIN), columns * across, &title, Cut::Large, INK);
        let maker = PhotoMaker::new(KEPT_BYTES);
        for (place, plan) in (0u32..).zip(&picked) {
            let corner = (MARGIN + place % columns * across, top + place / columns * down);
            cell(&mut sheet, corner, plan, &maker)?;
            progress(u64::from(place) + 1);
        }
        Ok(sheet)
    }
}

/// Photos that show every look, format, size and fault there is, filled up with others from all over the story, in the
/// order of the story.
fn pick(plans: Vec<PlannedPhoto>, count: usize) -> Vec<PlannedPhoto> {
    let mut shown = BTreeSet::new();
    let (mut picked, mut rest) = (Vec::new(), Vec::new());
    for plan in plans {
        let scene = &plan.scene;
        // A fault in one photo says nothing of its look, so the two are counted apart.
        let traits = [
            format!("look {} {}", scene.look.as_str(), scene.format.as_str()),
            format!("size {} x {}", scene.width.max(scene.height), scene.width.min(scene.height)),
            plan.fault.map_or_else(String::new, |fault| format!("fault {}", fault.as_str())),
        ];
        let is_new = picked.len() < count && traits.iter().any(|one| !shown.contains(one));
        if is_new {
            shown.extend(traits);
            picked.push(plan);
        } else {
            rest.push(plan);
        }
    }
    let wanted = count.saturating_sub(picked.len()).min(rest.len());
    let step = rest.len() as f64 / wanted.max(1) as f64;
    let chosen: BTreeSet<usize> = (0..wanted).map(|nth| (nth as f64 * step) as usize).collect();
    picked.extend(rest.into_iter().enumerate().filter(|(place, _)| chosen.contains(place)).map(|(_, plan)| plan));
    picked.sort_by_key(|plan| plan.index);
    picked
}

/// One photo with its caption.
fn cell(sheet: &mut RgbImage, (left, top): (u32, u32), plan: &PlannedPhoto, maker: &PhotoMaker) -> Result<()> {
    let bytes = maker.make(plan)?;
    replace(sheet, &RgbImage::from_pixel(PHOTO.0, PHOTO.1, FRAME), left.into(), top.into());
    match shown(plan, &bytes)? {
        Ok(photo) => {
            let scale =
                (f64::from(PHOTO.0) / f64::from(photo.width())).min(f64::from(PHOTO.1) / f64::from(photo.height()));
            let side = |pixels: u32, most: u32| ((f64::from(pixels) * scale).round() as u32).clamp(1, most);
            let (width, height) = (side(photo.width(), PHOTO.0), side(photo.height(), PHOTO.1));
            let small = resize(&photo, width, height, FilterType::Triangle);
            replace(sheet, &small, (left + (PHOTO.0 - width) / 2).into(), (top + (PHOTO.1 - height) / 2).into());
        }
        Err(why) => {
            let line = Cut::Small.size().1 as u32;
            let words = ["no viewer shows this file:".to_owned(), why];
            for (place, words) in (0u32..).zip(&words) {
                write(sheet, (left + 12, top + 80 + place * line * 5 / 4), PHOTO.0 - 24, words, Cut::Small, PALE);
            }
        }
    }
    let titles: Vec<&str> = plan.codes.iter().map(|code| code.title.as_ref()).collect();
    let titles = if titles.is_empty() { "no code".to_owned() } else { titles.join(" + ") };
    let when = plan
        .capture
        .as_ref()
        .map_or_else(|| "no time".to_owned(), |facts| facts.local.strftime("%Y-%m-%d %H:%M").to_string());
    let scene = &plan.scene;
    let fault = plan.fault.map(|fault| fault.as_str());
    let size = format!("{} {}x{}", scene.format.as_str(), scene.width, scene.height);
    let line = Cut::Small.size().1 as u32;
    let row = |nth: u32| (left, top + PHOTO.1 + 4 + nth * line);
    write(sheet, row(0), PHOTO.0, &titles, Cut::Small, INK);
    write(sheet, row(1), PHOTO.0, &format!("{when} {}", plan.city), Cut::Small, INK);
    write(sheet, row(2), PHOTO.0, &format!("{} {size}", scene.look.as_str()), Cut::Small, PALE);
    if let Some(fault) = fault {
        write(sheet, row(3), PHOTO.0, fault, Cut::Small, RED);
    }
    Ok(())
}

/// The photo as a viewer shows it, or why it does not.
fn shown(plan: &PlannedPhoto, bytes: &[u8]) -> Result<Result<RgbImage, String>> {
    let format = match plan.scene.format {
        // Bombs and cut files are JPEG or PNG by their content.
        _ if bytes.starts_with(b"\x89PNG") => ImageFormat::Png,
        Format::Heic => return plan.scene.draw().map(Ok),
        Format::Webp => ImageFormat::WebP,
        _ => ImageFormat::Jpeg,
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(5_000);
    limits.max_image_height = Some(5_000);
    reader.limits(limits);
    Ok(reader.decode().map(|photo| photo.into_rgb8()).map_err(|error| error.to_string()))
}

/// Writes a line as far as it fits.
fn write(sheet: &mut RgbImage, (left, top): (u32, u32), most: u32, text: &str, cut: Cut, ink: Rgb<u8>) {
    let letters = most as usize / cut.size().0;
    let text: String = if text.chars().count() > letters {
        text.chars().take(letters.saturating_sub(1)).chain(['…']).collect()
    } else {
        text.to_owned()
    };
    let line = TextLine::new(&text, cut);
    for y in 0..line.height {
        for x in (0..line.width).filter(|&x| line.dot(x, y)) {
            if let Some(pixel) = sheet.get_pixel_mut_checked(left + x as u32, top + y as u32) {
                *pixel = ink;
            }
        }
    }
}

impl Default for Preview {
    /// Four dozen photos of the default story.
    fn default() -> Self {
        let story = StoryOptions { size: PhotoSize::Mixed, ..StoryOptions::default() };
        Self { source: StorySource::default(), story, count: 48, columns: 8 }
    }
}
