//! Draws every scenario of `tests/scenarios/` in simulated time, one page of plots:
//! `cargo bench -p scanmill-scale`, which says where the page is.

#[path = "../tests/model/mod.rs"]
mod model;

use std::path::Path;

use model::Outcome;
use plotters::prelude::*;

/// Size of a plot in pixels.
const SIZE: (u32, u32) = (640, 360);
const RATE: RGBColor = RGBColor(0, 114, 178);
const IDEAL: RGBColor = RGBColor(120, 120, 120);
const IN_FLIGHT: RGBColor = RGBColor(213, 94, 0);
const LIMIT: RGBColor = RGBColor(0, 158, 115);

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/scenarios");
    std::fs::create_dir_all(&folder).expect("cannot make target/scenarios");
    let mut page = String::from(
        "<!doctype html><meta charset=\"utf-8\"><title>Scenarios of the autoscaler</title>\
         <style>body{font:15px system-ui;margin:2em}figure{display:inline-block;margin:0 1em 1em 0}</style>\
         <h1>Scenarios of the autoscaler</h1>\n\
         <p>Photos a second (blue) beside what the scarcest part allows (grey); most messages in flight (red) and the \
         limit on fetches (green) on the axis at the right.</p>\n",
    );
    let mut missed = 0;
    for outcome in model::run_all() {
        eprintln!("{}", outcome.words());
        missed += usize::from(!outcome.is_as_expected());
        page += &format!("<figure>{}<figcaption>{}</figcaption></figure>\n", drawn(&outcome), outcome.words());
    }
    let path = folder.join("index.html");
    std::fs::write(&path, page).expect("cannot write the page");
    eprintln!("{}: {missed} scenarios outside their ranges", path.display());
}

/// The plot as SVG.
fn drawn(outcome: &Outcome) -> String {
    let mut svg = String::new();
    let seconds = || outcome.seconds.iter().enumerate().map(|(at, second)| (at as f64, second));
    let most = |of: fn(&model::Second) -> f64| seconds().map(|(_, second)| of(second)).fold(1.0, f64::max) * 1.1;
    let left = most(|it| (it.photos as f64).max(it.ideal));
    let right = most(|it| it.in_flight.max(it.limit) as f64);
    let x = 0.0..outcome.seconds.len() as f64;
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .caption(&outcome.name, ("sans-serif", 18))
            .margin(8)
            .x_label_area_size(36)
            .y_label_area_size(64)
            .right_y_label_area_size(64)
            .build_cartesian_2d(x.clone(), 0.0..left)
            .expect("cannot draw")
            .set_secondary_coord(x, 0.0..right);
        chart
            .configure_mesh()
            .x_desc("seconds")
            .y_desc("photos/s")
            .light_line_style(WHITE)
            .draw()
            .expect("cannot draw");
        chart.configure_secondary_axes().y_desc("in flight, fetch limit").draw().expect("cannot draw");
        let line = |of: fn(&model::Second) -> f64, colour: RGBColor| {
            LineSeries::new(seconds().map(move |(at, second)| (at, of(second))), colour.stroke_width(2))
        };
        chart.draw_series(line(|it| it.ideal, IDEAL)).expect("cannot draw");
        chart.draw_series(line(|it| it.photos as f64, RATE)).expect("cannot draw");
        chart.draw_secondary_series(line(|it| it.in_flight as f64, IN_FLIGHT)).expect("cannot draw");
        chart.draw_secondary_series(line(|it| it.limit as f64, LIMIT)).expect("cannot draw");
        root.present().expect("cannot draw");
    }
    svg
}
