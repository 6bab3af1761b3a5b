//! Files: a picture drawn and encoded once, and for each photo its own metadata spliced in.
//!
//! Drawing costs milliseconds, splicing a copy of the bytes. That is how one core can make photos faster than one core
//! reads them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::scene::SceneSpec;
use super::splice::{EXIF_ROOM, Template};
use super::story::{InjectedFault, PlannedPhoto};
use super::{bomb, exif};
use scanmill_core::cpu::thread_cpu;
use scanmill_core::error::{Error, Result};

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
    scene: Arc<OnceLock<Result<Template, String>>>,
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
        if plan.fault == Some(InjectedFault::Bomb) {
            return bomb::png(plan.unique_id);
        }
        let cell = self.scene(&plan.scene)?;
        let scene = match cell.get() {
            Some(Ok(scene)) => scene,
            Some(Err(why)) => return Err(Error::bug(format!("cannot draw a picture: {why}"))),
            None => return Err(Error::bug("a picture was not drawn")),
        };
        match &plan.capture {
            Some(facts) => scene.with_exif(&exif::tiff(facts)?, plan.keep),
            None => Ok(scene.with_mark(plan.unique_id, plan.keep)),
        }
    }

    /// Pictures drawn so far; more than there are when the cache is too small.
    pub fn drawn(&self) -> u64 {
        self.drawn.load(Ordering::Relaxed)
    }

    /// CPU time spent on drawing them.
    pub fn draw_cpu(&self) -> Duration {
        Duration::from_micros(self.draw_cpu_us.load(Ordering::Relaxed))
    }

    /// The picture, drawn unless it is kept.
    fn scene(&self, spec: &SceneSpec) -> Result<Arc<OnceLock<Result<Template, String>>>> {
        let cell = self.cell(spec);
        let mut drawn_bytes = None;
        cell.get_or_init(|| {
            let before = thread_cpu();
            let encoded = spec.encode_with_room(EXIF_ROOM);
            let scene = encoded.and_then(|encoded| Template::new(encoded, spec.format, (spec.width, spec.height)));
            let scene = scene.map_err(|error| error.to_string())?;
            drawn_bytes = Some(scene.len());
            self.drawn.fetch_add(1, Ordering::Relaxed);
            let cpu = thread_cpu().saturating_sub(before).as_micros() as u64;
            self.draw_cpu_us.fetch_add(cpu, Ordering::Relaxed);
            Ok(scene)
        });
        if let Some(bytes) = drawn_bytes {
            self.keep(spec, bytes);
        }
        Ok(cell)
    }

    fn cell(&self, spec: &SceneSpec) -> Arc<OnceLock<Result<Template, String>>> {
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
