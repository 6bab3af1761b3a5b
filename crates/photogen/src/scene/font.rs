//! The print on labels and contact sheets: Spleen, a bitmap font that has the letters of European place names.

use spleen_font::{FONT_12X24, FONT_16X32, PSF2Font};

/// Which cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// 12 x 24 dots a letter.
    Small,
    /// 16 x 32 dots a letter.
    Large,
}

impl Cut {
    /// Dots across and down a letter.
    pub const fn size(self) -> (usize, usize) {
        match self {
            Cut::Small => (12, 24),
            Cut::Large => (16, 32),
        }
    }
}

/// A line of text as dots, row by row: its width and whether each dot is printed. What the font does not have is left
/// blank.
#[derive(Debug)]
pub struct TextLine {
    /// Dots across.
    pub width: usize,
    /// Dots down.
    pub height: usize,
    dots: Vec<bool>,
}

impl TextLine {
    /// Sets a line.
    pub fn new(text: &str, cut: Cut) -> Self {
        let (across, height) = cut.size();
        let width = across * text.chars().count();
        let mut line = Self { width, height, dots: vec![false; width * height] };
        let data = match cut {
            Cut::Small => FONT_12X24,
            Cut::Large => FONT_16X32,
        };
        let Ok(mut font) = PSF2Font::new(data) else { return line };
        let mut letter = [0; 4];
        for (place, character) in text.chars().enumerate() {
            let Some(glyph) = font.glyph_for_utf8(character.encode_utf8(&mut letter).as_bytes()) else { continue };
            for (y, row) in glyph.enumerate() {
                for (x, dot) in row.enumerate() {
                    if let Some(place) = line.dots.get_mut(y * width + place * across + x) {
                        *place = dot;
                    }
                }
            }
        }
        line
    }

    /// Whether the dot at `x`, `y` is printed.
    pub fn dot(&self, x: usize, y: usize) -> bool {
        x < self.width && self.dots.get(y * self.width + x).copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captions_have_all_their_letters() {
        let blank = TextLine::new(" ", Cut::Small).dots;
        for character in "azAZ09.,:;-/%+()×São Paulo, Bogotá, Zürich · Œ".chars().filter(|c| !c.is_whitespace()) {
            let line = TextLine::new(&character.to_string(), Cut::Small);
            assert_ne!(line.dots, blank, "{character}");
        }
        assert_eq!(TextLine::new("ab", Cut::Large).width, 32);
        // A letter goes over the whole height of its line, not over the first rows alone.
        for cut in [Cut::Small, Cut::Large] {
            let line = TextLine::new("H", cut);
            let rows = (0..line.height).filter(|&y| (0..line.width).any(|x| line.dot(x, y))).count();
            assert!(rows * 2 > line.height && rows < line.height, "{cut:?}: {rows} rows");
        }
    }
}
