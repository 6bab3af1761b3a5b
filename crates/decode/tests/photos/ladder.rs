//! Photos that only the upper rungs read, drawn here; and pictures without any code, of which none may read one.

use crate::scene::{Scene, limits};
use qrcode::{Color, EcLevel, QrCode, Version};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use scanmill_decode::decode;

/// Draws a code seen through `modules`, which says which point of the code (in modules) a pixel shows, and `light`,
/// which turns ink (0 dark, 1 light) at a pixel into grey. Outside the code lies white paper.
fn draw(
    code: &QrCode,
    side: usize,
    modules: impl Fn(f32, f32) -> (f32, f32),
    light: impl Fn(f32, f32, f32) -> f32,
) -> Scene {
    let colors = code.to_colors();
    let width = code.width() as f32;
    let ink = |x: f32, y: f32| {
        let (column, row) = modules(x, y);
        let inside = column >= 0.0 && row >= 0.0 && column < width && row < width;
        let dark = inside && colors[row as usize * code.width() + column as usize] == Color::Dark;
        if dark { 0.0 } else { 1.0 }
    };
    let pixel = |index: usize| {
        let (x, y) = ((index % side) as f32, (index / side) as f32);
        let sum: f32 =
            (0..16).map(|at| ink(x + (at % 4) as f32 / 4.0 + 0.125, y + (at / 4) as f32 / 4.0 + 0.125)).sum();
        light(x, y, sum / 16.0).clamp(0.0, 255.0) as u8
    };
    Scene { width: side, height: side, pixels: (0..side * side).map(pixel).collect() }
}

const TEXT: &str = "https://example.com/p/4006381333931";

fn code(version: i16, level: EcLevel) -> QrCode {
    QrCode::with_version(TEXT, Version::Normal(version), level).unwrap()
}

fn plain_light(_x: f32, _y: f32, ink: f32) -> f32 {
    30.0 + 190.0 * ink
}

fn assert_read(name: &str, scene: &Scene) {
    let reading = decode(&scene.png(), &limits());
    let texts: Vec<&str> = reading.codes.iter().map(|code| code.text.as_str()).collect();
    assert_eq!(texts, [TEXT], "{name}: {:?}", reading.rungs);
}

#[test]
fn crumpled_cloth_and_cylinders_are_read() {
    let code = code(4, EcLevel::M);
    for (name, wave, amount) in [("soft waves", 60.0, 3.0), ("crumpled", 35.0, 2.0)] {
        let bent = |x: f32, y: f32| {
            let (x, y) = (x + amount * (y / wave * 3.0).sin(), y + amount * (x / wave * 3.0 + 1.0).cos());
            ((x - 50.0) / 6.0, (y - 50.0) / 6.0)
        };
        assert_read(name, &draw(&code, 300, bent, plain_light));
    }
    // A label around a bottle, seen from the front: 45 degrees to either side.
    let bottle = |x: f32, y: f32| {
        let across = ((x - 150.0) / 130.0).clamp(-1.0, 1.0).asin() / 0.785;
        (16.5 + across * 16.5, (y - 50.0) / 6.0)
    };
    assert_read("bottle", &draw(&code, 300, bottle, plain_light));
}

#[test]
fn glare_damage_and_poor_light_are_read() {
    let code = code(4, EcLevel::H);
    let flat = |x: f32, y: f32| ((x - 50.0) / 6.0, (y - 50.0) / 6.0);
    let spot = |x: f32, y: f32, cx: f32, cy: f32| (-((x - cx).powi(2) + (y - cy).powi(2)) / 800.0).exp();
    assert_read("glare", &draw(&code, 300, flat, |x, y, ink| 30.0 + 150.0 * ink + 400.0 * spot(x, y, 160.0, 130.0)));
    assert_read("stain", &draw(&code, 300, flat, |x, y, ink| 200.0 * ink - 400.0 * spot(x, y, 130.0, 160.0)));
    assert_read("pale", &draw(&code, 300, flat, |_, _, ink| 118.0 + 16.0 * ink));
    assert_read("dark corner", &draw(&code, 300, flat, |x, y, ink| (12.0 + 80.0 * ink) * (x + y + 40.0) / 500.0));
}

#[test]
fn no_quiet_zone_odd_sizes_and_strong_perspective_are_read() {
    let small = code(4, EcLevel::M);
    let beside_a_bar = |x: f32, y: f32, ink: f32| if x < 50.0 { 30.0 } else { plain_light(x, y, ink) };
    let flat = |x: f32, y: f32| ((x - 50.0) / 6.0, (y - 50.0) / 6.0);
    assert_read("beside a bar", &draw(&small, 300, flat, beside_a_bar));
    let tiny = |x: f32, y: f32| ((x - 9.3) / 1.6, (y - 8.6) / 1.6);
    assert_read("tiny", &draw(&small, 72, tiny, plain_light));
    let aside = |x: f32, y: f32| {
        let depth = 1.0 - (x - 150.0) / 330.0;
        ((x - 150.0) / 4.0 / depth + 16.5, (y - 150.0) / 6.0 / depth + 16.5)
    };
    assert_read("from the side", &draw(&small, 300, aside, plain_light));
    let (sin, cos) = 30f32.to_radians().sin_cos();
    for version in [25, 33, 40] {
        let large = code(version, EcLevel::L);
        let half = large.width() as f32 / 2.0;
        let turned = |x: f32, y: f32| {
            let (x, y) = ((x - 420.0) / 3.3, (y - 420.0) / 3.3);
            (x * cos + y * sin + half, y * cos - x * sin + half)
        };
        assert_read("turned", &draw(&large, 840, turned, |x, y, ink| 255.0 - plain_light(x, y, ink)));
    }
}

#[test]
fn noise_and_texture_give_no_code() {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for round in 0..21usize {
        let side = 120 + round % 4 * 40;
        let block = 1 + round % 7;
        let blocks: Vec<u8> = (0..side * side).map(|_| random.random()).collect();
        let pixel = |index: usize| {
            let (x, y) = (index % side / block, index / side / block);
            let value = blocks[y * side + x];
            if round.is_multiple_of(2) { value } else { 40 + 170 * (value & 1) }
        };
        let scene = Scene { width: side, height: side, pixels: (0..side * side).map(pixel).collect() };
        let reading = decode(&scene.png(), &limits());
        assert!(reading.codes.is_empty(), "round {round}: {:?}", reading.codes);
    }
}

#[test]
fn finder_patterns_around_noise_give_no_code() {
    let mut random = ChaCha8Rng::seed_from_u64(8);
    for round in 0..16i16 {
        // A real outline whose data and format are noise.
        let code = code(3 + round % 6, EcLevel::L);
        let width = code.width();
        let noise: Vec<bool> = (0..width * width).map(|_| random.next_u32() & 1 == 1).collect();
        let colors = code.to_colors();
        let is_finder = |x: usize, y: usize| {
            let (far_x, far_y) = (x >= width - 8, y >= width - 8);
            x == 6 || y == 6 || (x < 8 && (y < 8 || far_y)) || (y < 8 && far_x)
        };
        let pixel = |index: usize| {
            let (x, y) = ((index % 260).wrapping_sub(20) / 4, (index / 260).wrapping_sub(20) / 4);
            let inside = x < width && y < width;
            let at = y.min(width - 1) * width + x.min(width - 1);
            let dark = inside && if is_finder(x, y) { colors[at] == Color::Dark } else { noise[at] };
            if dark { 30 } else { 220 }
        };
        let scene = Scene { width: 260, height: 260, pixels: (0..260 * 260).map(pixel).collect() };
        let reading = decode(&scene.png(), &limits());
        assert!(reading.codes.is_empty(), "round {round}: {:?}", reading.codes);
    }
}

#[test]
fn a_code_without_one_finder_pattern_is_read() {
    let code = code(4, EcLevel::H);
    let width = code.width() as f32;
    for (name, left, top) in
        [("top left", 0.0, 0.0), ("top right", width - 7.0, 0.0), ("bottom left", 0.0, width - 7.0)]
    {
        let (sin, cos) = 12f32.to_radians().sin_cos();
        let turned = |x: f32, y: f32| {
            let (x, y) = ((x - 150.0) / 5.0, (y - 150.0) / 5.0);
            (x * cos + y * sin + width / 2.0, y * cos - x * sin + width / 2.0)
        };
        let hidden = |x: f32, y: f32, ink: f32| {
            let (column, row) = turned(x, y);
            let gone = (left..left + 7.0).contains(&column) && (top..top + 7.0).contains(&row);
            if gone { 120.0 } else { plain_light(x, y, ink) }
        };
        let scene = draw(&code, 300, turned, hidden);
        assert_read(name, &scene);
    }
}

#[test]
fn a_code_in_the_dark_beside_a_lamp_is_read() {
    let code = code(3, EcLevel::M);
    let flat = |x: f32, y: f32| ((x - 60.0) / 6.0, (y - 60.0) / 6.0);
    let dark = |x: f32, y: f32, ink: f32| {
        let lamp = 260.0 * (-((x - 330.0).powi(2) + (y - 330.0).powi(2)) / 900.0).exp();
        // A sensor's grain, by a small hash of the place.
        let grain = ((x * 12.9898 + y * 78.233).sin() * 43_758.547).fract();
        3.0 + 9.0 * ink + 2.0 * grain + lamp
    };
    assert_read("dark", &draw(&code, 360, flat, dark));
}

#[test]
fn patterns_of_very_different_size_belong_together_in_deep_perspective() {
    let code = code(5, EcLevel::L);
    let deep = |x: f32, y: f32| {
        let (x, y) = (x - 240.0, y - 240.0);
        let eighth = std::f32::consts::FRAC_1_SQRT_2;
        let (x, y) = ((x + y) * eighth, (y - x) * eighth);
        let depth = 1.0 - x / 420.0;
        (x / 5.0 / depth + 18.5, y / 7.0 / depth + 18.5)
    };
    assert_read("deep", &draw(&code, 480, deep, plain_light));
}

#[test]
fn damage_gives_the_right_text_or_none() {
    let mut random = ChaCha8Rng::seed_from_u64(9);
    let (mut right, mut none) = (0, 0);
    for round in 0..24i16 {
        let code = code(3 + round % 4, [EcLevel::L, EcLevel::Q][usize::from(round % 3 == 0)]);
        let width = code.width();
        let share = f64::from(round % 12) / 150.0;
        let colors = code.to_colors();
        let dark: Vec<bool> = colors.iter().map(|color| (*color == Color::Dark) != random.random_bool(share)).collect();
        let pixel = |index: usize| {
            let (x, y) = ((index % 240).wrapping_sub(20) / 4, (index / 240).wrapping_sub(20) / 4);
            // Finder patterns stay, so that every reader gets as far as the error correction.
            let finder =
                |x: usize, y: usize| x < 8 && y < 8 || x + 8 >= width && x < width && y < 8 || x < 8 && y + 8 >= width;
            let inside = x < width && y < width;
            let at = y.min(width - 1) * width + x.min(width - 1);
            let is_dark = if finder(x, y) { colors[at] == Color::Dark } else { dark[at] };
            if inside && is_dark { 30 } else { 220 }
        };
        let scene = Scene { width: 240, height: 240, pixels: (0..240 * 240).map(pixel).collect() };
        let reading = decode(&scene.png(), &limits());
        for code in &reading.codes {
            assert_eq!(code.text, TEXT, "round {round}: {code:?}");
            assert!(code.ecc_used.is_none_or(|used| (0.0..=1.0).contains(&used)), "{code:?}");
        }
        if reading.codes.is_empty() { none += 1 } else { right += 1 }
    }
    assert!(right >= 4 && none >= 6, "{right} {none}");
}

/// A point of a sheet, in modules from its middle, wound around a cylinder of that radius that stands upright (its axis
/// along the rows), and seen from `distance` modules away, the cylinder tilted by `tilt`: in modules from the middle of
/// the picture.
fn wound([x, y]: [f32; 2], radius: f32, tilt: f32, distance: f32) -> [f32; 2] {
    let (sin, cos) = (x / radius).sin_cos();
    let (x, z) = (radius * sin, radius * (1.0 - cos));
    let (y, z) = (y * tilt.cos() - z * tilt.sin(), y * tilt.sin() + z * tilt.cos());
    let near = distance / (distance + z);
    [x * near, y * near]
}

/// The inverse of a map near the start, by Newton's method.
fn inverse(map: impl Fn([f32; 2]) -> [f32; 2], to: [f32; 2], start: [f32; 2]) -> [f32; 2] {
    let mut at = start;
    for _ in 0..12 {
        let [x, y] = map(at);
        let [[ax, ay], [bx, by]] = [map([at[0] + 0.05, at[1]]), map([at[0], at[1] + 0.05])];
        let (a, b, c, d) = ((ax - x) * 20.0, (bx - x) * 20.0, (ay - y) * 20.0, (by - y) * 20.0);
        let (dx, dy, scale) = (to[0] - x, to[1] - y, (a * d - b * c).max(0.02));
        at = [at[0] + (d * dx - b * dy) / scale, at[1] + (a * dy - c * dx) / scale];
    }
    at
}

#[test]
fn codes_around_bottles_and_large_ones_on_bent_pages_are_read_on_the_rung_that_follows_them() {
    // Version, radius in modules, tilt of the bottle, pixels a module.
    for (version, radius, tilt, module) in [(4, 20.0, 0.5f32, 9.0), (4, 22.0, -0.55, 8.0), (25, 110.0, 0.45, 5.0)] {
        let code = code(version, EcLevel::M);
        let half = code.width() as f32 / 2.0;
        let side = (code.width() as f32 * module * 1.2) as usize;
        let look = |at| wound(at, radius, tilt, half * 5.0);
        let place = |x: f32, y: f32| {
            let to = [(x - side as f32 / 2.0) / module, (y - side as f32 / 2.0) / module];
            // From the middle outward: the bottle ends a quarter of a turn away.
            let [x, y] = inverse(look, to, [to[0].clamp(-1.2 * radius, 1.2 * radius), to[1]]);
            (x + half, y + half)
        };
        let scene = draw(&code, side, place, plain_light);
        let reading = decode(&scene.png(), &limits());
        let read: Vec<(&str, &str)> = reading.codes.iter().map(|code| (code.text.as_str(), code.rung)).collect();
        assert_eq!(read, [(TEXT, "native_curved_1600")], "version {version}: {:?}", reading.rungs);
    }
}

#[test]
fn a_hard_shadow_across_a_code_is_read() {
    let code = code(3, EcLevel::L);
    let flat = |x: f32, y: f32| ((x - 40.0) / 8.0, (y - 40.0) / 8.0);
    for (slope, left) in [(-0.7f32, 0.24), (2.1, 0.2), (0.9, 0.16), (-1.5, 0.16)] {
        let light = |x: f32, y: f32, ink: f32| {
            let lit = if y - 156.0 > (x - 156.0) * slope { 1.0 } else { left };
            (14.0 + 215.0 * ink) * lit
        };
        assert_read(&format!("slope {slope}, {left} left"), &draw(&code, 312, flat, light));
    }
}

/// Codes in one large frame, each at a place and with so many pixels a module.
fn frame(codes: &[(&str, usize, usize, f32)]) -> Scene {
    let (width, height) = (1600, 1200);
    let mut pixels = vec![225u8; width * height];
    for &(text, left, top, module) in codes {
        let code = QrCode::with_version(text, Version::Normal(2), EcLevel::M).unwrap();
        let side = (33.0 * module) as usize;
        let place = |x: f32, y: f32| (x / module - 4.0, y / module - 4.0);
        let small = draw(&code, side, place, plain_light);
        for (y, row) in small.pixels.chunks(side).enumerate() {
            pixels[(top + y) * width + left..][..side].copy_from_slice(row);
        }
    }
    Scene { width, height, pixels }
}

#[test]
fn a_tiny_code_in_a_large_frame_is_read_and_so_is_one_beside_a_large_code() {
    for module in [1.8, 2.3, 3.1] {
        for (left, top) in [(40, 50), (801, 603), (1470, 1033)] {
            let reading = decode(&frame(&[("tiny", left, top, module)]).png(), &limits());
            let texts: Vec<&str> = reading.codes.iter().map(|code| code.text.as_str()).collect();
            assert_eq!(texts, ["tiny"], "{module} pixels at {left}, {top}: {:?}", reading.rungs);
        }
    }
    // Seen at the size where the large one is read, it makes the ladder climb.
    for module in [5.0, 7.0] {
        let scene = frame(&[("large", 60, 60, 20.0), ("small", 1200, 800, module)]);
        let texts: Vec<String> = decode(&scene.png(), &limits()).codes.into_iter().map(|code| code.text).collect();
        assert_eq!(texts, ["large", "small"], "{module} pixels");
    }
}
