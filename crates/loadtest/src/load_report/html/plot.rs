//! Line plots as SVG: axes with round ticks, a grid, lines with their legend, and words for who cannot see them.

use std::fmt::Write as _;

use super::super::format::number;
use super::escape;

/// Size of the drawing in its own units; the page scales it.
const SIZE: (f64, f64) = (560.0, 280.0);
/// Room for labels: left, right, top, bottom.
const ROOM: (f64, f64, f64, f64) = (78.0, 16.0, 36.0, 50.0);
/// Ticks aimed at.
const TICKS: f64 = 5.0;

/// How values lie on an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AxisScale {
    /// Evenly, from zero.
    Linear,
    /// By their logarithm.
    Log,
}

/// One axis.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// What it counts, in words.
    pub label: String,
    /// How.
    pub scale: AxisScale,
    /// Its ticks where they are not round numbers: position and label.
    pub ticks: Option<Vec<(f64, String)>>,
    /// How its values are shown.
    pub show: fn(f64) -> String,
}

impl Axis {
    /// An even axis with round ticks.
    pub(super) fn linear(label: impl Into<String>) -> Axis {
        Axis { label: label.into(), scale: AxisScale::Linear, ticks: None, show: number }
    }
}

/// One line.
#[derive(Clone, Debug)]
pub(super) struct PlotLine {
    /// Its name in the legend.
    pub name: String,
    /// Its colour, a letter from `a` to `e` of the page's style.
    pub colour: char,
    /// Drawn with dashes: what was asked or allowed, or was before.
    pub is_dashed: bool,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
}

impl PlotLine {
    /// A solid line.
    pub(super) fn new(name: impl Into<String>, colour: char, points: Vec<(f64, f64)>) -> PlotLine {
        PlotLine { name: name.into(), colour, is_dashed: false, points }
    }

    /// The same with dashes.
    pub(super) fn dashed(mut self) -> PlotLine {
        self.is_dashed = true;
        self
    }

    /// The same as stairs: each value holds until the next.
    pub(super) fn stairs(mut self) -> PlotLine {
        let mut stairs: Vec<(f64, f64)> = Vec::with_capacity(self.points.len() * 2);
        for (x, y) in self.points {
            if let Some((_, before)) = stairs.last().copied()
                && before != y
            {
                stairs.push((x, before));
            }
            stairs.push((x, y));
        }
        self.points = stairs;
        self
    }
}

/// A plot with its title.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    /// Unique on the page.
    pub id: &'static str,
    /// What it shows.
    pub title: String,
    /// More about that, below the title.
    pub about: String,
    /// From left to right.
    pub x: Axis,
    /// From bottom to top.
    pub y: Axis,
    /// Its lines.
    pub lines: Vec<PlotLine>,
}

/// Values of an axis put into drawing units.
struct AxisSpan {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    scale: AxisScale,
}

impl AxisSpan {
    fn at(&self, value: f64) -> f64 {
        let place = |value: f64| match self.scale {
            AxisScale::Linear => value,
            AxisScale::Log => value.max(self.low).log10(),
        };
        let part = (place(value) - place(self.low)) / (place(self.high) - place(self.low)).max(1e-12);
        self.from + part.clamp(0.0, 1.0) * (self.to - self.from)
    }
}

impl Plot {
    /// The plot as a figure of HTML; nothing when no line has two points.
    pub(super) fn figure(&self) -> String {
        let lines: Vec<&PlotLine> = self.lines.iter().filter(|line| line.points.len() > 1).collect();
        if lines.is_empty() {
            return String::new();
        }
        let points = || lines.iter().flat_map(|line| &line.points);
        let (x_ticks, x) = self.x.span(points().map(|point| point.0), (ROOM.0, SIZE.0 - ROOM.1), true);
        let (y_ticks, y) = self.y.span(points().map(|point| point.1), (SIZE.1 - ROOM.3, ROOM.2), false);
        let mut svg = String::new();
        let (id, title) = (self.id, escape(&self.title));
        let _ = write!(
            svg,
            "<svg class=\"plot\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" {} {}>",
            SIZE.0,
            SIZE.1,
            x.data('x'),
            y.data('y')
        );
        let _ = write!(svg, "<title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{}</desc>", self.words(&lines));
        for (value, label) in &y_ticks {
            let at = y.at(*value);
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text class=\"end\" x=\"{}\" y=\"{:.1}\">{}</text>",
                ROOM.0,
                SIZE.0 - ROOM.1,
                ROOM.0 - 7.0,
                at + 4.5,
                escape(label)
            );
        }
        for (value, label) in &x_ticks {
            let at = x.at(*value);
            let base = SIZE.1 - ROOM.3;
            let _ = write!(
                svg,
                "<line class=\"tick\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{base}\" y2=\"{:.1}\"/><text class=\"mid\" x=\"{at:.1}\" y=\"{:.1}\">{}</text>",
                base + 5.0,
                base + 22.0,
                escape(label)
            );
        }
        let _ = write!(
            svg,
            "<line class=\"axis\" x1=\"{0}\" x2=\"{1}\" y1=\"{2}\" y2=\"{2}\"/><text class=\"unit\" x=\"4\" y=\"16\">{3}</text><text class=\"unit end\" x=\"{1}\" y=\"{4}\">{5}</text>",
            ROOM.0,
            SIZE.0 - ROOM.1,
            SIZE.1 - ROOM.3,
            escape(&self.y.label),
            SIZE.1 - 5.0,
            escape(&self.x.label)
        );
        for line in &lines {
            let class = if line.is_dashed { " dashed" } else { "" };
            let _ = write!(
                svg,
                "<polyline class=\"l-{}{class}\" data-name=\"{}\" points=\"",
                line.colour,
                escape(&line.name)
            );
            for (px, py) in &line.points {
                let _ = write!(svg, "{:.1},{:.1} ", x.at(*px), y.at(*py));
            }
            svg.push_str("\"/>");
        }
        let base = SIZE.1 - ROOM.3;
        let _ = write!(svg, "<line class=\"cursor\" x1=\"0\" x2=\"0\" y1=\"{}\" y2=\"{base}\"/></svg>", ROOM.2);
        let legend: String = lines
            .iter()
            .map(|line| {
                let class = if line.is_dashed { " dashed" } else { "" };
                format!("<li><i class=\"l-{}{class}\"></i>{}</li>", line.colour, escape(&line.name))
            })
            .collect();
        format!(
            "<figure class=\"card\" id=\"{id}\"><figcaption><h2>{title}</h2><p class=\"soft\">{}</p></figcaption><ul class=\"legend\">{legend}</ul>{svg}<p class=\"tip\" aria-hidden=\"true\"></p></figure>",
            escape(&self.about)
        )
    }

    /// The lines in words.
    fn words(&self, lines: &[&PlotLine]) -> String {
        let words: Vec<String> = lines
            .iter()
            .map(|line| {
                let most = line.points.iter().map(|point| point.1).fold(f64::MIN, f64::max);
                let least = line.points.iter().map(|point| point.1).fold(f64::MAX, f64::min);
                let last = line.points.last().map_or(0.0, |point| point.1);
                let show = self.y.show;
                format!("{}: {} to {}, at the end {}", line.name, show(least), show(most), show(last))
            })
            .collect();
        escape(&format!("{} by {}. {}.", self.y.label, self.x.label, words.join("; ")))
    }
}

impl AxisSpan {
    /// What the page's script needs to read values back.
    fn data(&self, axis: char) -> String {
        let scale = if self.scale == AxisScale::Log { "log" } else { "linear" };
        let AxisSpan { low, high, from, to, .. } = self;
        format!("data-{axis}=\"{low} {high} {from} {to} {scale}\"")
    }
}

impl Axis {
    /// Ticks with labels, and the span they lie in. Lengthwise axes end with the data, the others with a tick.
    fn span(
        &self,
        values: impl Iterator<Item = f64>,
        (from, to): (f64, f64),
        is_lengthwise: bool,
    ) -> (Vec<(f64, String)>, AxisSpan) {
        let (mut low, mut high) = values
            .filter(|value| value.is_finite() && (self.scale == AxisScale::Linear || *value > 0.0))
            .fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        if low > high {
            (low, high) = (1.0, 10.0);
        }
        let ticks = match self.scale {
            AxisScale::Linear => {
                low = low.min(0.0);
                high = high.max(low + 1e-9);
                let step = round_step((high - low) / TICKS);
                if !is_lengthwise {
                    high = (high / step).ceil() * step;
                }
                // Ticks are at round numbers, also where the axis does not begin with one.
                let first = (low / step - 1e-6).ceil() * step;
                let count = ((high - first) / step + 1e-6).floor() as u32;
                (0..=count).map(|index| first + f64::from(index) * step).collect::<Vec<f64>>()
            }
            AxisScale::Log => {
                (low, high) = (10_f64.powf(low.log10().floor()), 10_f64.powf(high.log10().ceil()));
                high = high.max(low * 10.0);
                let decades = (high / low).log10().round();
                let between: &[f64] = if decades <= 2.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
                let starts = (0..=decades as i32).map(|decade| low * 10_f64.powi(decade));
                starts
                    .flat_map(|start| between.iter().map(move |part| start * part))
                    .filter(|tick| *tick <= high * 1.001)
                    .collect()
            }
        };
        let labelled = match &self.ticks {
            Some(own) => own.iter().filter(|(at, _)| *at >= low && *at <= high).cloned().collect(),
            None => {
                let is_fine = ticks.windows(2).next().is_some_and(|pair| pair[1] - pair[0] < 0.1);
                let label = |tick: f64| match self.scale {
                    // The same digits on every tick.
                    AxisScale::Linear if is_fine => format!("{tick:.2}"),
                    AxisScale::Linear if ticks.iter().any(|tick| tick.fract().abs() > 1e-6) => format!("{tick:.1}"),
                    AxisScale::Linear | AxisScale::Log => (self.show)(tick),
                };
                ticks.iter().map(|tick| (*tick, label(*tick))).collect()
            }
        };
        (labelled, AxisSpan { low, high, from, to, scale: self.scale })
    }
}

/// 1, 2 or 5 times a power of ten, at least `step`.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.max(1e-12).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|part| part * power).find(|round| *round >= step * 0.999).unwrap_or(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        for (step, expected) in [(0.9, 1.0), (1.1, 2.0), (3.0, 5.0), (7.0, 10.0), (230.0, 500.0), (0.013, 0.02)] {
            assert!((round_step(step) - expected).abs() < 1e-9, "{step}: {}", round_step(step));
        }
        let (ticks, span) = Axis::linear("n").span([3.0, 97.0].into_iter(), (0.0, 100.0), false);
        assert_eq!((span.low, span.high), (0.0, 100.0));
        assert_eq!(ticks.iter().map(|tick| tick.1.as_str()).collect::<Vec<_>>(), ["0", "20", "40", "60", "80", "100"]);
        let log = Axis { scale: AxisScale::Log, ..Axis::linear("ms") };
        let (ticks, span) = log.span([0.0, 3.0, 4_500.0].into_iter(), (0.0, 90.0), false);
        assert_eq!((span.low, span.high), (1.0, 10_000.0));
        assert_eq!(ticks.len(), 5);
        assert!((span.at(100.0) - 45.0).abs() < 1e-9);
        assert_eq!(span.at(0.0), 0.0, "below the span is at its edge");
    }

    #[test]
    fn a_plot_without_data_is_nothing_and_one_value_is_no_fault() {
        let mut plot = Plot {
            id: "p",
            title: "a < b".into(),
            about: String::new(),
            x: Axis::linear("s"),
            y: Axis::linear("n"),
            lines: vec![PlotLine::new("x", 'a', vec![(0.0, 1.0)])],
        };
        assert_eq!(plot.figure(), "");
        plot.lines[0].points = vec![(0.0, 0.0), (0.0, 0.0)];
        let figure = plot.figure();
        assert!(figure.contains("a &lt; b") && !figure.contains("NaN") && !figure.contains("inf"), "{figure}");
    }

    #[test]
    fn stairs_hold_a_value_until_the_next() {
        let line = PlotLine::new("limit", 'a', vec![(0.0, 1.0), (5.0, 1.0), (6.0, 3.0)]).stairs();
        assert_eq!(line.points, [(0.0, 1.0), (5.0, 1.0), (6.0, 1.0), (6.0, 3.0)]);
    }
}
