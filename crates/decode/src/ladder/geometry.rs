//! Four-cornered outlines.

/// A symbol's outline: top left, top right, bottom right, bottom left as the symbol itself stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Quad(pub [[f32; 2]; 4]);

impl Quad {
    pub(super) fn scaled(&self, by: f32) -> Quad {
        Quad(self.0.map(|[x, y]| [x * by, y * by]))
    }

    pub(super) fn centre(&self) -> [f32; 2] {
        let [x, y] = self.0.iter().fold([0.0, 0.0], |[x, y], corner| [x + corner[0], y + corner[1]]);
        [x / 4.0, y / 4.0]
    }

    /// Twice the enclosed area, positive when the corners run clockwise on screen.
    fn signed_area_2(&self) -> f32 {
        let [a, b, c, d] = self.0;
        cross(a, b, c) + cross(a, c, d)
    }

    /// Mean length of a side.
    pub(super) fn size(&self) -> f32 {
        (self.signed_area_2().abs() / 2.0).sqrt()
    }

    /// Whether the point lies inside or within `margin` of an edge.
    pub(super) fn holds(&self, point: [f32; 2], margin: f32) -> bool {
        let turn = if self.signed_area_2() < 0.0 { -1.0 } else { 1.0 };
        let [a, b, c, d] = self.0;
        [(a, b), (b, c), (c, d), (d, a)].into_iter().all(|(from, to)| {
            let [dx, dy] = [to[0] - from[0], to[1] - from[1]];
            // Not `hypot`, a call for each edge of each code: on a sheet that is a twentieth of the time.
            let length = if margin > 0.0 { (dx * dx + dy * dy).sqrt() } else { 0.0 };
            turn * cross(from, to, point) >= -margin * length
        })
    }

    /// Whether two outlines are the same symbol seen twice: centres within each other and sizes alike.
    pub(super) fn is_same_place(&self, other: &Quad) -> bool {
        let (mine, theirs) = (self.size(), other.size());
        mine < theirs * 2.0
            && theirs < mine * 2.0
            && (self.holds(other.centre(), 0.0) || other.holds(self.centre(), 0.0))
    }
}

/// Twice the area of the triangle, positive when it runs clockwise on screen.
fn cross(a: [f32; 2], b: [f32; 2], c: [f32; 2]) -> f32 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: Quad = Quad([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]]);

    #[test]
    fn holds_points_inside_whichever_way_it_turns() {
        let mirrored = Quad([SQUARE.0[0], SQUARE.0[3], SQUARE.0[2], SQUARE.0[1]]);
        for quad in [SQUARE, mirrored] {
            assert!(quad.holds([5.0, 5.0], 0.0));
            assert!(!quad.holds([11.0, 5.0], 0.0));
            assert!(quad.holds([11.0, 5.0], 1.5));
            assert_eq!(quad.size(), 10.0);
        }
    }

    #[test]
    fn a_small_code_inside_a_large_one_is_another_code() {
        let small = SQUARE.scaled(0.3);
        let logo = Quad(small.0.map(|[x, y]| [x + 3.5, y + 3.5]));
        assert!(!SQUARE.is_same_place(&logo));
        assert!(SQUARE.is_same_place(&SQUARE.scaled(1.1)));
        let beside = Quad(SQUARE.0.map(|[x, y]| [x + 12.0, y]));
        assert!(!SQUARE.is_same_place(&beside));
    }
}
