//! What a photo takes while it is decoded is no more than its inspected header promised, in every format. Alone in its
//! file: it counts every allocation of its thread.
#![allow(unsafe_code, reason = "an allocator that counts cannot be written without it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use image::{DynamicImage, ImageFormat};
use scanmill::decode::{DecodeLimits, inspect, read};
use scene::{Place, Scene, code, encode, limits};

#[cfg(feature = "heic")]
#[path = "support/heic.rs"]
mod heic;
#[path = "support/decode_scene.rs"]
mod scene;

thread_local! {
    static HELD: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

struct Counting;

impl Counting {
    fn taken(bytes: usize) {
        // What is freed here may have come from elsewhere, so the count may not go below zero.
        let _ = HELD.try_with(|held| {
            let (now, peak) = held.get();
            held.set((now + bytes, peak.max(now + bytes)));
        });
    }

    fn freed(bytes: usize) {
        let _ = HELD.try_with(|held| held.set((held.get().0.saturating_sub(bytes), held.get().1)));
    }
}

// SAFETY: every call goes on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Counting::taken(layout.size());
        // SAFETY: as our caller promised.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Counting::taken(layout.size());
        // SAFETY: as our caller promised.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        Counting::freed(layout.size());
        // SAFETY: as our caller promised.
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both may be there at once while it is copied.
        Counting::taken(size);
        Counting::freed(layout.size());
        // SAFETY: as our caller promised.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn peak_of(work: impl FnOnce()) -> usize {
    HELD.with(|held| held.set((0, 0)));
    work();
    HELD.with(|held| held.get().1)
}

#[test]
fn no_photo_takes_more_than_its_header_promised() {
    const SIDES: (usize, usize) = (2_300, 1_700);
    let scene = Scene::paper(SIDES.0, SIDES.1).draw(&code("memory"), Place::at(1_000.0, 800.0, 9.0));
    let rgb = DynamicImage::from(scene.grey()).to_rgb8();
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Bmp, ImageFormat::Tiff] {
        files.push((format!("{format:?}"), encode(&rgb.clone().into(), format)));
    }
    for progressive in [false, true] {
        let mut file = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut file, 85);
        encoder.set_progressive(progressive);
        encoder.encode(&scene.rgb(), SIDES.0 as u16, SIDES.1 as u16, jpeg_encoder::ColorType::Rgb).unwrap();
        files.push((format!("jpeg, progressive {progressive}"), file));
    }
    let deep = DynamicImage::from(scene.grey()).to_rgba16();
    files.push(("png 16".into(), encode(&deep.clone().into(), ImageFormat::Png)));
    files.push(("tiff 16".into(), encode(&DynamicImage::from(deep).to_rgb16().into(), ImageFormat::Tiff)));
    files.push(("png grey".into(), scene.png()));
    #[cfg(feature = "heic")]
    {
        let small = Scene::paper(500, 480).draw(&code("memory"), Place::at(200.0, 200.0, 5.0));
        files.push(("heic".into(), heic::heic(500, 480, &small.pixels)));
        files.push(("heic grid".into(), heic::heic(SIDES.0, SIDES.1, &scene.pixels)));
    }
    // The paper compresses well.
    let limits = DecodeLimits { max_pixels_per_byte: u32::MAX, ..limits() };
    for (name, file) in files {
        let header = inspect(&file, &limits).unwrap();
        let mut read_codes = 0;
        let peak = peak_of(|| read_codes = read(&file, &header, &limits).codes.len());
        assert_eq!(read_codes, 1, "{name}");
        let promised = header.decode_bytes as usize;
        assert!(peak <= promised, "{name}: {peak} bytes taken, {promised} promised");
    }
}
