//! TIFF: every kind that scanners, fax machines and editors write is read or refused by name.

use crate::scene::{Place, Scene, code, limits};
use crate::tiff_files::{Colours, Kind, PLAIN, Packing};
use proptest::prelude::*;
use scanmill_core::domain::{Format, Reason};
use scanmill_decode::{decode, inspect};

const TEXT: &str = "https://example.com/p/tiff";
const PACKINGS: [Packing; 4] = [Packing::None, Packing::PackBits, Packing::Lzw, Packing::Deflate];
const FAX: [Packing; 4] = [
    Packing::FaxRows,
    Packing::Group3 { two_dimensional: false },
    Packing::Group3 { two_dimensional: true },
    Packing::Group4,
];

fn scene() -> Scene {
    Scene::paper(203, 187).draw(&code(TEXT), Place { degrees: 6.0, ..Place::at(100.0, 93.0, 4.0) })
}

fn reads(kind: &Kind) {
    reads_behind(kind, 0);
}

fn reads_behind(kind: &Kind, thumbnails: usize) {
    let scene = scene();
    let file = crate::tiff_files::tiff(kind, scene.width, scene.height, &scene.pixels, thumbnails);
    let header = inspect(&file, &limits()).unwrap_or_else(|reject| panic!("{kind:?}: {reject:?}"));
    assert_eq!((header.format, header.width, header.height), (Format::Tiff, 203, 187), "{kind:?}");
    let reading = decode(&file, &limits());
    let texts: Vec<&str> = reading.codes.iter().map(|code| code.text.as_str()).collect();
    assert_eq!(texts, [TEXT], "{kind:?}: {:?}", reading.reject);
    let [x, y] = reading.codes[0].corners.iter().fold([0.0, 0.0], |[x, y], at| [x + at[0] / 4.0, y + at[1] / 4.0]);
    assert!((x - 100.0).abs() < 2.0 && (y - 93.0).abs() < 2.0, "{kind:?}: centre {x} {y}");
}

#[test]
fn every_depth_and_meaning_of_samples() {
    for packing in PACKINGS {
        for bits in [1, 2, 4, 6, 8, 12, 16, 32] {
            for colours in [Colours::WhiteIsZero, Colours::BlackIsZero, Colours::Rgb, Colours::Cmyk, Colours::GreyAlpha]
            {
                for little in [true, false] {
                    reads(&Kind { packing, colours, bits, little, ..PLAIN });
                }
            }
            if bits <= 8 {
                reads(&Kind { packing, colours: Colours::Palette, bits, ..PLAIN });
            }
        }
    }
}

#[test]
fn tiles_planes_predictors_and_both_orders_of_bits() {
    for packing in PACKINGS {
        for (planar, tile) in [(false, Some([64, 48])), (true, None), (true, Some([80, 112])), (false, None)] {
            for (big, lowest_first) in [(false, true), (true, false)] {
                for colours in [Colours::Rgb, Colours::Cmyk, Colours::GreyAlpha, Colours::BlackIsZero] {
                    reads(&Kind { packing, colours, planar, tile, big, lowest_first, ..PLAIN });
                }
            }
            for bits in [8, 16, 32].into_iter().filter(|_| matches!(packing, Packing::Lzw | Packing::Deflate)) {
                for little in [true, false] {
                    let kind = Kind { packing, bits, planar, tile, little, predictor: true, ..PLAIN };
                    reads(&Kind { colours: Colours::Rgb, ..kind });
                    reads(&Kind { float: true, bits: 32, ..kind });
                }
            }
        }
        reads(&Kind { packing, float: true, bits: 32, ..PLAIN });
    }
}

/// A sensor's 12 bits in 16, counts in 32, floats that count: nothing says what is white but the numbers themselves.
#[test]
fn wide_numbers_may_use_a_small_part_of_their_range() {
    for packing in [Packing::None, Packing::Deflate] {
        for colours in [Colours::BlackIsZero, Colours::Rgb] {
            for little in [true, false] {
                let kind = Kind { packing, colours, little, ..PLAIN };
                for (bits, white) in [(16, 255.0), (16, 1023.0), (16, 4095.0), (32, 1.0), (32, 255.0), (32, 65_535.0)] {
                    reads(&Kind { bits, white: Some(white), ..kind });
                }
                for white in [0.001, 0.1, 255.0, 65_535.0] {
                    reads(&Kind { float: true, bits: 32, white: Some(white), ..kind });
                }
            }
        }
    }
}

#[test]
fn fax_rows_of_every_kind() {
    for packing in FAX {
        for colours in [Colours::WhiteIsZero, Colours::BlackIsZero] {
            // Fax rows say black, whatever that is.
            let scene = scene();
            let greys: Vec<u8> = match colours {
                Colours::BlackIsZero => scene.pixels.iter().map(|grey| 255 - grey).collect(),
                _ => scene.pixels.clone(),
            };
            for (tile, lowest_first, big) in [
                (None, false, false),
                (None, true, true),
                (Some([64, 64]), false, false),
                (Some([48, 200]), true, false),
            ] {
                let kind = Kind { packing, colours, bits: 1, tile, lowest_first, big, ..PLAIN };
                let file = crate::tiff_files::tiff(&kind, scene.width, scene.height, &greys, 0);
                let reading = decode(&file, &limits());
                let texts: Vec<&str> = reading.codes.iter().map(|code| code.text.as_str()).collect();
                assert_eq!(texts, [TEXT], "{kind:?}: {:?}", reading.reject);
            }
        }
    }
}

#[test]
fn chroma_shared_by_several_pixels() {
    for packing in PACKINGS {
        for (across, down) in [(1, 1), (2, 1), (1, 2), (2, 2), (4, 2), (4, 4)] {
            let rows_per_strip = 40;
            reads(&Kind { packing, colours: Colours::Ycbcr(across, down), rows_per_strip, ..PLAIN });
            reads(&Kind { packing, colours: Colours::Ycbcr(across, down), tile: Some([64, 48]), ..PLAIN });
        }
    }
}

#[test]
fn a_smaller_copy_in_front_is_passed_over() {
    for (thumbnails, big) in [(1, false), (3, true)] {
        reads_behind(&Kind { big, ..PLAIN }, thumbnails);
    }
}

/// The value of a short entry changed.
fn with_short(file: &[u8], tag: u16, value: u16) -> Vec<u8> {
    let entry = [&tag.to_le_bytes()[..], &[3, 0, 1, 0, 0, 0]].concat();
    let at = file.windows(8).position(|eight| eight == entry).expect("the entry") + 8;
    let mut file = file.to_vec();
    file[at..at + 2].copy_from_slice(&value.to_le_bytes());
    file
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    let scene = scene();
    let plain = crate::tiff_files::tiff(&PLAIN, scene.width, scene.height, &scene.pixels, 0);
    for (tag, value, word) in [
        (259, 34_712, "JPEG 2000"),
        (259, 34_925, "LZMA"),
        (259, 34_661, "JBIG"),
        (259, 50_000, "Zstandard"),
        (259, 50_001, "WebP"),
        (259, 12_345, "unknown compression"),
        (262, 32_803, "camera's sensor"),
        (262, 99, "unknown kind of colours"),
        (339, 6, "complex"),
    ] {
        let reject = decode(&with_short(&plain, tag, value), &limits()).reject.expect("a rejection");
        assert_eq!(reject.reason, Reason::Unsupported, "{reject:?}");
        assert!(reject.detail.contains(word), "{reject:?}");
    }
    // Old-style JPEG whose tables are scattered over the file.
    let reject = decode(&with_short(&plain, 259, 6), &limits()).reject.expect("a rejection");
    assert!(reject.reason == Reason::Unsupported && reject.detail.contains("old-style"), "{reject:?}");
}

#[test]
fn data_of_another_compression_is_unreadable_and_names_its_strip() {
    let scene = scene();
    for packing in [Packing::Lzw, Packing::Deflate, Packing::PackBits] {
        let mut file = crate::tiff_files::tiff(&Kind { packing, ..PLAIN }, scene.width, scene.height, &scene.pixels, 0);
        // The second strip's length: all but its first bytes are missing.
        let offsets = file.windows(4).position(|four| four == [0x17, 1, 4, 0]).expect("lengths") + 8;
        let at = u32::from_le_bytes(file[offsets..offsets + 4].try_into().unwrap()) as usize;
        file[at + 4..at + 8].copy_from_slice(&3u32.to_le_bytes());
        let reject = decode(&file, &limits()).reject.expect("a rejection");
        assert_eq!(reject.reason, Reason::Unreadable, "{packing:?}: {reject:?}");
        assert!(reject.detail.contains("strip 2 of 5"), "{packing:?}: {reject:?}");
    }
}

#[test]
fn a_whole_file_is_never_called_cut() {
    let scene = scene();
    for packing in PACKINGS.into_iter().chain(FAX) {
        let bits = if FAX.contains(&packing) { 1 } else { 8 };
        let blank = vec![255; scene.pixels.len()];
        let kind = Kind { packing, bits, colours: Colours::WhiteIsZero, ..PLAIN };
        let file = crate::tiff_files::tiff(&kind, scene.width, scene.height, &blank, 0);
        assert_eq!(decode(&file, &limits()).reject.expect("no code").reason, Reason::NoCode, "{packing:?}");
    }
}

fn any_kind() -> impl Strategy<Value = Kind> {
    let packings: Vec<Packing> = PACKINGS.into_iter().chain(FAX).collect();
    (prop::sample::select(packings), any::<[bool; 4]>(), 0..3usize).prop_map(
        |(packing, [big, little, planar, tiles], at)| {
            let is_fax = FAX.contains(&packing);
            let colours = [Colours::Rgb, Colours::BlackIsZero, Colours::Ycbcr(2, 2)][at];
            Kind {
                packing,
                colours: if is_fax { Colours::WhiteIsZero } else { colours },
                bits: if is_fax { 1 } else { 8 },
                big,
                little,
                planar: planar && !is_fax,
                tile: tiles.then_some([64, 64]),
                ..PLAIN
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn changed_and_cut_files_never_panic(
        kind in any_kind(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        in_tables in any::<bool>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let scene = scene();
        let mut file = crate::tiff_files::tiff(&kind, scene.width, scene.height, &scene.pixels, 0);
        for (index, byte) in changes {
            let length = file.len();
            let at = if in_tables { length - 1 - index.index(300.min(length)) } else { index.index(length) };
            file[at] = byte;
        }
        for file in [&file[..], &file[..cut.index(file.len())]] {
            let reading = decode(file, &limits());
            prop_assert_eq!(reading.codes.is_empty(), reading.reject.is_some());
            prop_assert!(reading.codes.iter().all(|code| code.text == TEXT));
            let reason = reading.reject.map(|reject| reject.reason);
            prop_assert!(reason != Some(Reason::DecoderFault), "{:?}", kind);
        }
    }
}
