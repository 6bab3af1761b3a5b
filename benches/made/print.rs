//! A printed code: its modules, their style, and what was done to it.

use qrcode::{Color, EcLevel, QrCode, Version};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// How modules are drawn.
#[derive(Clone, Copy, PartialEq)]
pub enum Shape {
    Square,
    /// Dots, except in the finder patterns.
    Dots,
    /// Every module a little larger or smaller than its square, by so much on each side.
    Swollen(f32),
}

/// Something over a part of the print.
#[derive(Clone, Copy)]
pub enum Damage {
    /// A disc of one grey at column, row and radius in modules.
    Blot { at: [f32; 2], radius: f32, grey: f32 },
    /// A rectangle (left, top, right, bottom) of one grey.
    Patch { edges: [f32; 4], grey: f32 },
    /// A line between two points, so many modules thick.
    Scratch { from: [f32; 2], to: [f32; 2], thick: f32, grey: f32 },
    /// Everything beyond a line through the point, at an angle, is gone.
    Torn { at: [f32; 2], angle: f32 },
}

/// A code on paper.
pub struct Print {
    pub text: String,
    colors: Vec<Color>,
    pub side: usize,
    pub shape: Shape,
    pub damage: Vec<Damage>,
    /// Grey of paper and ink, 0 to 1.
    pub paper: f32,
    pub ink: f32,
    /// Modules of paper around it.
    pub quiet: f32,
}

impl Print {
    /// A code of that version and level, full to about three quarters.
    pub fn new(version: i16, level: EcLevel, draw: &mut ChaCha8Rng) -> Print {
        const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789-/";
        let mut text = String::from("https://e.org/");
        let start = text.len();
        let mut code = None;
        // Longer until it is full, then the last that fitted.
        let grow = (version as usize).pow(2).max(4) / 4;
        for _ in 0..200 {
            let longer: String = (0..grow.max(3))
                .map(|_| char::from(LETTERS[draw.random_range(0..LETTERS.len() as u32) as usize]))
                .collect();
            let longer = format!("{text}{longer}");
            let Ok(fits) = QrCode::with_version(&longer, Version::Normal(version), level) else { break };
            (text, code) = (longer, Some(fits));
            if draw.random_bool(0.04) && text.len() > start + 4 * grow {
                break;
            }
        }
        let code = code.unwrap_or_else(|| {
            text = format!("{:05}", draw.random_range(0..100_000u32));
            QrCode::with_version(&text, Version::Normal(version), level).expect("five digits fit every code")
        });
        Print {
            text,
            side: code.width(),
            colors: code.to_colors(),
            shape: Shape::Square,
            damage: Vec::new(),
            paper: 0.9,
            ink: 0.06,
            quiet: 4.0,
        }
    }

    /// Dark where the code is.
    fn is_dark(&self, column: i32, row: i32) -> bool {
        let side = self.side as i32;
        let inside = column >= 0 && row >= 0 && column < side && row < side;
        inside && self.colors[(row * side + column) as usize] == Color::Dark
    }

    /// Grey at a point in modules; `None` beyond the paper.
    pub fn grey(&self, x: f32, y: f32) -> Option<f32> {
        let side = self.side as f32;
        let beyond = |at: f32| at < -self.quiet || at >= side + self.quiet;
        if beyond(x) || beyond(y) {
            return None;
        }
        for damage in &self.damage {
            match *damage {
                Damage::Blot { at, radius, grey } if (x - at[0]).hypot(y - at[1]) < radius => return Some(grey),
                Damage::Patch { edges: [left, top, right, bottom], grey }
                    if x >= left && x < right && y >= top && y < bottom =>
                {
                    return Some(grey);
                }
                Damage::Scratch { from, to, thick, grey } if distance([x, y], from, to) < thick / 2.0 => {
                    return Some(grey);
                }
                Damage::Torn { at, angle } if (x - at[0]) * angle.cos() + (y - at[1]) * angle.sin() > 0.0 => {
                    return None;
                }
                _ => {}
            }
        }
        let (column, row) = (x.floor() as i32, y.floor() as i32);
        let (across, down) = (x - x.floor() - 0.5, y - y.floor() - 0.5);
        let dark = match self.shape {
            Shape::Square => self.is_dark(column, row),
            Shape::Dots => {
                let last = self.side as i32 - 7;
                let finder = (column < 7 && (row < 7 || row >= last)) || (column >= last && row < 7);
                self.is_dark(column, row) && (finder || across.hypot(down) < 0.45)
            }
            Shape::Swollen(by) => {
                let near = |at: f32| if by > 0.0 && at.abs() > 0.5 - by { at.signum() as i32 } else { 0 };
                let thin = by < 0.0 && (across.abs().max(down.abs()) > 0.5 + by);
                let around = [(0, 0), (near(across), 0), (0, near(down)), (near(across), near(down))];
                !thin && around.into_iter().any(|(dx, dy)| self.is_dark(column + dx, row + dy))
                    || thin
                        && self.is_dark(column, row)
                        && (across.abs() <= 0.5 + by || self.is_dark(column + across.signum() as i32, row))
                        && (down.abs() <= 0.5 + by || self.is_dark(column, row + down.signum() as i32))
            }
        };
        Some(if dark { self.ink } else { self.paper })
    }
}

fn distance(point: [f32; 2], from: [f32; 2], to: [f32; 2]) -> f32 {
    let (way, off) = ([to[0] - from[0], to[1] - from[1]], [point[0] - from[0], point[1] - from[1]]);
    let length = (way[0] * way[0] + way[1] * way[1]).max(1e-6);
    let share = ((off[0] * way[0] + off[1] * way[1]) / length).clamp(0.0, 1.0);
    (off[0] - way[0] * share).hypot(off[1] - way[1] * share)
}
