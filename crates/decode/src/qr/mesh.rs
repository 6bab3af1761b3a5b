//! Follows a bent or crumpled surface: a mesh of nodes every few modules, each moved to where the modules around it are
//! clearest black and white, outward from the finder patterns, and held together by their neighbours.

use super::super::clock::Deadline;
use super::fit::{self, Fit};
use super::node_window::{NodeWindow, Steps};
use super::plane::Plane;

/// Modules between two nodes, about.
pub(super) const SPACING: f32 = 3.5;

/// A mesh over a fit.
struct Mesh<'a> {
    fit: &'a Fit,
    /// Nodes on a side.
    count: usize,
    /// Modules between two nodes.
    spacing: f32,
    /// How far each node has moved, in pixels.
    moved: Vec<[f32; 2]>,
    settled: Vec<bool>,
    /// The middles of all modules by the flat fit, row after row.
    flat: Vec<[f32; 2]>,
    /// Expected colours, row after row: 0 where the code decides.
    known: Vec<f32>,
}

/// Modules that following a code `side` modules wide looks at.
pub(super) fn cost(side: usize) -> u64 {
    let nodes = (side as f32 / SPACING).powi(2);
    // 49 modules around each of 99 places.
    (nodes * 49.0 * 99.0) as u64
}

/// Nodes on a side of a code `side` modules wide, and the modules between two of them.
pub(super) fn nodes(side: usize) -> (usize, f32) {
    let reach = (side - 1) as f32;
    let count = (reach / SPACING).round().max(2.0) as usize + 1;
    (count, reach / (count - 1) as f32)
}

/// The middles of all modules, row after row.
pub(super) fn follow(plane: Plane<'_>, fit: &Fit, deadline: Deadline) -> Vec<[f32; 2]> {
    let (count, spacing) = nodes(fit.side);
    let mut mesh = Mesh {
        fit,
        count,
        spacing,
        moved: vec![[0.0; 2]; count * count],
        settled: vec![false; count * count],
        flat: fit.flat(),
        known: fit::known(fit.patches, fit.side),
    };
    let mut order: Vec<usize> = (0..count * count).collect();
    order.sort_by(|&a, &b| mesh.anchor_distance(a).total_cmp(&mesh.anchor_distance(b)));
    // Reach and step of the search in modules, and how strongly neighbours hold.
    for (reach, step, hold) in [(0.75, 0.25, 0.12), (0.4, 0.2, 0.25), (0.2, 0.1, 0.25)] {
        for &node in &order {
            if deadline.is_over() {
                return mesh.places();
            }
            mesh.settle(plane, node, reach, step, hold);
        }
    }
    mesh.places()
}

impl Mesh<'_> {
    /// A node's place in modules.
    fn module(&self, node: usize) -> [f32; 2] {
        [(node % self.count) as f32 * self.spacing + 0.5, (node / self.count) as f32 * self.spacing + 0.5]
    }

    /// Modules from a node to the nearest pattern that the flat fit was laid on.
    fn anchor_distance(&self, node: usize) -> f32 {
        let [x, y] = self.module(node);
        let (near, far) = (3.5, self.fit.side as f32 - 3.5);
        let alignment = self.fit.side as f32 - 6.5;
        let anchors = [[near, near], [far, near], [near, far], [alignment, alignment]];
        anchors.into_iter().map(|[ax, ay]| (ax - x).hypot(ay - y)).fold(f32::MAX, f32::min)
    }

    /// Moves one node to where its neighbourhood is clearest, not far from where its settled neighbours say it is.
    fn settle(&mut self, plane: Plane<'_>, node: usize, reach: f32, step: f32, hold: f32) {
        let expected = self.expected(node);
        let middle = self.module(node).map(|at| at as i32);
        let flat = |column: usize, row: usize| self.flat.get(row * self.fit.side + column).copied().unwrap_or_default();
        let around = NodeWindow::of(middle, &self.known, self.fit.side, flat);
        let levels = around.levels(plane, expected);
        let unit = self.fit.module;
        let each_way = (reach / step).round() as usize;
        let steps = Steps { each_way, step: step * unit };
        let grid = around.clearness_on_grid(plane, expected, &steps, levels);
        let mut best = (f32::MIN, expected);
        let away = |at: usize| (at as f32 - each_way as f32) * step;
        for (down, row) in grid.iter().take(2 * each_way + 1).enumerate() {
            for (right, clearness) in row.iter().take(2 * each_way + 1).enumerate() {
                let (dx, dy) = (away(right), away(down));
                let score = clearness - hold * (dx * dx + dy * dy);
                if score > best.0 {
                    best = (score, [expected[0] + dx * unit, expected[1] + dy * unit]);
                }
            }
        }
        if let (Some(moved), Some(settled)) = (self.moved.get_mut(node), self.settled.get_mut(node)) {
            (*moved, *settled) = (best.1, true);
        }
    }

    /// How far the settled nodes around say that a node has moved.
    fn expected(&self, node: usize) -> [f32; 2] {
        let (x, y) = ((node % self.count) as i32, (node / self.count) as i32);
        let (mut sum, mut weights) = ([0.0, 0.0], 0.0);
        for (dx, dy) in (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy))) {
            let (x, y) = (x + dx, y + dy);
            let inside = (0..self.count as i32).contains(&x) && (0..self.count as i32).contains(&y);
            let index = (y * self.count as i32 + x) as usize;
            if !inside || !self.settled.get(index).copied().unwrap_or(false) {
                continue;
            }
            let Some(moved) = self.moved.get(index) else { continue };
            let weight = if dx == 0 || dy == 0 { 1.0 } else { 0.6 };
            sum = [sum[0] + moved[0] * weight, sum[1] + moved[1] * weight];
            weights += weight;
        }
        if weights == 0.0 { [0.0, 0.0] } else { [sum[0] / weights, sum[1] / weights] }
    }

    /// The middles of all modules: the flat fit, moved as the four nodes around say.
    fn places(&self) -> Vec<[f32; 2]> {
        let mut places = self.flat.clone();
        for (index, place) in places.iter_mut().enumerate() {
            let (column, row) = ((index % self.fit.side) as f32, (index / self.fit.side) as f32);
            let (x, y) = (column / self.spacing, row / self.spacing);
            let (left, top) = ((x as usize).min(self.count - 2), (y as usize).min(self.count - 2));
            let (across, down) = (x - left as f32, y - top as f32);
            let nodes = [
                (0, 0, (1.0 - across) * (1.0 - down)),
                (1, 0, across * (1.0 - down)),
                (0, 1, (1.0 - across) * down),
                (1, 1, across * down),
            ];
            for (dx, dy, weight) in nodes {
                let moved = self.moved.get((top + dy) * self.count + left + dx).copied().unwrap_or([0.0; 2]);
                *place = [place[0] + moved[0] * weight, place[1] + moved[1] * weight];
            }
        }
        places
    }
}
