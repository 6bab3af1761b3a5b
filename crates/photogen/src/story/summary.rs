//! What a story comes to, counted without drawing any picture: how many stamps become photos, of what, where, when and
//! how, beside what the story's weights let expect.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;

use jiff::tz::Offset;
use serde::Serialize;

use super::language::LOOKS;
use super::mix::shares;
use super::pictures::size_shares;
use super::world::Rhythm;
use super::{InjectedFault, PlannedPhoto, Stamp, Story};
use crate::scene::{Difficulty, PhotoSize, SceneSpec};
use scanmill_core::domain::Format;

/// Rows of a long list that the text shows.
const SHOWN: usize = 20;
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Photos of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KindSummary {
    /// The kind.
    pub name: String,
    /// Stamps that were offered; only for months.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offered: Option<u64>,
    /// Photos there are.
    pub found: u64,
    /// Photos that the story's weights let expect; `None` where it has none for this.
    pub expected: Option<f64>,
    /// How many standard deviations the two are apart.
    pub sigmas: Option<f64>,
}

/// Who took the photos.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeviceCounts {
    /// Devices.
    pub devices: u64,
    /// Devices that took more than one photo.
    pub returning: u64,
    /// Photos that those took.
    pub photos_of_returning: u64,
    /// Photos of the busiest device.
    pub most_photos: u64,
    /// Devices seen at more than one place.
    pub travelling: u64,
}

/// The counts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Stamps offered.
    pub offered: u64,
    /// Photos taken.
    pub accepted: u64,
    /// Distinct pictures to draw for them.
    pub pictures: u64,
    /// Share of the stamps that became photos, by the month of the stamp.
    pub months: Vec<KindSummary>,
    /// Photos with one code, by its product.
    pub products: Vec<KindSummary>,
    /// By place.
    pub places: Vec<KindSummary>,
    /// By hour of the local day.
    pub hours: Vec<KindSummary>,
    /// By local weekday.
    pub weekdays: Vec<KindSummary>,
    /// By tracking parameters of photos with one code: source, medium, campaign.
    pub utm: Vec<KindSummary>,
    /// By what makes them hard to read.
    pub looks: Vec<KindSummary>,
    /// By file format.
    pub formats: Vec<KindSummary>,
    /// JPEG photos by pixels.
    pub sizes: Vec<KindSummary>,
    /// By what was injected.
    pub faults: Vec<KindSummary>,
    /// By who took them.
    pub devices: DeviceCounts,
}

/// A sum of chances, and its variance.
#[derive(Clone, Copy, Debug, Default)]
struct Expected {
    mean: f64,
    variance: f64,
}

impl Expected {
    fn of(count: u64, share: f64) -> Self {
        Self { mean: count as f64 * share, variance: count as f64 * share * (1.0 - share) }
    }

    fn add(&mut self, chance: f64) {
        self.mean += chance;
        self.variance += chance * (1.0 - chance);
    }
}

impl KindSummary {
    fn new(name: impl Into<String>, found: u64, expected: Option<Expected>) -> Self {
        // What is certain has no deviation, unless it did not happen.
        let sigmas = expected.map(|expected| {
            let apart = found as f64 - expected.mean;
            if apart.abs() < 1e-6 { 0.0 } else { apart / expected.variance.max(1e-12).sqrt() }
        });
        Self { name: name.into(), offered: None, found, expected: expected.map(|expected| expected.mean), sigmas }
    }
}

/// Counts what becomes of stamps.
pub fn summary(story: &Story, stamps: impl Iterator<Item = Stamp>) -> Summary {
    let mut counts = StoryCounts::new(story);
    for stamp in stamps {
        counts.offer(stamp);
        if story.accepts(stamp) {
            counts.take(stamp, &story.photo(stamp));
        }
    }
    counts.finish()
}

struct StoryCounts<'a> {
    story: &'a Story,
    offered: u64,
    accepted: u64,
    months: BTreeMap<String, (u64, u64, Expected)>,
    products: Vec<(u64, Expected)>,
    places: Vec<(u64, Expected)>,
    number_of: HashMap<&'a str, usize>,
    hours: [u64; 24],
    weekdays: [u64; 7],
    utm: BTreeMap<String, u64>,
    looks: BTreeMap<Difficulty, u64>,
    formats: BTreeMap<&'static str, u64>,
    sizes: BTreeMap<(u32, u32), u64>,
    faults: BTreeMap<Option<InjectedFault>, u64>,
    devices: HashMap<String, (u64, HashSet<usize>)>,
    scenes: HashSet<SceneSpec>,
}

impl<'a> StoryCounts<'a> {
    fn new(story: &'a Story) -> Self {
        let world = story.world();
        let none = (0, Expected::default());
        Self {
            story,
            offered: 0,
            accepted: 0,
            months: BTreeMap::new(),
            products: vec![none; world.products.len()],
            places: vec![none; world.places.len()],
            number_of: world.places.iter().enumerate().map(|(number, place)| (&*place.name, number)).collect(),
            hours: [0; 24],
            weekdays: [0; 7],
            utm: BTreeMap::new(),
            looks: BTreeMap::new(),
            formats: BTreeMap::new(),
            sizes: BTreeMap::new(),
            faults: BTreeMap::new(),
            devices: HashMap::new(),
            scenes: HashSet::new(),
        }
    }

    fn month(&mut self, stamp: Stamp) -> &mut (u64, u64, Expected) {
        self.months.entry(Offset::UTC.to_datetime(stamp.at).strftime("%Y-%m").to_string()).or_default()
    }

    fn offer(&mut self, stamp: Stamp) {
        self.offered += 1;
        let chance = self.story.acceptance(stamp);
        let month = self.month(stamp);
        month.0 += 1;
        month.2.add(chance);
    }

    fn take(&mut self, stamp: Stamp, photo: &PlannedPhoto) {
        self.accepted += 1;
        self.month(stamp).1 += 1;
        let chances = self.story.shares(stamp.at);
        self.places.iter_mut().zip(&chances.places).for_each(|((_, expected), chance)| expected.add(*chance));
        let place = self.number_of.get(&*photo.city).copied().unwrap_or(0);
        self.places[place].0 += 1;
        if let [code] = photo.codes.as_slice() {
            self.products.iter_mut().zip(&chances.products).for_each(|((_, expected), chance)| expected.add(*chance));
            let product = self.story.world().products.iter().position(|product| product.name == code.title);
            self.products[product.unwrap_or(0)].0 += 1;
            let parts = [&code.utm.source, &code.utm.medium, &code.utm.campaign];
            let name = parts.map(|part| part.as_deref().unwrap_or("-")).join(" ");
            *self.utm.entry(name).or_default() += 1;
        }
        if let Some(facts) = &photo.capture {
            self.hours[facts.local.hour() as usize] += 1;
            self.weekdays[facts.local.weekday().to_monday_zero_offset() as usize] += 1;
        }
        *self.looks.entry(photo.scene.look).or_default() += 1;
        *self.formats.entry(photo.scene.format.as_str()).or_default() += 1;
        if photo.scene.format == Format::Jpeg {
            let (long, short) = (photo.scene.width.max(photo.scene.height), photo.scene.width.min(photo.scene.height));
            *self.sizes.entry((long, short)).or_default() += 1;
        }
        *self.faults.entry(photo.fault).or_default() += 1;
        let device = self.devices.entry(photo.device.clone()).or_default();
        device.0 += 1;
        device.1.insert(place);
        if !self.scenes.contains(&photo.scene) {
            self.scenes.insert(photo.scene.clone());
        }
    }

    fn finish(self) -> Summary {
        let world = self.story.world();
        let accepted = self.accepted;
        let whole = |share: f64| Expected::of(accepted, share);
        let faults: Vec<(InjectedFault, f64)> =
            if self.story.options().faults { world.mix.fault.clone() } else { Vec::new() };
        let bombs: f64 = faults.iter().filter(|(fault, _)| *fault == InjectedFault::Bomb).map(|(_, share)| share).sum();
        let dated: u64 = self.hours.iter().sum();
        let hours = match &world.rhythm {
            Rhythm::Rules(rules) => Some(rules.hours),
            Rhythm::Local(_) => None,
        };
        let hour = |(hour, found): (usize, u64)| {
            let expected = hours.map(|hours| Expected::of(dated, hours[hour] / hours.iter().sum::<f64>()));
            KindSummary::new(format!("{hour:02}"), found, expected)
        };
        let mut fault_rows: Vec<KindSummary> = faults
            .iter()
            .map(|(fault, share)| {
                KindSummary::new(
                    fault.as_str(),
                    self.faults.get(&Some(*fault)).copied().unwrap_or(0),
                    Some(whole(*share)),
                )
            })
            .collect();
        let unharmed = 1.0 - faults.iter().map(|(_, share)| share).sum::<f64>();
        fault_rows
            .insert(0, KindSummary::new("none", self.faults.get(&None).copied().unwrap_or(0), Some(whole(unharmed))));
        let looks = shares(&world.mix.look).into_iter().map(|(look, share)| {
            let found = self.looks.get(&look).copied().unwrap_or(0);
            KindSummary::new(look_name(look), found, Some(whole(share)))
        });
        let format_shares = shares(&world.mix.format);
        let formats = [Format::Jpeg, Format::Png, Format::Webp, Format::Heic].into_iter().filter_map(|format| {
            let share: f64 = format_shares.iter().filter(|(known, _)| *known == format).map(|(_, share)| share).sum();
            // A bomb is a PNG in place of a JPEG.
            let share = match format {
                Format::Jpeg => share - bombs,
                Format::Png => share + bombs,
                _ => share,
            };
            let found = self.formats.get(format.as_str()).copied().unwrap_or(0);
            (share > 0.0 || found > 0).then(|| KindSummary::new(format.as_str(), found, Some(whole(share))))
        });
        let size_shares = size_shares(world, self.story.options());
        let jpegs: u64 = self.sizes.values().sum();
        let sizes = self.sizes.iter().map(|((long, short), found)| {
            let is = |size: PhotoSize| match size {
                PhotoSize::Small => *long == 640,
                PhotoSize::Medium => *long == 1_280,
                PhotoSize::Large => *long > 4_000,
                PhotoSize::Mixed => false,
            };
            // Mixed sizes are among the others' pixels, so nothing is expected of any.
            let mixed = size_shares.iter().any(|(size, _)| *size == PhotoSize::Mixed);
            let share: f64 = size_shares.iter().filter(|(size, _)| is(*size)).map(|(_, share)| share).sum();
            KindSummary::new(format!("{long} x {short}"), *found, (!mixed).then(|| Expected::of(jpegs, share)))
        });
        let named = |names: Vec<String>, counts: &[(u64, Expected)]| {
            let mut rows: Vec<KindSummary> = names
                .into_iter()
                .zip(counts)
                .map(|(name, (found, expected))| KindSummary::new(name, *found, Some(*expected)))
                .collect();
            rows.sort_by(|left, right| right.found.cmp(&left.found).then_with(|| left.name.cmp(&right.name)));
            rows
        };
        let mut devices = DeviceCounts { devices: self.devices.len() as u64, ..DeviceCounts::default() };
        for (photos, places) in self.devices.values() {
            devices.returning += u64::from(*photos > 1);
            devices.photos_of_returning += if *photos > 1 { *photos } else { 0 };
            devices.most_photos = devices.most_photos.max(*photos);
            devices.travelling += u64::from(places.len() > 1);
        }
        Summary {
            offered: self.offered,
            accepted,
            pictures: self.scenes.len() as u64,
            months: self
                .months
                .iter()
                .map(|(month, (offered, found, expected))| KindSummary {
                    offered: Some(*offered),
                    ..KindSummary::new(month.as_str(), *found, Some(*expected))
                })
                .collect(),
            products: named(world.products.iter().map(|product| product.name.to_string()).collect(), &self.products),
            places: named(world.places.iter().map(|place| place.name.to_string()).collect(), &self.places),
            hours: self.hours.iter().copied().enumerate().map(hour).collect(),
            weekdays: WEEKDAYS
                .iter()
                .zip(self.weekdays)
                .map(|(name, found)| KindSummary::new(*name, found, None))
                .collect(),
            utm: self.utm.iter().map(|(name, found)| KindSummary::new(name.as_str(), *found, None)).collect(),
            looks: looks.collect(),
            formats: formats.collect(),
            sizes: sizes.collect(),
            faults: fault_rows,
            devices,
        }
    }
}

/// The look as the language names it.
fn look_name(look: Difficulty) -> &'static str {
    LOOKS.iter().find(|(_, known)| *known == look).map_or("", |(name, _)| name)
}

impl Summary {
    /// All sections with their names.
    pub fn sections(&self) -> [(&'static str, &[KindSummary]); 10] {
        [
            ("month", &self.months),
            ("product", &self.products),
            ("place", &self.places),
            ("hour", &self.hours),
            ("weekday", &self.weekdays),
            ("utm", &self.utm),
            ("look", &self.looks),
            ("format", &self.formats),
            ("size of JPEG", &self.sizes),
            ("fault", &self.faults),
        ]
    }

    /// The row that is farthest from what was expected, with its section.
    pub fn farthest(&self) -> Option<(&'static str, &KindSummary)> {
        let all = self.sections().into_iter().flat_map(|(name, rows)| rows.iter().map(move |row| (name, row)));
        all.filter(|(_, row)| row.sigmas.is_some())
            .max_by(|(_, left), (_, right)| deviation(left).total_cmp(&deviation(right)))
    }

    /// The counts for people.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{} stamps, {} photos ({:.2} %), {} pictures to draw\n",
            self.offered,
            self.accepted,
            100.0 * self.accepted as f64 / self.offered.max(1) as f64,
            self.pictures,
        );
        for (name, rows) in self.sections() {
            section(&mut text, name, rows);
        }
        let devices = &self.devices;
        let _ = writeln!(
            text,
            "\n{} devices; {} came again and took {} photos, the busiest {}; {} were seen at more than one place",
            devices.devices, devices.returning, devices.photos_of_returning, devices.most_photos, devices.travelling
        );
        if let Some((name, row)) = self.farthest() {
            let sigmas = row.sigmas.unwrap_or(0.0);
            let _ = writeln!(text, "farthest from its weight: {name} {}, {sigmas:+.2} σ", row.name);
        }
        text
    }
}

fn deviation(row: &KindSummary) -> f64 {
    row.sigmas.map_or(0.0, f64::abs)
}

fn section(text: &mut String, title: &str, rows: &[KindSummary]) {
    // What cannot be and is not says nothing.
    let rows: Vec<&KindSummary> = rows.iter().filter(|row| row.found > 0 || row.expected != Some(0.0)).collect();
    if rows.is_empty() {
        return;
    }
    let width = rows.iter().take(SHOWN.max(24)).map(|row| row.name.chars().count()).max().unwrap_or(0);
    let width = width.max(title.chars().count()).max(12);
    let months = rows.iter().any(|row| row.offered.is_some());
    let whole: u64 = rows.iter().map(|row| row.found).sum();
    // A String takes every write.
    let _ = writeln!(text, "\n{title:<width$}  {:>8}  {:>8}  {:>8}  {:>7}", "photos", "share %", "expected", "σ");
    let shown = if rows.len() <= SHOWN + 5 { rows.len() } else { SHOWN };
    for row in &rows[..shown] {
        // Months are shares of the stamps, all else of the photos.
        let of = row.offered.filter(|_| months).unwrap_or(whole).max(1) as f64;
        let number = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.2}"));
        let _ = writeln!(
            text,
            "{:<width$}  {:>8}  {:>8.2}  {:>8}  {:>7}",
            row.name,
            row.found,
            100.0 * row.found as f64 / of,
            number(row.expected.map(|expected| 100.0 * expected / of)),
            row.sigmas.map_or(String::new(), |sigmas| format!("{sigmas:+.2}")),
        );
    }
    if let Some(rest) = rows.get(shown..).filter(|rest| !rest.is_empty()) {
        let farthest = rest.iter().map(|row| deviation(row)).fold(0.0, f64::max);
        let _ = writeln!(text, "… and {} more, none farther than {farthest:.2} σ", rest.len());
    }
}
