//! Who takes a photo: regulars that come again, with a home, a camera and a serial number, and people seen once.

use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::draws::Draws;
use super::keys::folder;
use super::timeline::pick;
use super::world::World;

/// One device.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// The same at each of its visits, and nobody else's.
    pub name: String,
    /// EXIF Make.
    pub make: Arc<str>,
    /// EXIF Model.
    pub model: Arc<str>,
    /// EXIF BodySerialNumber.
    pub serial: Arc<str>,
}

/// The regulars of all places.
#[derive(Debug)]
pub struct Pool {
    /// By place.
    sizes: Vec<usize>,
    /// Running sums of the activity of the first, second, third regular of a place.
    activity: Vec<f64>,
    weights: Vec<f64>,
    cameras: Vec<f64>,
    draws: Draws,
}

impl Pool {
    /// The regulars of a story; each place has its share of them and at least one.
    pub fn new(world: &World, seed: u64) -> Self {
        let weights: Vec<f64> = world.places.iter().map(|place| place.weight).collect();
        let whole: f64 = weights.iter().sum();
        let size = |weight: &f64| (world.devices.regulars * weight / whole).round().max(1.0) as usize;
        let sizes: Vec<usize> = weights.iter().map(size).collect();
        let mut sum = 0.0;
        let activity = (1..=sizes.iter().copied().max().unwrap_or(1))
            .map(|nth| {
                sum += (nth as f64).powf(-world.devices.zipf);
                sum
            })
            .collect();
        let cameras = world.devices.cameras.iter().map(|camera| camera.weight).collect();
        Self { sizes, activity, weights, cameras, draws: Draws::new(seed, "device") }
    }

    /// Who takes photo `index` of `product` at `place`.
    pub fn choose(&self, world: &World, draw: &mut ChaCha8Rng, (index, place, product): (u64, usize, usize)) -> Device {
        let devices = &world.devices;
        let kinds: [f64; 4] = [draw.random(), draw.random(), draw.random(), draw.random()];
        if kinds[0] >= devices.return_share {
            return self.device(world, format!("visitor-{index}"), index << 1);
        }
        // Somebody away from home may be from anywhere, by the places' own weights.
        let home = if kinds[1] < devices.away { pick(&self.weights, kinds[1] / devices.away) } else { place };
        let size = self.sizes[home];
        let wanted = kinds[2] * self.activity[size - 1];
        let mut number = self.activity[..size].partition_point(|&sum| sum <= wanted).min(size - 1);
        if kinds[3] < devices.same_product {
            // Each regular comes back to one product; every product has as many such regulars as any other, so this
            // changes who takes a photo and never what is on it.
            let count = world.products.len();
            number = number / count * count + product;
            if number >= size {
                number = product % size;
            }
        }
        let name = format!("{}-{number}", folder(&world.places[home].name));
        self.device(world, name, ((home as u64) << 32 | number as u64) << 1 | 1)
    }

    fn device(&self, world: &World, name: String, id: u64) -> Device {
        let mut draw = self.draws.at(id);
        let camera = &world.devices.cameras[pick(&self.cameras, draw.random())];
        let serial = format!("{:012X}", draw.random::<u64>() >> 16);
        Device { name, make: Arc::clone(&camera.make), model: Arc::clone(&camera.model), serial: serial.into() }
    }
}
