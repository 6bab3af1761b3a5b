//! Our own reader ([`super::super::qr`]) as rungs.

use rxing::common::BitMatrix;

use super::super::clock::Deadline;
use super::super::luma::Luma;
use super::super::qr;
use super::geometry::Quad;
use super::{Rung, Sighting, View, bits, zxing};

/// How grey becomes black and white for finding finder patterns.
#[derive(Clone, Copy)]
pub(super) enum Threshold {
    /// ZXing's hybrid.
    Hybrid,
}

/// The reader on the photo shrunk to `side` pixels on its long side.
pub(super) struct Own {
    pub name: &'static str,
    pub side: usize,
    pub threshold: Threshold,
}

impl Rung for Own {
    fn name(&self) -> &'static str {
        self.name
    }

    fn side(&self) -> usize {
        self.side
    }

    fn read(&self, luma: &Luma, deadline: Deadline, first_only: bool) -> View {
        let mut view = View::default();
        let Some(mut picture) = self.threshold.of(luma) else { return view };
        add(&mut view, qr::read(luma, &picture, deadline, first_only));
        if !first_only || view.codes.is_empty() {
            picture.flip_self();
            let pixels = luma.pixels().iter().map(|pixel| 255 - pixel).collect();
            if let Some(negative) = Luma::new(luma.width(), luma.height(), pixels) {
                add(&mut view, qr::read(&negative, &picture, deadline, first_only));
            }
        }
        view
    }
}

fn add(view: &mut View, seen: qr::Seen) {
    view.strays.extend(seen.strays);
    for symbol in seen.symbols {
        let Some(text) = zxing::text_of(&symbol.payload.decoded) else { continue };
        view.codes.push(Sighting {
            text,
            quad: Quad(symbol.corners),
            qr_version: Some(symbol.payload.version),
            ecc_level: Some(symbol.payload.level),
        });
    }
}

impl Threshold {
    fn of(self, luma: &Luma) -> Option<BitMatrix> {
        match self {
            Threshold::Hybrid => bits::binarize(luma),
        }
    }
}
