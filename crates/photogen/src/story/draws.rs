//! Random numbers by counter: the same for the same seed, purpose and index, on every machine and in any order.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// The generator of one decision.
pub fn generator(seed: u64, purpose: &str, index: u64) -> ChaCha8Rng {
    Draws::new(seed, purpose).at(index)
}

/// The generators of one kind of decision: what [`generator`] gives, with the key worked out once.
#[derive(Clone, Debug)]
pub struct Draws(ChaCha8Rng);

impl Draws {
    /// The generators for `purpose`.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(seed.to_le_bytes());
        hasher.update(purpose.as_bytes());
        Self(ChaCha8Rng::from_seed(hasher.finalize().into()))
    }

    /// The generator of decision `index`.
    pub fn at(&self, index: u64) -> ChaCha8Rng {
        let mut generator = self.0.clone();
        generator.set_stream(index);
        generator
    }
}
