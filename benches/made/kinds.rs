//! The kinds of photos: what is hard about each.

use std::f32::consts::{PI, TAU};

use qrcode::EcLevel;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::camera::{Bend, Light, Sheet, Shot};
use super::print::{Damage, Print, Shape};

/// The kinds, in order.
pub const KINDS: [&str; 16] = [
    "blurred",
    "brightness",
    "bright_spots",
    "close",
    "curved",
    "damaged",
    "glare",
    "high_version",
    "lots",
    "monitor",
    "nominal",
    "noncompliant",
    "pathological",
    "perspective",
    "rotations",
    "shadows",
];

/// Kinds of photos of many codes, apart from the others as they cost more to make.
pub const MANY: [&str; 2] = ["shelf", "sheet"];

const LEVELS: [EcLevel; 4] = [EcLevel::L, EcLevel::M, EcLevel::Q, EcLevel::H];

fn one<T: Copy>(of: &[T], draw: &mut ChaCha8Rng) -> T {
    of[draw.random_range(0..of.len() as u32) as usize]
}

fn between(low: f32, high: f32, draw: &mut ChaCha8Rng) -> f32 {
    draw.random_range(low..high)
}

/// A photo of the kind about to be taken.
pub fn shot(kind: &str, draw: &mut ChaCha8Rng) -> Shot {
    let (long, short) = match draw.random_range(0..20u32) {
        0..4 => (1024, 768),
        4..18 => (1600, 1200),
        18 => (2592, 1944),
        _ => (4032, 3024),
    };
    let (width, height) = if draw.random_bool(0.5) { (long, short) } else { (short, long) };
    let mut shot = Shot {
        width,
        height,
        sheets: Vec::new(),
        lights: Vec::new(),
        defocus: between(0.3, 1.2, draw),
        motion: (0.0, 0.0),
        grid: None,
        gain: between(0.8, 1.05, draw),
        noise: between(1.0, 5.0, draw),
        decoys: 0,
    };
    match kind {
        "lots" => lots(&mut shot, draw),
        "shelf" => shelf(&mut shot, draw),
        "sheet" => dense_sheet(&mut shot, draw),
        _ => one_code(kind, &mut shot, draw),
    }
    shot
}

/// The kinds with one code.
fn one_code(kind: &str, shot: &mut Shot, draw: &mut ChaCha8Rng) {
    let version = if kind == "high_version" { draw.random_range(15..=40) } else { draw.random_range(1..=6) };
    shot.sheets.push(sheet(shot, version, draw));
    harden(kind, shot, draw);
}

/// One code somewhere in the middle, a third to two thirds as wide as the picture.
fn sheet(shot: &Shot, version: i16, draw: &mut ChaCha8Rng) -> Sheet {
    let print = Print::new(version, one(&LEVELS, draw), draw);
    let share = between(0.2, 0.6, draw);
    let module = (shot.width.min(shot.height) as f32 * share / print.side as f32).max(2.6);
    Sheet {
        at: [between(0.42, 0.58, draw), between(0.42, 0.58, draw)],
        print,
        module,
        turn: between(-0.25, 0.25, draw),
        pitch: between(-0.2, 0.2, draw),
        yaw: between(-0.2, 0.2, draw),
        mirrored: false,
        bend: Bend::Flat,
    }
}

fn harden(kind: &str, shot: &mut Shot, draw: &mut ChaCha8Rng) {
    let short = shot.width.min(shot.height) as f32;
    let Some(sheet) = shot.sheets.first_mut() else { return };
    let side = sheet.print.side as f32;
    let angle = between(0.0, TAU, draw);
    let inside = |draw: &mut ChaCha8Rng| [between(0.35, 0.65, draw), between(0.35, 0.65, draw)];
    match kind {
        "blurred" => {
            if draw.random_bool(0.5) {
                shot.defocus = sheet.module * between(0.4, 1.0, draw);
            } else {
                shot.motion = (sheet.module * between(0.6, 1.8, draw), angle);
            }
        }
        "brightness" => {
            if draw.random_bool(0.6) {
                shot.gain = between(0.04, 0.2, draw);
                shot.noise = between(1.0, 3.0, draw);
            } else {
                shot.gain = between(2.0, 9.0, draw);
            }
        }
        "bright_spots" | "glare" => {
            let hard = kind == "glare";
            shot.gain = if hard { shot.gain } else { between(0.12, 0.6, draw) };
            for _ in 0..draw.random_range(1..4u32) {
                let radius = between(0.02, if hard { 0.14 } else { 0.3 }, draw);
                shot.lights.push(Light::Spot { at: inside(draw), radius, strength: between(0.8, 4.0, draw) });
            }
        }
        "close" => {
            sheet.module = short * between(0.85, 1.02, draw) / side;
            sheet.at = [0.5 + between(-0.04, 0.04, draw), 0.5 + between(-0.04, 0.04, draw)];
            sheet.turn = between(-0.12, 0.12, draw);
            shot.defocus = sheet.module * between(0.1, 0.4, draw);
        }
        "curved" => {
            sheet.bend = if draw.random_bool(0.6) {
                Bend::Cylinder { radius: side * between(0.4, 1.0, draw), angle: one(&[0.0, PI / 2.0, angle], draw) }
            } else {
                Bend::Waves { length: side * between(0.6, 1.6, draw), height: side * between(0.02, 0.07, draw), angle }
            };
            sheet.pitch = between(-0.5, 0.5, draw);
        }
        "damaged" => {
            for _ in 0..draw.random_range(1..4u32) {
                let place = |draw: &mut ChaCha8Rng| [between(0.0, side, draw), between(0.0, side, draw)];
                let grey = one(&[0.05, 0.4, 0.9], draw);
                let damage = match draw.random_range(0..6u32) {
                    0 => Damage::Blot { at: place(draw), radius: side * between(0.05, 0.16, draw), grey },
                    1 => Damage::Scratch { from: place(draw), to: place(draw), thick: between(0.3, 1.5, draw), grey },
                    2 => Damage::Torn {
                        at: [side * between(0.8, 1.0, draw), side * between(0.8, 1.0, draw)],
                        angle: 0.78,
                    },
                    // A finder pattern lost.
                    3 => {
                        let [x, y] = one(&[[0.0, 0.0], [side - 7.0, 0.0], [0.0, side - 7.0]], draw);
                        let [from, to] = one(&[[0.0, 7.0], [0.0, 3.5], [3.0, 7.0]], draw);
                        Damage::Patch { edges: [x + from, y - 1.0, x + to, y + 7.0], grey }
                    }
                    4 => {
                        let at = side - 6.5;
                        Damage::Blot { at: [at, at], radius: 3.5, grey }
                    }
                    _ => {
                        let [x, y] = place(draw);
                        Damage::Patch { edges: [x, y, x + side * 0.2, y + side * 0.15], grey }
                    }
                };
                sheet.print.damage.push(damage);
            }
        }
        "high_version" => {
            sheet.module = (short * between(0.7, 0.95, draw) / side).max(2.8);
            sheet.at = [0.5, 0.5];
            sheet.turn = between(-0.06, 0.06, draw) + one(&[0.0, PI / 2.0, PI], draw);
            shot.defocus = sheet.module * between(0.1, 0.35, draw);
            if draw.random_bool(0.4) {
                sheet.bend = Bend::Cylinder { radius: side * between(1.0, 3.0, draw), angle: 0.0 };
            }
        }
        "monitor" => {
            shot.grid = Some((between(2.2, 5.0, draw), between(-0.3, 0.3, draw), between(0.2, 0.7, draw)));
            shot.defocus = between(0.5, 1.0, draw);
            sheet.yaw = between(-0.5, 0.5, draw);
        }
        "noncompliant" => match draw.random_range(0..7u32) {
            0 => (sheet.print.quiet, sheet.print.paper) = (0.0, 0.85),
            1 => (sheet.print.ink, sheet.print.paper, sheet.print.quiet) = (0.85, 0.1, between(0.5, 4.0, draw)),
            2 => sheet.print.shape = Shape::Dots,
            3 => (sheet.print.ink, sheet.print.paper) = (0.45, between(0.55, 0.65, draw)),
            4 => sheet.print.shape = Shape::Swollen(between(-0.3, 0.3, draw)),
            5 => {
                // A logo in the middle.
                let radius = side * between(0.08, 0.15, draw);
                sheet.print = Print::new(draw.random_range(2..=6), EcLevel::H, draw);
                let at = [sheet.print.side as f32 / 2.0; 2];
                sheet.print.damage.push(Damage::Blot { at, radius, grey: 0.9 });
                sheet.print.damage.push(Damage::Blot { at, radius: radius * 0.7, grey: 0.3 });
                sheet.print.damage.reverse();
            }
            _ => (sheet.print.ink, sheet.print.quiet) = (between(0.3, 0.6, draw), 1.0),
        },
        "pathological" => {
            shot.decoys = draw.random_range(20..120);
            sheet.print.quiet = between(0.0, 2.0, draw);
        }
        "perspective" => {
            let tilt = between(0.6, 1.08, draw) * one(&[-1.0, 1.0], draw);
            (sheet.pitch, sheet.yaw) = one(&[(tilt, 0.1), (0.1, tilt), (tilt * 0.7, tilt * 0.7)], draw);
            sheet.module *= 1.4;
            sheet.turn = angle;
        }
        "rotations" => {
            sheet.turn = angle;
            sheet.mirrored = draw.random_bool(0.2);
        }
        "shadows" => {
            for _ in 0..draw.random_range(1..4u32) {
                let angle = between(0.0, TAU, draw);
                shot.lights.push(Light::Shadow { at: inside(draw), angle, left: between(0.12, 0.5, draw) });
            }
        }
        _ => {}
    }
}

/// A sheet of many labels.
fn lots(shot: &mut Shot, draw: &mut ChaCha8Rng) {
    let columns = draw.random_range(3..=11usize);
    let rows = draw.random_range(4..=13usize);
    (shot.width, shot.height) = (2592, 1944);
    let cell = [shot.width as f32 / columns as f32, shot.height as f32 / rows as f32];
    let (pitch, yaw) = (between(-0.15, 0.15, draw), between(-0.15, 0.15, draw));
    let turn = between(-0.1, 0.1, draw);
    for (column, row) in (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row))) {
        let mut print = Print::new(draw.random_range(1..=3), one(&LEVELS, draw), draw);
        print.quiet = 2.0;
        let module = cell[0].min(cell[1]) * 0.8 / (print.side as f32 + 2.0);
        shot.sheets.push(Sheet {
            at: [(column as f32 + 0.5) / columns as f32, (row as f32 + 0.5) / rows as f32],
            print,
            module,
            turn,
            pitch,
            yaw,
            mirrored: false,
            bend: Bend::Flat,
        });
    }
}

/// Packs side by side, each with a small code of its own size and tilt.
fn shelf(shot: &mut Shot, draw: &mut ChaCha8Rng) {
    let long = one(&[640, 800, 1024, 1280, 1600], draw);
    let short = one(&[long * 3 / 4, long * 9 / 16], draw);
    (shot.width, shot.height) = if draw.random_bool(0.5) { (long, short) } else { (short, long) };
    shot.decoys = draw.random_range(0..20);
    shot.defocus = between(0.3, 0.9, draw);
    let count = draw.random_range(3..=8usize);
    let columns = if shot.width > shot.height { count.div_ceil(2) } else { 2 };
    let rows = count.div_ceil(columns);
    let cell = (shot.width as f32 / columns as f32).min(shot.height as f32 / rows as f32);
    for index in 0..count {
        let print = Print::new(draw.random_range(1..=6), one(&LEVELS, draw), draw);
        let module = (cell * between(0.25, 0.6, draw) / print.side as f32).clamp(1.9, 8.0);
        let place = |at: usize, of: usize, draw: &mut ChaCha8Rng| (at as f32 + between(0.4, 0.6, draw)) / of as f32;
        shot.sheets.push(Sheet {
            at: [place(index % columns, columns, draw), place(index / columns, rows, draw)],
            print,
            module,
            turn: between(-0.4, 0.4, draw),
            pitch: between(-0.4, 0.4, draw),
            yaw: between(-0.4, 0.4, draw),
            mirrored: false,
            bend: Bend::Flat,
        });
    }
}

/// A sheet of 12 to 300 codes, two and a half pixels a module or more, often with a shadow across.
fn dense_sheet(shot: &mut Shot, draw: &mut ChaCha8Rng) {
    let (columns, rows) = one(&[(4, 3), (6, 5), (10, 6), (12, 8), (16, 10), (20, 12), (20, 15)], draw);
    let (version, module) = (draw.random_range(2..=4), between(2.5, 4.0, draw));
    let cell = (f32::from(version) * 4.0 + 17.0 + 8.0) * module;
    (shot.width, shot.height) = ((columns as f32 * cell * 1.1) as usize, (rows as f32 * cell * 1.1) as usize);
    (shot.defocus, shot.noise) = (between(0.3, 0.6, draw), between(1.0, 3.0, draw));
    let (pitch, yaw, turn) = (between(-0.15, 0.15, draw), between(-0.15, 0.15, draw), between(-0.06, 0.06, draw));
    for (column, row) in (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row))) {
        shot.sheets.push(Sheet {
            at: [(column as f32 + 0.5) / columns as f32, (row as f32 + 0.5) / rows as f32],
            print: Print::new(version, EcLevel::M, draw),
            module,
            turn,
            pitch,
            yaw,
            mirrored: false,
            bend: Bend::Flat,
        });
    }
    if draw.random_bool(0.5) {
        let at = [between(0.2, 0.8, draw), between(0.2, 0.8, draw)];
        shot.lights.push(Light::Shadow { at, angle: between(0.0, TAU, draw), left: between(0.4, 0.8, draw) });
    }
}
