//! The few functions of a circle and a bell that pictures need, from additions and multiplications alone.
//!
//! Those of the system's library differ in the last bit from machine to machine; any worker anywhere must draw the same
//! pixels.

use std::f64::consts::{FRAC_PI_2, PI};

/// Sine and cosine, to about eight digits.
pub(super) fn sin_cos(radians: f64) -> (f64, f64) {
    let quarter = (radians / FRAC_PI_2).round();
    let x = radians - quarter * FRAC_PI_2;
    let s = x * x;
    let sin = x * (1.0 - s / 6.0 * (1.0 - s / 20.0 * (1.0 - s / 42.0 * (1.0 - s / 72.0 * (1.0 - s / 110.0)))));
    let cos = 1.0 - s / 2.0 * (1.0 - s / 12.0 * (1.0 - s / 30.0 * (1.0 - s / 56.0 * (1.0 - s / 90.0))));
    match (quarter as i64).rem_euclid(4) {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

/// Degrees to radians.
pub(super) fn radians(degrees: f64) -> f64 {
    degrees * (PI / 180.0)
}

/// Length of a vector.
pub(super) fn length(x: f64, y: f64) -> f64 {
    (x * x + y * y).sqrt()
}

/// A bell: 1 at 0, near 0 beyond 2; close to `exp(-x²)`.
pub(super) fn bell(x: f64) -> f64 {
    let mut height = (1.0 - x * x / 16.0).max(0.0);
    for _ in 0..4 {
        height *= height;
    }
    height
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_what_they_are_called() {
        for step in -400..400 {
            let angle = f64::from(step) * 0.037;
            let (sin, cos) = sin_cos(angle);
            assert!((sin - angle.sin()).abs() < 1e-7 && (cos - angle.cos()).abs() < 1e-7, "{angle}: {sin} {cos}");
        }
        assert!((bell(0.0), bell(5.0)) == (1.0, 0.0) && (bell(1.0) - (-1f64).exp()).abs() < 0.02);
    }
}
