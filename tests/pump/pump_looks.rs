//! Every look is one that the engine reads, and a hard look is hard: it needs more of the ladder than a good photo.

use std::collections::BTreeMap;

use scanmill::decode::decode;
use scanmill::domain::Format;
use scanmill::pump::scene::{Difficulty, Label, PhotoSize, SceneSpec};

use crate::decode_scene::limits;

/// Texts as stories have them, from short to long.
const TEXTS: [&str; 6] = [
    "http://toys.example/p/robo-3",
    "HTTPS://GO.STRIDE.EXAMPLE/01/09521000000339",
    "https://www.nordpfad.example/p/trail-28?utm_source=poster&utm_medium=print",
    "https://qr.kaltbrau.example/01/09521000000124/10/L2603?17=270331&utm_source=billboard&utm_medium=ooh&utm_campaign=spring-dach",
    "https://bücher.example/p/roman-7",
    "https://pure.example/derma/01/09521000000445/21/S7788?utm_source=poster&utm_medium=print#how-to-use",
];

fn label(text: &str) -> Label {
    Label { title: "Aurora Lamp".into(), payload: text.to_owned() }
}

/// How the pictures of a look fared.
#[derive(Default)]
struct Fared {
    pictures: u32,
    unread: Vec<String>,
    /// Which rung read the last code.
    rungs: BTreeMap<&'static str, u32>,
    rungs_run: usize,
}

/// Reads pictures of one look, so many per text.
fn fare(look: Difficulty, format: Format, size: PhotoSize, seeds: std::ops::Range<u64>) -> Fared {
    let mut fared = Fared::default();
    for seed in seeds {
        for (place, text) in TEXTS.iter().enumerate() {
            let mut labels = vec![label(text)];
            // Every twelfth picture has two.
            if (seed as usize + place).is_multiple_of(12) {
                labels.push(label(TEXTS[(place + 1) % TEXTS.len()]));
            }
            let mut expected: Vec<&str> = labels.iter().map(|label| label.payload.as_str()).collect();
            expected.sort_unstable();
            let spec = SceneSpec::new(seed, labels.clone(), seed as u32 % 3, size, format, look);
            let reading = decode(&spec.encode().unwrap(), &limits());
            let mut found: Vec<&str> = reading.codes.iter().map(|code| code.text.as_str()).collect();
            found.sort_unstable();
            fared.pictures += 1;
            fared.rungs_run += reading.rungs.len();
            if found == expected {
                *fared.rungs.entry(reading.codes.last().map_or("none", |code| code.rung)).or_default() += 1;
            } else {
                fared.unread.push(format!("seed {seed}, `{text}`, {}x{}: {found:?}", spec.width, spec.height));
            }
        }
    }
    fared
}

/// More pictures by hand: SCANMILL_LOOK_SEEDS=100 cargo test --release --test pump looks -- --nocapture
fn seeds(few: u64) -> std::ops::Range<u64> {
    1..1 + std::env::var("SCANMILL_LOOK_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(few)
}

fn check(look: Difficulty, format: Format, size: PhotoSize, few: u64) -> f64 {
    let fared = fare(look, format, size, seeds(few));
    let share = fared.unread.len() as f64 / f64::from(fared.pictures);
    let mean = fared.rungs_run as f64 / f64::from(fared.pictures);
    let said =
        format!("{look:?} {format:?} {size:?}: {} pictures, {mean:.2} rungs each, {:?}", fared.pictures, fared.rungs);
    eprintln!("{said}, unread: {:?}", fared.unread);
    // One in two hundred may be lost; of few pictures that is none.
    assert!(share <= 0.005, "{said}\nunread: {:#?}", fared.unread);
    mean
}

#[test]
fn every_look_is_read_and_the_hard_ones_take_more_of_the_ladder() {
    let means: Vec<f64> = std::thread::scope(|scope| {
        let started = Difficulty::ALL.map(|look| scope.spawn(move || check(look, Format::Jpeg, PhotoSize::Small, 11)));
        started.into_iter().map(|look| look.join().unwrap()).collect()
    });
    let (easy, hard) = (means[0], &means[1..]);
    let hard = hard.iter().sum::<f64>() / hard.len() as f64;
    assert!(hard > easy * 1.08, "hard looks take {hard:.2} rungs, good photos {easy:.2}");
}

#[test]
fn every_look_is_read_in_every_format() {
    for look in Difficulty::ALL {
        for format in [Format::Png, Format::Webp, Format::Heic] {
            check(look, format, PhotoSize::Small, 1);
        }
    }
}

#[test]
fn large_photos_of_every_look_are_read() {
    for look in Difficulty::ALL {
        check(look, Format::Jpeg, PhotoSize::Large, 1);
    }
}
