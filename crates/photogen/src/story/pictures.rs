//! What is on a photo: which codes, and which of their pictures.

use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::mix::{Treatments, may_be_unusual, shares};
use super::timeline::{Timeline, pick};
use super::world::World;
use super::{InjectedFault, PlannedCode, StoryOptions, Utm};
use crate::scene::{Difficulty, Label, PhotoSize, SceneSpec};
use scanmill_core::domain::Format;

/// The pictures of a story.
#[derive(Debug)]
pub struct Pictures {
    placements: Vec<f64>,
    treatments: Treatments,
    /// By cell, how many pictures of the usual kind it has.
    variants: Vec<u32>,
    /// Number of the first cell of each campaign's products, in the order of the sources.
    first_campaign_cell: usize,
    options: StoryOptions,
}

impl Pictures {
    /// Decides which cells have which pictures. A cell is a product at a placement, or in a campaign.
    ///
    /// # Errors
    /// Shares of the mix that cannot be had together.
    pub fn new(world: &World, timeline: &Timeline, options: StoryOptions) -> Result<Self, String> {
        let numbered: Vec<(usize, f64)> =
            world.placements.iter().map(|placement| placement.share).enumerate().collect();
        let whole: f64 = numbered.iter().map(|(_, share)| share).sum();
        let placements: Vec<f64> = numbered.iter().map(|(_, share)| share / whole).collect();
        let mut cells = Vec::new();
        for (source, share) in timeline.sources().iter().zip(timeline.source_shares()) {
            match source.campaign {
                None => cells.extend(placements.iter().map(|placement| share * placement)),
                Some(_) => cells.push(*share),
            }
        }
        let mut mix = world.mix.clone();
        if options.size != PhotoSize::Mixed {
            mix.size = vec![(options.size, 1.0)];
        }
        let most = options.scene_variants.max(1);
        // A cell with less than the average share has fewer pictures.
        let variants = cells
            .iter()
            .map(|share| (f64::from(most) * share * cells.len() as f64).ceil().clamp(1.0, most.into()) as u32);
        Ok(Self {
            variants: variants.collect(),
            first_campaign_cell: world.products.len() * placements.len(),
            treatments: Treatments::new(&mix, options.faults, &cells, most.min(3))?,
            placements,
            options,
        })
    }

    /// The codes of a photo and its picture.
    pub fn choose(
        &self,
        world: &World,
        draw: &mut ChaCha8Rng,
        (timeline, nth_source): (&Timeline, usize),
        fault: Option<InjectedFault>,
    ) -> (Vec<PlannedCode>, SceneSpec) {
        let source = timeline.sources()[nth_source];
        let draws: [f64; 3] = [draw.random(), draw.random(), draw.random()];
        let variant = |most: u32| (draws[2] * f64::from(most)) as u32;
        let (cell, utm) = match source.campaign {
            Some(campaign) => {
                let cell = self.first_campaign_cell + nth_source - world.products.len();
                (cell, world.campaigns[campaign].utm.clone())
            }
            None => {
                let placement = pick(&self.placements, draws[0]);
                let cell = source.product * self.placements.len() + placement;
                (cell, world.placements[placement].utm.clone())
            }
        };
        let plain = |codes: Vec<PlannedCode>, most| {
            let size = self.treatments.other_size(cell, draws[1]);
            let scene = self.scene(&codes, variant(most), size, Format::Jpeg, Difficulty::Easy);
            (codes, scene)
        };
        match fault {
            Some(InjectedFault::Bomb) => {
                let scene = self.scene(&[], 0, PhotoSize::Small, Format::Png, Difficulty::Easy);
                (Vec::new(), scene)
            }
            Some(InjectedFault::NoCode) => plain(Vec::new(), self.options.scene_variants.max(1)),
            Some(InjectedFault::TwoCodes) => {
                // Neighbours, so that there are half as many pairs as products.
                let first = source.product - source.product % 2;
                let second = (first + 1) % world.products.len();
                plain(vec![code(world, first, Utm::default()), code(world, second, Utm::default())], 1)
            }
            _ => {
                let codes = vec![code(world, source.product, utm)];
                let treatment = if may_be_unusual(fault) {
                    self.treatments.of(cell, draws[1])
                } else {
                    return self.usual(codes, cell, &draws);
                };
                let most = if treatment.usual { self.variants[cell] } else { 1 };
                let scene = self.scene(&codes, variant(most), treatment.size, treatment.format, treatment.look);
                (codes, scene)
            }
        }
    }

    /// A plain picture of one code.
    fn usual(&self, codes: Vec<PlannedCode>, cell: usize, draws: &[f64; 3]) -> (Vec<PlannedCode>, SceneSpec) {
        let variant = (draws[2] * f64::from(self.variants[cell])) as u32;
        let size = self.treatments.other_size(cell, draws[1]);
        let scene = self.scene(&codes, variant, size, Format::Jpeg, Difficulty::Easy);
        (codes, scene)
    }

    fn scene(
        &self,
        codes: &[PlannedCode],
        variant: u32,
        size: PhotoSize,
        format: Format,
        look: Difficulty,
    ) -> SceneSpec {
        let labels =
            codes.iter().map(|code| Label { title: Arc::clone(&code.title), payload: code.payload.clone() }).collect();
        SceneSpec::new(self.options.seed, labels, variant, size, format, look)
    }
}

fn code(world: &World, product: usize, added: Utm) -> PlannedCode {
    let product = &world.products[product];
    let payload = payload(&product.url, &added);
    // The engine takes the first value of a parameter: what the address itself says goes before what is added.
    let own = product.utm.clone();
    let utm = Utm {
        source: own.source.or(added.source),
        medium: own.medium.or(added.medium),
        campaign: own.campaign.or(added.campaign),
    };
    PlannedCode { title: Arc::clone(&product.name), payload, product: product.columns.clone(), utm }
}

/// The text of a code: an address with tracking parameters, which are before its fragment.
fn payload(url: &str, utm: &Utm) -> String {
    let (address, fragment) = match url.split_once('#') {
        Some((address, fragment)) => (address, Some(fragment)),
        None => (url, None),
    };
    let mut text = address.to_owned();
    for (name, value) in [("source", &utm.source), ("medium", &utm.medium), ("campaign", &utm.campaign)] {
        if let Some(value) = value {
            text.push(if text.contains('?') { '&' } else { '?' });
            text.push_str(&format!("utm_{name}={value}"));
        }
    }
    if let Some(fragment) = fragment {
        text.push('#');
        text.push_str(fragment);
    }
    text
}

/// What the shares of sizes are: the story's mix, or the one size the run asks for.
pub fn size_shares(world: &World, options: &StoryOptions) -> Vec<(PhotoSize, f64)> {
    if options.size == PhotoSize::Mixed { shares(&world.mix.size) } else { vec![(options.size, 1.0)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracking_parameters_stand_before_the_fragment() {
        let utm = Utm { source: Some("poster".into()), medium: Some("print".into()), campaign: None };
        assert_eq!(
            payload("https://pure.example/01/1/21/S7#use", &utm),
            "https://pure.example/01/1/21/S7?utm_source=poster&utm_medium=print#use"
        );
        assert_eq!(
            payload("https://a.example/?x=1", &utm),
            "https://a.example/?x=1&utm_source=poster&utm_medium=print"
        );
        assert_eq!(payload("https://a.example/#x", &Utm::default()), "https://a.example/#x");
    }
}
