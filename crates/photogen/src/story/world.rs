//! What a story says, whichever language it is written in: places, products, what draws people to them, and the mixes.

use std::sync::Arc;

use jiff::Timestamp;

use super::rules::Rules;
use super::{InjectedFault, ProductColumns, Span, Utm};
use crate::scene::{Difficulty, PhotoSize};
use scanmill_core::domain::Format;

/// A story, read and checked.
#[derive(Clone, Debug)]
pub struct World {
    /// When it plays.
    pub span: Span,
    /// Photos a day, on average over the span; `None`: as many as the run asks for.
    pub photos_per_day: Option<f64>,
    /// What moves the rate of all places.
    pub rhythm: Rhythm,
    /// Where it plays, at least one place.
    pub places: Vec<Place>,
    /// What is photographed, at least one product.
    pub products: Vec<Product>,
    /// Where everyday codes are printed, at least one.
    pub placements: Vec<Placement>,
    /// What makes products more interesting for a while.
    pub campaigns: Vec<Campaign>,
    /// When little or nothing comes.
    pub outages: Vec<Outage>,
    /// Who takes the photos.
    pub devices: Devices,
    /// How the pictures are.
    pub mix: Mix,
    /// Share of the keys with names that are easily encoded wrong.
    pub naughty: f64,
}

/// What moves the rate of all places.
#[derive(Clone, Debug)]
pub enum Rhythm {
    /// By each place's own calendar and clock.
    Local(LocalRhythm),
    /// By the rules of the original.
    Rules(Rules),
}

/// Factors of the rate by a place's own calendar and clock.
#[derive(Clone, Debug)]
pub struct LocalRhythm {
    /// By hour, from midnight.
    pub hour: [f64; 24],
    /// By weekday, Monday first.
    pub weekday: [f64; 7],
    /// By day of the year, 1 January to 31 December of a leap year.
    pub season: Box<[f64; 366]>,
    /// Growth a day, as a share of the first day's rate.
    pub trend_per_day: f64,
}

/// Where photos are taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Its name, also in object keys.
    pub name: Arc<str>,
    /// Its IANA time zone.
    pub zone: String,
    /// Degrees north of its centre.
    pub latitude: f64,
    /// Degrees east of its centre.
    pub longitude: f64,
    /// Mean height in metres.
    pub altitude_m: f64,
    /// Its share of the photos, relative to the others.
    pub weight: f64,
    /// The region that it is in, for campaigns, outages and products.
    pub region: Option<String>,
    /// How far from the centre photos are taken.
    pub spread_km: f64,
}

/// What is photographed.
#[derive(Clone, Debug)]
pub struct Product {
    /// Its name, for people and on the label.
    pub name: Arc<str>,
    /// The address in the code on the pack, exactly as printed.
    pub url: String,
    /// What the row must say of it, where the story says so.
    pub columns: Option<ProductColumns>,
    /// Tracking parameters that the address itself has.
    pub utm: Utm,
    /// How much it is photographed on an ordinary day, relative to the others.
    pub interest: f64,
    /// Sold from here on.
    pub from: Option<Timestamp>,
    /// No more sold from here on.
    pub until: Option<Timestamp>,
    /// Where it is sold.
    pub sold: Reach,
}

/// Places that something reaches: one flag a place; `None` is everywhere.
pub type Reach = Option<Vec<bool>>;

/// Whether place number `place` is reached.
pub fn reaches(reach: &Reach, place: usize) -> bool {
    reach.as_ref().is_none_or(|places| places.get(place).copied().unwrap_or(false))
}

/// Where everyday codes are printed.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// Its share of the everyday scans, relative to the others.
    pub share: f64,
    /// Tracking parameters it adds to the address.
    pub utm: Utm,
}

/// What makes products more interesting for a while.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// How it rises and fades.
    pub kernel: Kernel,
    /// Where it runs.
    pub reach: Reach,
    /// Numbers of its products, each with its share of the campaign; the shares add up to one.
    pub products: Vec<(usize, f64)>,
    /// Tracking parameters of its codes.
    pub utm: Utm,
}

/// How something rises and fades. Times are milliseconds of the Unix clock, lengths milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kernel {
    /// Begins here.
    pub start: i64,
    /// Grows evenly for so long.
    pub rise: i64,
    /// Interest at its height.
    pub peak: f64,
    /// Stays there for so long.
    pub hold: i64,
    /// Then half of it is gone after each such time; `None`: all of it at once.
    pub half_life: Option<f64>,
    /// Over at this time in any case.
    pub until: i64,
}

impl Kernel {
    /// The interest at a time.
    pub fn at(&self, ms: i64) -> f64 {
        let since = ms - self.start;
        if since < 0 || ms >= self.until {
            return 0.0;
        }
        if since < self.rise {
            return self.peak * since as f64 / self.rise as f64;
        }
        let fading = since - self.rise - self.hold;
        match self.half_life {
            _ if fading < 0 => self.peak,
            Some(half_life) => self.peak * (-(fading as f64) / half_life).exp2(),
            None => 0.0,
        }
    }
}

/// When less comes than usual, or nothing.
#[derive(Clone, Debug)]
pub struct Outage {
    /// Begins here, in milliseconds of the Unix clock.
    pub from: i64,
    /// First millisecond after it.
    pub to: i64,
    /// What remains: 0 is nothing, above 1 is a surge.
    pub factor: f64,
    /// Where.
    pub reach: Reach,
    /// Numbers of the products that it is about; `None` is all.
    pub products: Option<Vec<usize>>,
}

/// Who takes the photos.
#[derive(Clone, Debug)]
pub struct Devices {
    /// Devices that come again, over all places.
    pub regulars: f64,
    /// Share of the photos that they take; the others are taken by somebody seen once.
    pub return_share: f64,
    /// The n-th regular of a place is active as 1/n to this power.
    pub zipf: f64,
    /// Share of the regulars' photos that are taken of a product they come back to.
    pub same_product: f64,
    /// Share of the regulars' photos that are taken away from home.
    pub away: f64,
    /// What they hold in their hands, at least one.
    pub cameras: Vec<Camera>,
}

/// A camera as it names itself in EXIF.
#[derive(Clone, Debug, PartialEq)]
pub struct Camera {
    /// EXIF Make.
    pub make: Arc<str>,
    /// EXIF Model.
    pub model: Arc<str>,
    /// Share, relative to the others.
    pub weight: f64,
}

/// Shares of looks, formats, sizes and faults. The first three are relative to each other; faults are shares of all
/// photos.
#[derive(Clone, Debug, PartialEq)]
pub struct Mix {
    /// What makes pictures hard to read.
    pub look: Vec<(Difficulty, f64)>,
    /// File formats.
    pub format: Vec<(Format, f64)>,
    /// Sizes of the JPEG pictures.
    pub size: Vec<(PhotoSize, f64)>,
    /// What is injected.
    pub fault: Vec<(InjectedFault, f64)>,
}

impl Default for Mix {
    fn default() -> Self {
        Self {
            look: vec![(Difficulty::Easy, 1.0)],
            format: vec![(Format::Jpeg, 1.0)],
            size: vec![(PhotoSize::Mixed, 1.0)],
            fault: Vec::new(),
        }
    }
}

impl Default for Devices {
    fn default() -> Self {
        let camera = |make: &str, model: &str, weight| Camera { make: make.into(), model: model.into(), weight };
        Self {
            regulars: 0.0,
            return_share: 0.0,
            zipf: 1.0,
            same_product: 0.0,
            away: 0.0,
            cameras: vec![
                camera("Apple", "iPhone 15", 4.0),
                camera("samsung", "SM-A546B", 4.0),
                camera("Google", "Pixel 8", 2.0),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_rises_holds_fades_and_stops() {
        let kernel = Kernel { start: 1_000, rise: 100, peak: 8.0, hold: 50, half_life: Some(10.0), until: 1_200 };
        for (ms, expected) in [
            (999, 0.0),
            (1_000, 0.0),
            (1_050, 4.0),
            (1_100, 8.0),
            (1_149, 8.0),
            (1_160, 4.0),
            (1_170, 2.0),
            (1_200, 0.0),
        ] {
            assert!((kernel.at(ms) - expected).abs() < 1e-9, "{ms}: {}", kernel.at(ms));
        }
        assert_eq!(Kernel { half_life: None, ..kernel }.at(1_160), 0.0);
    }
}
