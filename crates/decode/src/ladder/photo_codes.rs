//! The codes of a photo, each once, whatever rung and size saw it.

use super::Detection;
use super::geometry::Quad;
use crate::content::{self, Message};
use scanmill_core::domain::{Code, Sequence};

/// A code at its place, with what it was read from.
struct Placed {
    quad: Quad,
    code: Code,
    message: Message,
}

/// What was read so far, in pixels of the full-size photo.
#[derive(Default)]
pub(super) struct PhotoCodes {
    codes: Vec<Placed>,
    /// Readings that used up their error correction: chance may have made them, until another rung reads the same.
    doubtful: Vec<Placed>,
    /// Whether a code that says nothing at all was read, which is not a scan.
    has_blank: bool,
}

/// Share of the error correction from which a reading needs a second one.
const EXHAUSTED: f32 = 1.0;

/// Whether a reading needs a second one, by the share of its error correction that it used.
pub(super) fn is_exhausted(ecc_used: Option<f32>) -> bool {
    ecc_used.is_some_and(|used| used >= EXHAUSTED)
}

impl PhotoCodes {
    pub(super) fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.codes.len()
    }

    /// Mean side of the smallest code read, in pixels of the full-size photo; infinite where none was read.
    pub(super) fn smallest_side(&self) -> f32 {
        self.codes.iter().map(|known| known.quad.size()).fold(f32::INFINITY, f32::min)
    }

    /// The smallest and the largest width of the codes' finder patterns, in pixels of the full-size photo.
    pub(super) fn pattern_widths(&self) -> [f32; 2] {
        let widths = self.codes.iter().map(|known| {
            let side = known.code.qr_version.map_or(21.0, |version| f32::from(version) * 4.0 + 17.0);
            known.quad.size() / side * 7.0
        });
        widths.fold([f32::INFINITY, 0.0], |[least, most], width| [width.min(least), width.max(most)])
    }

    /// Adds what a rung read at `scale` full-size pixels per pixel; returns how many codes were new. At one place the
    /// first reading stands: the same text is the same code, and of two texts one is wrong. A reading whose error
    /// correction was exhausted counts once a second rung, which samples the code in another way, reads the same text.
    pub(super) fn add(&mut self, detections: Vec<Detection>, rung: &'static str, scale: f32) -> usize {
        let before = self.codes.len();
        for detection in detections {
            let quad = detection.quad.scaled(scale);
            if self.codes.iter().any(|known| known.quad.is_same_place(&quad)) {
                continue;
            }
            let is_sure = !is_exhausted(detection.ecc_used);
            let Some(placed) = placed(detection, quad, rung) else {
                self.has_blank |= is_sure;
                continue;
            };
            if is_exhausted(placed.code.ecc_used) && !self.is_confirmed(&placed) {
                self.doubtful.push(placed);
            } else {
                self.doubtful.retain(|known| !known.quad.is_same_place(&quad));
                self.codes.push(placed);
            }
        }
        self.codes.len() - before
    }

    fn is_confirmed(&self, new: &Placed) -> bool {
        self.doubtful.iter().any(|known| {
            known.code.rung != new.code.rung && known.message == new.message && known.quad.is_same_place(&new.quad)
        })
    }

    /// The outlines of all codes.
    pub(super) fn outlines(&self) -> Vec<Quad> {
        self.codes.iter().map(|known| known.quad).collect()
    }

    /// Whether a code without any text was read.
    pub(super) fn has_blank(&self) -> bool {
        self.has_blank || self.codes.iter().any(|known| known.code.text.is_empty())
    }

    /// Readings that wait for a second one.
    pub(super) fn doubtful(&self) -> usize {
        self.doubtful.len()
    }

    /// Whether the point lies in a code that was read, or at its very edge.
    pub(super) fn covers(&self, point: [f32; 2]) -> bool {
        self.codes.iter().any(|known| known.quad.holds(point, known.quad.size() * 0.05))
    }

    /// The codes with those of one structured append sequence joined, top to bottom, then left to right, by the centres,
    /// in whole pixels so that the order is total.
    pub(super) fn into_codes(mut self, first_only: bool) -> Vec<Code> {
        if first_only {
            self.codes.truncate(1);
        }
        self.join();
        // A part without text that belongs to no message.
        self.codes.retain(|known| !known.code.text.is_empty());
        self.codes.sort_by_key(|known| {
            let [x, y] = known.quad.centre();
            (y as i64, x as i64, known.code.text.clone())
        });
        self.codes.into_iter().map(|known| known.code).collect()
    }

    /// Puts the whole message in the place of each sequence's first symbol, and drops the other symbols.
    fn join(&mut self) {
        let symbols: Vec<_> = self.codes.iter().map(|known| (&known.message, known.quad.centre())).collect();
        let mut gone = Vec::new();
        for joined in content::join(&symbols) {
            let Some(whole) = joined.message.content() else { continue };
            let used = |number: &usize| self.codes.get(*number).and_then(|known| known.code.ecc_used);
            let worst = joined.members.iter().map(used).reduce(|a, b| Some(a?.max(b?))).flatten();
            let Some((first, others)) = joined.members.split_first() else { continue };
            if let Some(Placed { code, .. }) = self.codes.get_mut(*first) {
                code.text = whole.text;
                code.text_encoding = whole.encoding;
                code.symbology = whole.symbology;
                code.ecc_used = worst;
                code.sequence = code.sequence.map(|sequence| Sequence { index: None, ..sequence });
            }
            gone.extend(others.iter().chain(&joined.repeats).copied());
        }
        let mut number = 0..;
        self.codes.retain(|_| number.next().is_none_or(|number| !gone.contains(&number)));
    }
}

/// A detection as a code; `None` where it says nothing at all, and no message has it as a part: encoders divide some so that
/// nothing is left for the last.
fn placed(detection: Detection, quad: Quad, rung: &'static str) -> Option<Placed> {
    let Detection { message, qr_version, ecc_level, ecc_used, .. } = detection;
    let blank = || message.part().map(|_| message.blank());
    let content = message.content().or_else(blank)?;
    let code = Code {
        text: content.text,
        text_encoding: content.encoding,
        symbology: content.symbology,
        sequence: message.part().map(|part| Sequence {
            index: Some(part.index),
            count: part.count,
            parity: part.parity,
        }),
        rung,
        corners: quad.0,
        qr_version,
        ecc_level,
        ecc_used,
    };
    Some(Placed { quad, code, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detection(text: &str, x: f32, y: f32) -> Detection {
        sized(text, x, y, 10.0)
    }

    fn sized(text: &str, x: f32, y: f32, size: f32) -> Detection {
        let quad = Quad([[x, y], [x + size, y], [x + size, y + size], [x, y + size]]);
        let message = Message::of_bytes(text.as_bytes());
        Detection { message, quad, qr_version: None, ecc_level: None, ecc_used: None }
    }

    #[test]
    fn a_code_counts_once_over_all_scales_and_the_same_text_elsewhere_again() {
        let mut found = PhotoCodes::default();
        assert_eq!(found.add(vec![detection("a", 30.0, 50.0), detection("a", 5.0, 50.0)], "one", 1.0), 2);
        assert_eq!(found.add(vec![sized("a", 14.5, 24.5, 5.5), sized("b", 30.0, 2.0, 5.0)], "two", 2.0), 1);
        let codes = found.into_codes(false);
        let seen: Vec<_> = codes.iter().map(|code| (code.text.as_str(), code.rung, code.corners[0])).collect();
        assert_eq!(seen, [("b", "two", [60.0, 4.0]), ("a", "one", [5.0, 50.0]), ("a", "one", [30.0, 50.0])]);
    }

    #[test]
    fn a_reading_that_used_up_its_error_correction_needs_a_second_rung() {
        let exhausted = |text| Detection { ecc_used: Some(1.0), ..detection(text, 5.0, 5.0) };
        let mut found = PhotoCodes::default();
        assert_eq!(found.add(vec![exhausted("a"), exhausted("a")], "one", 1.0), 0);
        assert_eq!(found.add(vec![exhausted("b")], "two", 1.0), 0);
        assert_eq!((found.is_empty(), found.doubtful()), (true, 3));
        assert_eq!(found.add(vec![exhausted("a")], "three", 1.0), 1);
        assert_eq!((found.doubtful(), found.into_codes(false).len()), (0, 1));

        let mut found = PhotoCodes::default();
        found.add(vec![exhausted("wrong")], "one", 1.0);
        let sure = Detection { ecc_used: Some(0.9), ..detection("right", 5.0, 5.0) };
        assert_eq!(found.add(vec![sure], "two", 1.0), 1);
        assert_eq!((found.doubtful(), found.into_codes(false)[0].text.as_str()), (0, "right"));
    }

    #[test]
    fn a_code_without_text_is_noted_and_is_no_scan() {
        let mut found = PhotoCodes::default();
        assert!(!found.has_blank());
        for text in ["", "\u{feff}"] {
            found.add(vec![detection(text, 5.0, 5.0)], "one", 1.0);
            assert!(found.has_blank() && found.is_empty(), "{text:?}");
        }
        assert_eq!(found.into_codes(false), []);
        // Chance makes such readings too.
        let mut found = PhotoCodes::default();
        found.add(vec![Detection { ecc_used: Some(1.0), ..detection("", 5.0, 5.0) }], "one", 1.0);
        assert!(!found.has_blank());
    }

    #[test]
    fn the_first_reading_of_a_place_stands() {
        let mut found = PhotoCodes::default();
        found.add(vec![detection("right", 0.0, 0.0)], "one", 1.0);
        assert_eq!(found.add(vec![detection("wrong", 1.0, 1.0)], "two", 1.0), 0);
        assert_eq!([[5.0, 5.0], [10.2, 5.0], [20.0, 5.0]].map(|point| found.covers(point)), [true, true, false]);
    }
}
