//! The timing patterns: a line of modules, dark and light in turn, from each finder pattern of a code to the next.

use rxing::Point;
use rxing::common::BitMatrix;
use rxing::common::cpp_essentials::ConcentricPattern;
use rxing::qrcode::cpp_port::detector::FinderPatternSet;

/// Share of the changes from dark to light and back that a timing pattern must show.
const LEAST_SHARE: f32 = 0.6;

/// Whether both timing patterns of a code with these finder patterns are there. It is far cheaper than sampling the code,
/// and tells the three patterns of one code from those of its neighbours.
pub(super) fn is_between(picture: &BitMatrix, set: &FinderPatternSet) -> bool {
    has_changes(picture, set.tl, set.tr, set.bl) && has_changes(picture, set.tl, set.bl, set.tr)
}

/// Whether the timing pattern from one finder pattern to the other changes about as often as it should. It lies three
/// modules off the line between their middles, on the side of the third.
fn has_changes(picture: &BitMatrix, from: ConcentricPattern, to: ConcentricPattern, third: ConcentricPattern) -> bool {
    let along = to.p - from.p;
    let length = Point::distance(from.p, to.p);
    let module = (from.size + to.size) as f32 / 14.0;
    let side = third.p - from.p;
    let aside = side / Point::distance(from.p, third.p) * 3.0 * module;
    let steps = (length - 7.0 * module) * 2.0;
    if steps < 8.0 || module < 1.0 {
        return false;
    }
    let start = 3.5 * module / length;
    let share = (1.0 - 2.0 * start) / steps;
    let mut changes = 0;
    let mut last = None;
    for step in 0..=steps as u32 {
        let at = from.p + aside + along * (start + share * step as f32);
        if at.x < 0.0 || at.y < 0.0 || at.x >= picture.width() as f32 || at.y >= picture.height() as f32 {
            return false;
        }
        let dark = picture.get(at.x as u32, at.y as u32);
        changes += u32::from(last.is_some_and(|last| last != dark));
        last = Some(dark);
    }
    let wanted = length / module - 7.0;
    (wanted * LEAST_SHARE..=wanted / LEAST_SHARE).contains(&(changes as f32))
}

#[cfg(test)]
mod tests {
    use qrcode::{Color, EcLevel, QrCode, Version};

    use super::*;

    /// Two codes beside each other, three pixels a module and four modules of paper around each.
    fn pair() -> BitMatrix {
        let code = QrCode::with_version("beside", Version::Normal(3), EcLevel::M).unwrap();
        let (side, colors) = (code.width(), code.to_colors());
        let pitch = side + 4;
        let mut picture = BitMatrix::new(((2 * pitch + 4) * 3) as u32, ((side + 8) * 3) as u32).unwrap();
        for (x, y) in (0..side).flat_map(|y| (0..side).map(move |x| (x, y))) {
            for (left, dx, dy) in (0..18).map(|at| (at / 9, at % 3, at / 3 % 3)) {
                if colors[y * side + x] == Color::Dark {
                    picture.set(((left * pitch + x + 4) * 3 + dx) as u32, ((y + 4) * 3 + dy) as u32);
                }
            }
        }
        picture
    }

    fn pattern(column: f32, row: f32) -> ConcentricPattern {
        ConcentricPattern { p: Point { x: (column + 4.0) * 3.0, y: (row + 4.0) * 3.0 }, size: 21 }
    }

    #[test]
    fn only_the_patterns_of_one_code_have_timing_patterns_between_them() {
        let picture = pair();
        let set = |tl: [f32; 2], tr: [f32; 2], bl: [f32; 2]| FinderPatternSet {
            tl: pattern(tl[0], tl[1]),
            tr: pattern(tr[0], tr[1]),
            bl: pattern(bl[0], bl[1]),
        };
        for left in [0.0, 33.0] {
            let [near, far] = [3.5, 25.5];
            assert!(is_between(&picture, &set([left + near, near], [left + far, near], [left + near, far])));
            // Mirrored: the two others change places.
            assert!(is_between(&picture, &set([left + near, near], [left + near, far], [left + far, near])));
        }
        // The top right pattern of the first code, and two of the second.
        assert!(!is_between(&picture, &set([36.5, 3.5], [25.5, 3.5], [36.5, 25.5])));
    }
}
