//! A picture as brightness and two colour differences of half its size, as cameras store it: half the pixels to draw.

use image::RgbImage;

/// Brightness (0) and colour differences (1: blue, 2: red), row by row. Colour stands for two by two pixels.
#[derive(Clone, Debug)]
pub(super) struct Planes {
    /// Pixels across, even.
    pub width: usize,
    /// Pixels down, even.
    pub height: usize,
    /// The samples of each.
    pub samples: [Vec<u8>; 3],
}

/// A colour as brightness and colour differences around 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Colour(pub [f32; 3]);

impl Colour {
    /// From red, green and blue.
    pub(super) const fn rgb(red: u8, green: u8, blue: u8) -> Self {
        let (r, g, b) = (red as f32, green as f32, blue as f32);
        Self([
            0.299 * r + 0.587 * g + 0.114 * b,
            -0.168_736 * r - 0.331_264 * g + 0.5 * b,
            0.5 * r - 0.418_688 * g - 0.081_312 * b,
        ])
    }

    /// The same colour in other light.
    pub(super) fn lit(self, light: f32) -> Self {
        Self(self.0.map(|part| part * light))
    }

    /// As samples.
    pub(super) fn samples(self) -> [u8; 3] {
        let [luma, blue, red] = self.0;
        [luma + 0.5, blue + 128.5, red + 128.5].map(|part| part as u8)
    }
}

impl Planes {
    /// A picture of one colour. Sides are rounded up to even numbers.
    pub(super) fn new(width: usize, height: usize, colour: Colour) -> Self {
        let (width, height) = (width.next_multiple_of(2), height.next_multiple_of(2));
        let [luma, blue, red] = colour.samples();
        let quarter = width / 2 * (height / 2);
        Self { width, height, samples: [vec![luma; width * height], vec![blue; quarter], vec![red; quarter]] }
    }

    /// Samples across and down a plane.
    pub(super) fn size(&self, plane: usize) -> (usize, usize) {
        if plane == 0 { (self.width, self.height) } else { (self.width / 2, self.height / 2) }
    }

    /// Fills a rectangle.
    pub(super) fn fill(&mut self, (left, top): (usize, usize), (across, down): (usize, usize), colour: Colour) {
        let values = colour.samples();
        for (plane, value) in values.into_iter().enumerate() {
            let half = usize::from(plane > 0);
            let (width, _) = self.size(plane);
            let (left, right) = ((left >> half).min(width), ((left + across) >> half).min(width));
            let rows = self.samples[plane].chunks_exact_mut(width).skip(top >> half);
            for row in rows.take(((top + down) >> half) - (top >> half)) {
                if let Some(part) = row.get_mut(left..right) {
                    part.fill(value);
                }
            }
        }
    }

    /// As red, green and blue.
    pub(super) fn to_rgb(&self) -> RgbImage {
        let mut picture = RgbImage::new(self.width as u32, self.height as u32);
        let [luma, blue, red] = &self.samples;
        let half = self.width / 2;
        let rows = picture.chunks_exact_mut(self.width * 3).zip(luma.chunks_exact(self.width)).enumerate();
        for (y, (out, luma)) in rows {
            let colour = (y / 2 * half)..(y / 2 * half + half);
            let colours = blue[colour.clone()].iter().zip(&red[colour]);
            for ((out, luma), (&blue, &red)) in out.chunks_exact_mut(6).zip(luma.chunks_exact(2)).zip(colours) {
                let (blue, red) = (i32::from(blue) - 128, i32::from(red) - 128);
                // The factors of JFIF, times 65,536.
                let parts = [91_881 * red, -22_554 * blue - 46_802 * red, 116_130 * blue];
                for (pixel, &luma) in out.chunks_exact_mut(3).zip(luma) {
                    for (channel, part) in pixel.iter_mut().zip(parts) {
                        *channel = (i32::from(luma) + ((part + 32_768) >> 16)).clamp(0, 255) as u8;
                    }
                }
            }
        }
        picture
    }
}
