//! The `rqrr` reader: slower, reads some codes that the others see and cannot read. The last rung, and only for those.

use std::cell::Cell;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::time::Duration;

use image::{GenericImage, GenericImageView, Luma as Grey};
use rqrr::{BitGrid, PreparedImage};
use rxing::common::BitMatrix;
use scanmill_core::domain::RungName;

use super::super::catch_panic::catch_panic;
use super::super::clock::Deadline;
use super::super::qr::FailedAttempts;
use super::geometry::Quad;
use super::{Detection, Rung, RungOutput, Task, payload};
use scanmill_jpeg::Luma;

/// Longest side it is given.
pub(super) const SIDE: usize = 800;
/// Time it may take: it is done in a tenth of this on photos it reads, and on a busy photo it may need a minute.
const BUDGET: Duration = Duration::from_millis(400);
/// Looks at a pixel that it may take, on average: five show it all finder patterns, six were the most for a code it read.
const MOST_LOOKS: usize = 10;

/// What its finder patterns and its readings take.
const PATTERN_BYTES: u64 = 128 << 10;
/// What part of the photo's long side a code is wide that rqrr reads and the native reader only sees: six tenths in all that
/// were found.
const SMALLEST_SHARE: f32 = 3.0;

/// rqrr on the photo shrunk to [`SIDE`].
pub(super) struct Rqrr;

impl Rung for Rqrr {
    fn name(&self) -> RungName {
        RungName::Rqrr800
    }

    fn side(&self, longest: usize) -> Option<usize> {
        Some(SIDE.min(longest))
    }

    /// It reads some codes that fill the picture, and that the native reader saw and could not read. Where that saw no such one,
    /// or more than it could go through, rqrr reads nothing either.
    fn should_skip(&self, tried: &FailedAttempts, longest: usize) -> bool {
        tried.largest() < longest as f32 / SMALLEST_SHARE || tried.is_hopeless()
    }

    fn bytes(&self, pixels: u64) -> u64 {
        // The canvas, what rqrr makes of it, and the lines that it has yet to fill.
        pixels * 10 + PATTERN_BYTES
    }

    fn read(&self, luma: &Luma, task: &mut Task<'_>) -> RungOutput {
        let mut view = RungOutput::default();
        let canvas = Canvas {
            width: luma.width() as u32,
            height: luma.height() as u32,
            pixels: luma.pixels().iter().map(|&pixel| Grey([pixel])).collect(),
            alarm: Rc::new(Alarm {
                deadline: task.deadline.at_most(BUDGET),
                most_reads: (luma.pixels().len() * MOST_LOOKS) as u32,
                reads: Cell::new(0),
            }),
        };
        // rqrr panics on some pictures, and the alarm unwinds through it.
        let read = catch_panic(|| {
            let mut prepared = PreparedImage::prepare(canvas);
            for grid in prepared.detect_grids() {
                let Some(payload) = modules(&grid.grid).and_then(|bits| payload::read(&bits)) else { continue };
                view.codes.push(Detection {
                    message: payload.message,
                    quad: Quad(grid.bounds.map(|point| [point.x as f32, point.y as f32])),
                    qr_version: Some(payload.version),
                    ecc_level: payload.ecc_level,
                    ecc_used: Some(payload.ecc_used),
                });
                if task.first_only {
                    break;
                }
            }
        });
        let _ = read;
        view
    }
}

/// The modules of a grid, black where dark. Error correction and text are ours: rqrr does not say in which mode bytes were
/// written.
fn modules(grid: &impl BitGrid) -> Option<BitMatrix> {
    let side = grid.size();
    let mut bits = BitMatrix::new(side as u32, side as u32).ok()?;
    for (row, column) in (0..side).flat_map(|row| (0..side).map(move |column| (row, column))) {
        if grid.bit(row, column) {
            bits.set(column as u32, row as u32);
        }
    }
    Some(bits)
}

/// Ends the reader when its time is over, or its work.
struct Alarm {
    deadline: Deadline,
    most_reads: u32,
    reads: Cell<u32>,
}

impl Alarm {
    /// Looks at the clock at every 16,384th pixel.
    #[inline]
    fn tick(&self) {
        let reads = self.reads.get().wrapping_add(1);
        self.reads.set(reads);
        if reads.is_multiple_of(16_384) {
            self.check();
        }
    }

    #[cold]
    fn check(&self) {
        if self.deadline.is_over() || self.reads.get() > self.most_reads {
            // The only way out of a reader that knows no deadline. Not `panic!`: nothing is wrong, no hook should run.
            resume_unwind(Box::new("rqrr ran out of its time"));
        }
    }
}

/// The picture rqrr works on. rqrr has no deadline of its own, but it sees pixels only through this.
struct Canvas {
    width: u32,
    height: u32,
    pixels: Vec<Grey<u8>>,
    alarm: Rc<Alarm>,
}

impl Clone for Canvas {
    /// rqrr copies the picture for every group of finder patterns it tries; on a busy photo this is where its time goes.
    fn clone(&self) -> Self {
        self.alarm.check();
        Canvas { width: self.width, height: self.height, pixels: self.pixels.clone(), alarm: Rc::clone(&self.alarm) }
    }
}

impl Canvas {
    fn index(&self, x: u32, y: u32) -> usize {
        y as usize * self.width as usize + x as usize
    }
}

impl GenericImageView for Canvas {
    type Pixel = Grey<u8>;

    fn dimensions(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    #[inline]
    fn get_pixel(&self, x: u32, y: u32) -> Grey<u8> {
        self.alarm.tick();
        self.pixels.get(self.index(x, y)).copied().unwrap_or(Grey([0]))
    }
}

impl GenericImage for Canvas {
    fn get_pixel_mut(&mut self, x: u32, y: u32) -> &mut Grey<u8> {
        let index = self.index(x, y);
        // The trait asks for a panic out of bounds. rqrr sets pixels by value only.
        &mut self.pixels[index]
    }

    #[inline]
    fn put_pixel(&mut self, x: u32, y: u32, pixel: Grey<u8>) {
        let index = self.index(x, y);
        if let Some(place) = self.pixels.get_mut(index) {
            *place = pixel;
        }
    }

    fn blend_pixel(&mut self, x: u32, y: u32, pixel: Grey<u8>) {
        self.put_pixel(x, y, pixel);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_alarm_ends_the_reader_without_a_code_or_a_panic() {
        let stripes = (0..400 * 300).map(|at| if at / 3 % 2 == 0 { 20 } else { 230 }).collect();
        let luma = Luma::new(400, 300, stripes).unwrap();
        let started = std::time::Instant::now();
        let mut tried = FailedAttempts::default();
        let deadline = Deadline::after(Duration::ZERO);
        let mut proposals = BTreeMap::new();
        let mut task = Task {
            deadline,
            first_only: false,
            scale: 1.0,
            origin: None,
            codes: Vec::new(),
            saw_light: false,
            tried: &mut tried,
            proposals: &mut proposals,
        };
        let view = Rqrr.read(&luma, &mut task);
        assert!(view.codes.is_empty() && view.unread_candidates.is_empty());
        // It does not even get through the 120,000 pixels once, which it reads four times to prepare.
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn the_alarm_ends_the_reader_after_its_share_of_looks() {
        let canvas = |most_reads| Canvas {
            width: 2,
            height: 1,
            pixels: vec![Grey([7]); 2],
            alarm: Rc::new(Alarm {
                deadline: Deadline::after(Duration::from_secs(60)),
                most_reads,
                reads: Cell::new(0),
            }),
        };
        let looks = |canvas: Canvas| catch_panic(|| (0..50_000).all(|at| canvas.get_pixel(at % 2, 0) == Grey([7])));
        assert!(looks(canvas(20_000)).is_err());
        assert_eq!(looks(canvas(50_000)).ok(), Some(true));
    }
}
