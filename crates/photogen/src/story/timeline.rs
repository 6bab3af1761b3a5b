//! When and where photos are taken: the rate of every place and source at every moment, summed into a table that
//! turns "the n-th of N photos" into an instant.
//!
//! Time moves in slots of a quarter of an hour, to which every zone's offset is a multiple, so local hours and days are
//! exact; campaigns and outages are taken in the middle of a slot. Places that share zone and circumstances form a
//! group, so deciding a photo looks at groups and not at places.

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::Span;
use super::world::{Rhythm, World, reaches};
use super::zones::{self, Offsets};

/// A quarter of an hour, in milliseconds.
pub const QUARTER_MS: i64 = 900_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// What brings a photo about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanCause {
    /// Number of the product.
    pub product: usize,
    /// Number of the campaign; `None` for everyday scans.
    pub campaign: Option<usize>,
}

/// The rate over time.
#[derive(Debug)]
pub struct Timeline {
    span: Span,
    slot_ms: i64,
    sources: Vec<ScanCause>,
    zones: Vec<Zone>,
    /// By place.
    zone_of: Vec<usize>,
    groups: Vec<PlaceGroup>,
    classes: Vec<Class>,
    /// `until[n]`: what was expected from the start to the end of slot `n`, in arbitrary units.
    until: Vec<f64>,
    peak: f64,
    source_shares: Vec<f64>,
}

#[derive(Debug)]
struct Zone {
    zone: TimeZone,
    offsets: Offsets,
}

/// Places with the same zone and class.
#[derive(Debug)]
struct PlaceGroup {
    zone: usize,
    class: usize,
    places: Vec<usize>,
    /// Running sums of the places' weights.
    until: Vec<f64>,
}

impl PlaceGroup {
    fn weight(&self) -> f64 {
        self.until.last().copied().unwrap_or(0.0)
    }
}

/// Which sources and outages reach a place.
#[derive(Debug, PartialEq)]
struct Class {
    sources: Vec<bool>,
    outages: Vec<bool>,
}

/// All rates at one moment.
struct Moment {
    /// By class and source, one row a class.
    interest: Vec<f64>,
    /// By group.
    groups: Vec<f64>,
    total: f64,
}

/// How likely each place and product is at a moment.
#[derive(Clone, Debug, Default)]
pub struct Shares {
    /// By place.
    pub places: Vec<f64>,
    /// By product.
    pub products: Vec<f64>,
}

impl Timeline {
    /// Works out the table. Zones that do not exist count as UTC: the language refuses them before.
    pub fn new(world: &World) -> Self {
        let everyday = (0..world.products.len()).map(|product| ScanCause { product, campaign: None });
        let campaigns = world.campaigns.iter().enumerate().flat_map(|(number, campaign)| {
            campaign.products.iter().map(move |(product, _)| ScanCause { product: *product, campaign: Some(number) })
        });
        let sources: Vec<ScanCause> = everyday.chain(campaigns).collect();
        let mut timeline = Self {
            span: world.span,
            slot_ms: match &world.rhythm {
                Rhythm::Rules(rules) if rules.grain_minutes() < 15 => 60_000,
                _ => QUARTER_MS,
            },
            source_shares: vec![0.0; sources.len()],
            sources,
            zones: Vec::new(),
            zone_of: Vec::new(),
            groups: Vec::new(),
            classes: Vec::new(),
            until: Vec::new(),
            peak: 0.0,
        };
        timeline.group(world);
        timeline.sum(world);
        timeline
    }

    fn group(&mut self, world: &World) {
        let mut names: Vec<&str> = Vec::new();
        for (number, place) in world.places.iter().enumerate() {
            let zone = names.iter().position(|name| *name == place.zone).unwrap_or_else(|| {
                names.push(&place.zone);
                let zone = zones::find(&place.zone).unwrap_or(TimeZone::UTC);
                self.zones.push(Zone { offsets: Offsets::new(&zone, world.span), zone });
                names.len() - 1
            });
            self.zone_of.push(zone);
            let reached = |source: &ScanCause| match source.campaign {
                Some(campaign) => reaches(&world.campaigns[campaign].reach, number),
                None => reaches(&world.products[source.product].sold, number),
            };
            let class = Class {
                sources: self.sources.iter().map(reached).collect(),
                outages: world.outages.iter().map(|outage| reaches(&outage.reach, number)).collect(),
            };
            let class = self.classes.iter().position(|known| *known == class).unwrap_or_else(|| {
                self.classes.push(class);
                self.classes.len() - 1
            });
            let group = self.groups.iter().position(|group| (group.zone, group.class) == (zone, class));
            let group = group.unwrap_or_else(|| {
                self.groups.push(PlaceGroup { zone, class, places: Vec::new(), until: Vec::new() });
                self.groups.len() - 1
            });
            let group = &mut self.groups[group];
            let weight = group.weight() + place.weight;
            group.places.push(number);
            group.until.push(weight);
        }
    }

    fn sum(&mut self, world: &World) {
        let mut sum = 0.0;
        let mut shares = vec![0.0; self.sources.len()];
        for slot in 0..self.slots() {
            let moment = self.moment(world, slot);
            sum += moment.total;
            self.until.push(sum);
            self.peak = self.peak.max(moment.total);
            for (rate, group) in moment.groups.iter().zip(&self.groups) {
                let interest = self.interest(&moment, group.class);
                let whole: f64 = interest.iter().sum();
                if whole > 0.0 {
                    shares.iter_mut().zip(interest).for_each(|(share, one)| *share += rate * one / whole);
                }
            }
        }
        if let Rhythm::Rules(_) = world.rhythm {
            // A share of one stands for "every stamp", whether or not some rule has it.
            self.peak = self.at_moment(world, self.middle(0), 1.0).total;
        }
        self.source_shares = shares.into_iter().map(|share| share / sum.max(f64::MIN_POSITIVE)).collect();
    }

    fn slots(&self) -> i64 {
        (self.span.to.as_millisecond() - self.span.from.as_millisecond()) / self.slot_ms
    }

    fn slot(&self, at: Timestamp) -> i64 {
        ((at.as_millisecond() - self.span.from.as_millisecond()).div_euclid(self.slot_ms)).clamp(0, self.slots() - 1)
    }

    fn middle(&self, slot: i64) -> i64 {
        self.span.from.as_millisecond() + slot * self.slot_ms + self.slot_ms / 2
    }

    /// All rates in a slot.
    fn moment(&self, world: &World, slot: i64) -> Moment {
        let ms = self.middle(slot);
        let everywhere = match &world.rhythm {
            Rhythm::Rules(rules) => {
                let naive = Timestamp::from_millisecond(ms).map(|at| Offset::UTC.to_datetime(at)).unwrap_or_default();
                rules.share(naive).unwrap_or(0.0)
            }
            Rhythm::Local(rhythm) => {
                let days = (ms - self.span.from.as_millisecond()) as f64 / DAY_MS as f64;
                (1.0 + rhythm.trend_per_day * days).max(0.0)
            }
        };
        self.at_moment(world, ms, everywhere)
    }

    fn at_moment(&self, world: &World, ms: i64, everywhere: f64) -> Moment {
        let strengths: Vec<f64> = self.strengths(world, ms);
        let outages: Vec<usize> =
            (0..world.outages.len()).filter(|&n| (world.outages[n].from..world.outages[n].to).contains(&ms)).collect();
        let mut interest = Vec::with_capacity(self.classes.len() * self.sources.len());
        for class in &self.classes {
            let first = interest.len();
            interest
                .extend(strengths.iter().zip(&class.sources).map(|(one, in_reach)| if *in_reach { *one } else { 0.0 }));
            for &number in outages.iter().filter(|&&number| class.outages[number]) {
                let outage = &world.outages[number];
                for (one, source) in interest[first..].iter_mut().zip(&self.sources) {
                    if outage.products.as_ref().is_none_or(|products| products.contains(&source.product)) {
                        *one *= outage.factor;
                    }
                }
            }
        }
        let by_class: Vec<f64> =
            interest.chunks(self.sources.len()).map(|row| everywhere * row.iter().sum::<f64>()).collect();
        let by_zone: Vec<f64> =
            self.zones.iter().map(|zone| local_factor(&world.rhythm, zone.offsets.local(ms))).collect();
        let groups: Vec<f64> =
            self.groups.iter().map(|group| group.weight() * by_zone[group.zone] * by_class[group.class]).collect();
        Moment { total: groups.iter().sum(), interest, groups }
    }

    fn strengths(&self, world: &World, ms: i64) -> Vec<f64> {
        let kernels: Vec<f64> = world.campaigns.iter().map(|campaign| campaign.kernel.at(ms)).collect();
        let mut campaign_shares = world.campaigns.iter().flat_map(|campaign| campaign.products.iter().map(|(_, s)| *s));
        self.sources
            .iter()
            .map(|source| {
                let product = &world.products[source.product];
                let strength = match source.campaign {
                    Some(campaign) => kernels[campaign] * campaign_shares.next().unwrap_or(0.0),
                    None => product.interest,
                };
                // A campaign sells nothing that is not in the shops.
                let begun = product.from.is_none_or(|from| from.as_millisecond() <= ms);
                let over = product.until.is_some_and(|until| until.as_millisecond() <= ms);
                if begun && !over { strength } else { 0.0 }
            })
            .collect()
    }

    fn interest<'a>(&self, moment: &'a Moment, class: usize) -> &'a [f64] {
        let width = self.sources.len();
        &moment.interest[class * width..(class + 1) * width]
    }

    /// What a photo may come from.
    pub fn sources(&self) -> &[ScanCause] {
        &self.sources
    }

    /// Each source's expected share of all photos of the story.
    pub fn source_shares(&self) -> &[f64] {
        &self.source_shares
    }

    /// Whether any photo is ever taken.
    pub fn is_empty(&self) -> bool {
        self.until.last().is_none_or(|sum| *sum <= 0.0)
    }

    /// The highest rate, relative to the mean.
    pub fn peak_to_mean(&self) -> f64 {
        self.peak * self.until.len() as f64 / self.until.last().copied().unwrap_or(1.0)
    }

    /// How likely a stamp at this time becomes a photo: its rate, relative to the highest; or by the original's rules,
    /// which may say so of times outside the story's span as well.
    pub fn acceptance(&self, world: &World, at: Timestamp) -> f64 {
        if let Rhythm::Rules(rules) = &world.rhythm {
            return rules.share(Offset::UTC.to_datetime(at)).unwrap_or(0.0);
        }
        if at < self.span.from || at >= self.span.to {
            return 0.0;
        }
        let slot = self.slot(at) as usize;
        let before = if slot == 0 { 0.0 } else { self.until[slot - 1] };
        ((self.until[slot] - before) / self.peak).clamp(0.0, 1.0)
    }

    /// The instant before which the share `share` (0 to 1) of the story's photos is taken, to the millisecond.
    pub fn instant_at(&self, share: f64) -> Timestamp {
        let total = self.until.last().copied().unwrap_or(0.0);
        let wanted = share.clamp(0.0, 1.0) * total;
        // Rounding may want more than there is: then it is the end of the last slot that has any.
        let last = self.until.partition_point(|&sum| sum < total);
        let slot = self.until.partition_point(|&sum| sum <= wanted).min(last);
        let before = if slot == 0 { 0.0 } else { self.until[slot - 1] };
        let within = ((wanted - before) / (self.until[slot] - before)).clamp(0.0, 1.0);
        let ms = slot as i64 * self.slot_ms + (within * (self.slot_ms - 1) as f64) as i64;
        self.span.from + SignedDuration::from_millis(ms)
    }

    /// Numbers of the place and the source of a photo taken at `at`, by two numbers drawn evenly from 0 to 1.
    pub fn choose(&self, world: &World, at: Timestamp, draws: (f64, f64)) -> (usize, usize) {
        let moment = self.moment(world, self.slot(at));
        let wanted = draws.0 * moment.total;
        let chosen = pick(&moment.groups, draws.0);
        let group = &self.groups[chosen];
        // What is left of the draw within the group chooses the place.
        let before: f64 = moment.groups[..chosen].iter().sum();
        let rate = moment.groups[chosen];
        let within = if rate > 0.0 { ((wanted - before) / rate).clamp(0.0, 1.0) * group.weight() } else { 0.0 };
        let place = group.until.partition_point(|&sum| sum <= within).min(group.places.len() - 1);
        (group.places[place], pick(self.interest(&moment, group.class), draws.1))
    }

    /// The zone of a place.
    pub fn zone(&self, place: usize) -> &TimeZone {
        &self.zones[self.zone_of[place]].zone
    }

    /// How likely each place and product is for a photo taken at `at`.
    pub fn shares(&self, world: &World, at: Timestamp) -> Shares {
        let moment = self.moment(world, self.slot(at));
        let mut shares = Shares { places: vec![0.0; world.places.len()], products: vec![0.0; world.products.len()] };
        for (rate, group) in moment.groups.iter().zip(&self.groups).filter(|(rate, _)| **rate > 0.0) {
            let share = rate / moment.total;
            for &place in &group.places {
                shares.places[place] = share * world.places[place].weight / group.weight();
            }
            let interest = self.interest(&moment, group.class);
            let whole: f64 = interest.iter().sum();
            for (one, source) in interest.iter().zip(&self.sources) {
                shares.products[source.product] += share * one / whole;
            }
        }
        shares
    }
}

/// The factor of a place's own calendar and clock; `local` are milliseconds of its wall clock.
fn local_factor(rhythm: &Rhythm, local: i64) -> f64 {
    let Rhythm::Local(rhythm) = rhythm else { return 1.0 };
    let day = local.div_euclid(DAY_MS);
    // The clock began on a Thursday.
    let weekday = (day + 3).rem_euclid(7) as usize;
    rhythm.hour[(local.rem_euclid(DAY_MS) / HOUR_MS) as usize]
        * rhythm.weekday[weekday]
        * rhythm.season[day_of_year(day)]
}

/// Place of a day in a leap year, from 0, by its number since 1970. After Hinnant, "chrono-compatible low-level date
/// algorithms".
fn day_of_year(day: i64) -> usize {
    let of_era = (day + 719_468).rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    // From 1 March, so that the leap day is the last.
    let from_march = of_era - (365 * year + year / 4 - year / 100);
    ((from_march + 60) % 366) as usize
}

/// Index of the weight that `draw` (0 to 1) falls on; the last one with any when rounding runs over the end.
pub fn pick(weights: &[f64], draw: f64) -> usize {
    let mut left = draw * weights.iter().sum::<f64>();
    for (place, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return place;
        }
    }
    weights.iter().rposition(|&weight| weight > 0.0).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pick_follows_the_weights_and_never_takes_a_zero() {
        let weights = [0.0, 1.0, 3.0, 0.0];
        for (draw, expected) in [(0.0, 1), (0.24, 1), (0.26, 2), (0.999, 2), (1.0, 2)] {
            assert_eq!(pick(&weights, draw), expected, "{draw}");
        }
    }

    #[test]
    fn days_are_numbered_as_in_a_leap_year() {
        let first = jiff::civil::date(1970, 1, 1);
        for day in 0..50_000 {
            let date = first + jiff::Span::new().days(day);
            let leap = jiff::civil::date(2024, date.month(), date.day());
            assert_eq!(day_of_year(day), leap.day_of_year() as usize - 1, "{date}");
        }
    }
}
