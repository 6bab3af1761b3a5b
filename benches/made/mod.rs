//! Made photos of the kinds that readers fail on, for want of a public set that may stand here: sixteen kinds, and two of
//! many codes, each drawn from `SEED` alone, so that every run and every machine sees the same pixels.

mod camera;
mod kinds;
mod print;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

pub use kinds::{KINDS, MANY};

/// A made photo.
pub struct Made {
    /// The photo as JPEG.
    pub bytes: Vec<u8>,
    /// The texts of its codes.
    pub texts: Vec<String>,
}

/// Which pictures are made; another seed gives others of the same kinds.
const SEED: u64 = 20_261_122;

/// Photo `index` of a kind.
pub fn photo(kind: &'static str, index: usize, seed: Option<u64>) -> Made {
    let mut key = [0u8; 32];
    for (place, byte) in key.iter_mut().zip(kind.bytes().chain([0]).chain((index as u64).to_le_bytes())) {
        *place = byte;
    }
    for (place, byte) in key.iter_mut().rev().zip(seed.unwrap_or(SEED).to_le_bytes()) {
        *place = byte;
    }
    let mut draw = ChaCha8Rng::from_seed(key);
    let shot = kinds::shot(kind, &mut draw);
    let texts = shot.sheets.iter().map(|sheet| sheet.print.text.clone()).collect();
    Made { bytes: shot.take(&mut draw), texts }
}
