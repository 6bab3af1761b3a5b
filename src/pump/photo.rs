//! Files: a picture drawn and encoded once, and for each photo its own metadata spliced in.
//!
//! Drawing costs tens of milliseconds, splicing a copy of the bytes. That is how one core can make photos faster than
//! one core reads them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use img_parts::ImageEXIF;
use img_parts::jpeg::{Jpeg, JpegSegment, markers};
use img_parts::png::Png;
use img_parts::webp::WebP;

use super::exif;
use super::scene::SceneSpec;
use super::story::PlannedPhoto;
use crate::domain::Format;
use crate::error::{Error, Result};
use crate::telemetry::process::thread_cpu;

/// Makes photo files. Shared by all maker threads.
#[derive(Debug)]
pub struct PhotoMaker {
    scenes: Mutex<Scenes>,
    max_bytes: usize,
    drawn: AtomicU64,
    draw_cpu_us: AtomicU64,
}

#[derive(Debug, Default)]
struct Scenes {
    entries: HashMap<SceneSpec, Entry>,
    bytes: usize,
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    /// Filled by the first thread that needs it; others wait for it instead of drawing it again.
    scene: Arc<OnceLock<Result<Container, String>>>,
    bytes: usize,
    used: u64,
}

impl PhotoMaker {
    /// A maker that keeps at most `max_bytes` of encoded pictures, and always the one in use.
    pub fn new(max_bytes: usize) -> Self {
        Self { scenes: Mutex::default(), max_bytes, drawn: AtomicU64::new(0), draw_cpu_us: AtomicU64::new(0) }
    }

    /// Makes one photo's file.
    ///
    /// # Errors
    /// A picture or its metadata that cannot be encoded (a bug).
    pub fn make(&self, plan: &PlannedPhoto) -> Result<Bytes> {
        let mut image = self.scene(&plan.scene)?;
        match &plan.capture {
            Some(facts) => image.set_exif(exif::tiff(facts)?.into()),
            None => image.mark(plan.unique_id),
        }
        let bytes = image.into_bytes();
        Ok(match plan.keep {
            Some(share) => bytes.slice(..(bytes.len() as f64 * share) as usize),
            None => bytes,
        })
    }

    /// Pictures drawn so far; more than there are when the cache is too small.
    pub fn drawn(&self) -> u64 {
        self.drawn.load(Ordering::Relaxed)
    }

    /// CPU time spent on drawing them.
    pub fn draw_cpu(&self) -> Duration {
        Duration::from_micros(self.draw_cpu_us.load(Ordering::Relaxed))
    }

    fn scene(&self, spec: &SceneSpec) -> Result<Container> {
        let cell = self.cell(spec);
        let mut drawn_bytes = None;
        let scene = cell.get_or_init(|| {
            let before = thread_cpu();
            let encoded = spec.encode().map_err(|error| error.to_string())?;
            drawn_bytes = Some(encoded.len());
            let image = Container::parse(spec.format, encoded.into()).map_err(|error| error.to_string())?;
            self.drawn.fetch_add(1, Ordering::Relaxed);
            let cpu = thread_cpu().saturating_sub(before).as_micros() as u64;
            self.draw_cpu_us.fetch_add(cpu, Ordering::Relaxed);
            Ok(image)
        });
        let scene = scene.clone().map_err(|why| Error::bug(format!("cannot draw a picture: {why}")))?;
        if let Some(bytes) = drawn_bytes {
            self.keep(spec, bytes);
        }
        Ok(scene)
    }

    fn cell(&self, spec: &SceneSpec) -> Arc<OnceLock<Result<Container, String>>> {
        let mut scenes = self.scenes.lock().unwrap_or_else(PoisonError::into_inner);
        scenes.clock += 1;
        let used = scenes.clock;
        if let Some(entry) = scenes.entries.get_mut(spec) {
            entry.used = used;
            return Arc::clone(&entry.scene);
        }
        let scene = Arc::default();
        scenes.entries.insert(spec.clone(), Entry { scene: Arc::clone(&scene), bytes: 0, used });
        scene
    }

    /// Counts a drawn picture in and drops those used longest ago until all fit.
    fn keep(&self, spec: &SceneSpec, bytes: usize) {
        let mut scenes = self.scenes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = scenes.entries.get_mut(spec) else { return };
        entry.bytes = bytes;
        scenes.bytes += bytes;
        while scenes.bytes > self.max_bytes {
            let others = scenes.entries.iter().filter(|(other, entry)| *other != spec && entry.bytes > 0);
            let Some(oldest) = others.min_by_key(|(_, entry)| entry.used).map(|(other, _)| other.clone()) else {
                break;
            };
            if let Some(entry) = scenes.entries.remove(&oldest) {
                scenes.bytes -= entry.bytes;
            }
        }
    }
}

/// An encoded picture in its parts. A clone shares the bytes.
#[derive(Clone, Debug)]
enum Container {
    Jpeg(Jpeg),
    Png(Png),
    Webp(WebP),
}

impl Container {
    fn parse(format: Format, bytes: Bytes) -> Result<Self, img_parts::Error> {
        Ok(match format {
            Format::Png => Container::Png(Png::from_bytes(bytes)?),
            Format::Webp => Container::Webp(WebP::from_bytes(bytes)?),
            _ => Container::Jpeg(Jpeg::from_bytes(bytes)?),
        })
    }

    fn set_exif(&mut self, tiff: Bytes) {
        match self {
            Container::Jpeg(jpeg) => jpeg.set_exif(Some(tiff)),
            Container::Png(png) => png.set_exif(Some(tiff)),
            Container::Webp(webp) => webp.set_exif(Some(tiff)),
        }
    }

    /// Makes a photo without EXIF unlike every other one: a JPEG comment. The story has such photos as JPEG only.
    fn mark(&mut self, unique_id: u128) {
        if let Container::Jpeg(jpeg) = self {
            let comment = JpegSegment::new_with_contents(markers::COM, format!("{unique_id:032x}").into());
            let behind_header = 1.min(jpeg.segments().len());
            jpeg.segments_mut().insert(behind_header, comment);
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Container::Jpeg(jpeg) => jpeg.encoder().bytes(),
            Container::Png(png) => png.encoder().bytes(),
            Container::Webp(webp) => webp.encoder().bytes(),
        }
    }
}
