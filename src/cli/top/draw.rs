//! One look at an engine as a screen.

use std::net::SocketAddr;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Gauge, Paragraph, Row, Sparkline, Table, Wrap};

use super::Shown;
use super::view::{StageView, View};
use crate::diagnostics::noun;
use crate::pump::load_report::format::{bytes, millis, millis_or_dash, number};

/// Looks whose mean is called the rate.
const LATEST: usize = 5;

/// Draws what was seen of the engine at `page`.
pub(super) fn draw(frame: &mut Frame<'_>, shown: &Shown, page: SocketAddr) {
    let Some(view) = &shown.view else {
        let why = shown.silent.as_ref().map_or("asking", |(why, _)| why);
        frame.render_widget(
            Paragraph::new(format!("no answer from http://{page}/: {why}\n\nq ends this")),
            frame.area(),
        );
        return;
    };
    let areas = Layout::vertical(heights(frame.area().height, view).map(Constraint::Length));
    let [head, curve, pipeline, held, memory, rejected, foot] = areas.areas(frame.area());
    frame.render_widget(head_lines(view, shown, page), head);
    rates(frame, shown, curve);
    frame.render_widget(table(view, pipeline), pipeline);
    frame.render_widget(bottleneck(view), held);
    budgets(frame, view, memory);
    frame.render_widget(rejections(view), rejected);
    frame.render_widget(Paragraph::new(Line::from("q ends this").dark_gray()), foot);
}

/// Lines for each part, from the top. The stages come first, then what is short; the curve and what holds the rate have
/// the rest, each as a whole or not at all.
fn heights(height: u16, view: &View) -> [u16; 7] {
    let mut left = height;
    let mut take = |least: u16, most: u16| {
        let taken = if left >= least { left.min(most) } else { 0 };
        left -= taken;
        taken
    };
    let (places, budgets) = (view.pipeline.len() as u16, view.budgets.len() as u16);
    let head = take(1, 2);
    let pipeline = take(1, places + AROUND_STAGES);
    let foot = take(1, 1);
    let memory = take(budgets, budgets);
    let held = take(3, 4);
    let rejected = take(1, 1);
    let curve = take(3, 5);
    let more_held = take(1, 1);
    let rest = take(0, u16::MAX);
    [head, curve, pipeline, held + if held > 0 { more_held } else { 0 }, memory, rejected + rest, foot]
}

/// Lines of the table of stages beside theirs: its frame and its head.
const AROUND_STAGES: u16 = 3;

fn head_lines<'a>(view: &View, shown: &Shown, page: SocketAddr) -> Paragraph<'a> {
    let phase = if view.phase == "running" && view.stopped_by.is_none() {
        Span::from(view.phase.clone()).green().bold()
    } else {
        Span::from(view.phase.clone()).yellow().bold()
    };
    let resident = view.resident.map_or(String::new(), |resident| format!(" · {}", bytes(resident as f64)));
    let first = Line::from(vec![
        "scanmill ".bold(),
        phase,
        format!(" · up {} · http://{page}/{resident}", uptime(view.uptime)).into(),
    ]);
    let second = match (&shown.silent, &view.stopped_by) {
        (Some((why, since)), _) => {
            Line::from(format!("no answer for {} s, showing the last one: {why}", since.elapsed().as_secs())).red()
        }
        (None, Some(why)) => Line::from(format!("nothing is taken in: {why}")).red(),
        (None, None) => {
            let rejected = view.rejections.iter().map(|(_, photos)| photos).sum::<u64>();
            let count = |count: u64| number(count as f64);
            Line::from(format!(
                "since start: {} {} · {} {} · {} rejected",
                count(view.photos),
                noun(view.photos, "photo"),
                count(view.scans),
                noun(view.scans, "scan"),
                count(rejected)
            ))
        }
    };
    Paragraph::new(vec![first, second])
}

fn rates(frame: &mut Frame<'_>, shown: &Shown, area: Rect) {
    // Rows become durable in batches, so one look alone jumps.
    let latest = &shown.rates[shown.rates.len().saturating_sub(LATEST)..];
    let mean = latest.iter().sum::<f64>() / latest.len().max(1) as f64;
    let now = if latest.is_empty() { "–".to_owned() } else { number(mean) };
    let ceiling = shown.view.as_ref().and_then(|view| view.ceiling);
    let allows =
        ceiling.map_or(String::new(), |ceiling| format!("; what limits the rate allows {}/s", number(ceiling)));
    let width = usize::from(area.width.saturating_sub(2));
    // What the engine keeps reaches further back than the looks of this terminal; one that keeps nothing is shown by those.
    let (kept, every) =
        if shown.past.is_empty() { (&shown.rates, shown.every) } else { (&shown.past, shown.past_every) };
    let kept = &kept[kept.len().saturating_sub(width)..];
    let span = uptime(kept.len() as u64 * every);
    let most = number(kept.iter().copied().fold(0.0, f64::max));
    let block = Block::bordered().title(format!(" {now} photos/s{allows}; in {span} at most {most} "));
    // In hundredths: rates below one are seen too.
    let data: Vec<u64> = kept.iter().map(|rate| (rate * 100.0).round() as u64).collect();
    frame.render_widget(Sparkline::default().block(block).data(&data).style(Style::new().fg(Color::Cyan)), area);
}

/// The columns of the table of stages, with their widths; the last takes what is left.
const COLUMNS: [(&str, u16); 6] = [("stage", 10), ("at work", 16), ("held", 22), ("p50", 10), ("p99", 10), ("", 14)];

/// The least that a column is shown with.
const LEAST_COLUMN: u16 = 12;

/// As many columns as the place has width for; frame and head only where every stage has its line beside them.
fn table<'a>(view: &View, place: Rect) -> Table<'a> {
    let mut begins = 0;
    let fits = |(_, wide): &&(&str, u16)| {
        let least = begins + (*wide).min(LEAST_COLUMN);
        begins += wide + 1;
        least <= place.width.saturating_sub(2)
    };
    // The last column may be cut: what it says of the bottleneck, the colour of the line says too.
    let columns = match COLUMNS.iter().take_while(fits).count() {
        columns @ 0..=4 => columns.max(2),
        _ => COLUMNS.len(),
    };
    let rows = view.pipeline.iter().map(|place| {
        let row = Row::new(cells(place).into_iter().take(columns));
        if place.holds { row.yellow().bold() } else { row }
    });
    let last = columns - 1;
    let width_of = |(at, (_, wide)): (usize, &(&str, u16))| match at == last {
        true => Constraint::Min(0),
        false => Constraint::Length(*wide),
    };
    let widths: Vec<Constraint> = COLUMNS.iter().take(columns).enumerate().map(width_of).collect();
    let table = Table::new(rows, widths);
    let around = place.height.saturating_sub(view.pipeline.len() as u16);
    let head = || Row::new(COLUMNS.map(|(name, _)| name).into_iter().take(columns)).dark_gray();
    match around {
        0 => table,
        1..AROUND_STAGES => table.header(head()),
        _ => table.header(head()).block(Block::bordered().title(" Pipeline ")),
    }
}

fn cells(place: &StageView) -> [String; 6] {
    let count = |count: u64| number(count as f64);
    let work = place.work.map_or(String::new(), |(used, limit)| format!("{} of {}", count(used), count(limit)));
    let held = place.held.as_ref().map_or(String::new(), |(held, words)| format!("{} {words}", count(*held)));
    let (p50, p99) = place.time.map_or_else(Default::default, |(p50, p99)| (millis(p50), millis_or_dash(p99)));
    let also = place.also.iter().map(|(many, words)| format!("{} {words}", count(*many)));
    let said: Vec<String> = place.holds.then(|| "limits the rate".to_owned()).into_iter().chain(also).collect();
    [place.name.clone(), work, held, p50, p99, said.join(", ")]
}

fn bottleneck<'a>(view: &View) -> Paragraph<'a> {
    let block = Block::bordered().title(" What limits the rate ");
    let Some((title, evidence, remedy)) = view.bottleneck.clone() else {
        return Paragraph::new("unknown").block(block);
    };
    let lines = vec![
        Line::from(vec![Span::from(title).bold(), ": ".into(), evidence.into()]),
        Line::from(if remedy.is_empty() { String::new() } else { format!("remedy: {remedy}") }).dark_gray(),
    ];
    Paragraph::new(lines).wrap(Wrap { trim: true }).block(block)
}

fn budgets(frame: &mut Frame<'_>, view: &View, area: Rect) {
    let lines = Layout::vertical(view.budgets.iter().map(|_| Constraint::Length(1))).split(area);
    // A text has its line whatever the place: one without height would be drawn outside of the screen.
    for (budget, line) in view.budgets.iter().zip(lines.iter()).filter(|(_, line)| !line.is_empty()) {
        let [name, bar] = Layout::horizontal([Constraint::Length(16), Constraint::Min(10)]).areas(*line);
        frame.render_widget(format!("memory {}", budget.name), name);
        let share = (budget.used as f64 / budget.limit.max(1) as f64).min(1.0);
        let colour = if share > 0.95 { Color::Yellow } else { Color::Cyan };
        let words = format!("{} of {}", bytes(budget.used as f64), bytes(budget.limit as f64));
        frame.render_widget(Gauge::default().ratio(share).label(words).gauge_style(Style::new().fg(colour)), bar);
    }
}

fn rejections<'a>(view: &View) -> Paragraph<'a> {
    let words: Vec<String> =
        view.rejections.iter().map(|(reason, photos)| format!("{} {reason}", number(*photos as f64))).collect();
    let words = if words.is_empty() { "none".to_owned() } else { words.join(" · ") };
    Paragraph::new(format!("rejected: {words}")).wrap(Wrap { trim: true })
}

fn uptime(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use serde_json::json;

    use super::*;

    fn screen(shown: &Shown, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, shown, "127.0.0.1:9464".parse().unwrap())).unwrap();
        terminal.backend().to_string()
    }

    fn working() -> Shown {
        let state = json!({
            "engine": { "phase": "running", "uptime_seconds": 4_000 },
            "totals": { "photos": 12_345, "scans": 12_600, "rejections": { "no_code": 40, "truncated": 2, "empty": 0 } },
            "budgets": { "decode_bytes": { "used": 600_000_000, "limit": 1_000_000_000 } },
            "pipeline": [
                { "name": "queue", "held": { "count": 77, "words": "waiting" }, "also": [{ "count": 3, "words": "in flight" }] },
                { "name": "decode", "work": { "used": 31, "limit": 32 }, "time": { "p50_ms": 2.5, "p99_ms": 80.0 }, "holds": true },
            ],
            "bottleneck": { "stage": "cpu", "title": "CPU", "evidence": "all 16 threads are at work", "remedy": "more cores" },
        });
        let mut shown = Shown::default();
        shown.took(Ok(View::of(&state)), Instant::now());
        shown
    }

    #[test]
    fn a_working_engine_is_shown_with_what_holds_it() {
        let screen = screen(&working(), 100, 34);
        for part in [
            "running",
            "66 min",
            "77 waiting",
            "3 in flight",
            "31 of 32",
            "limits the rate",
            "all 16 threads",
            "more cores",
            "40 no_code",
        ] {
            assert!(screen.contains(part), "{part}\n{screen}");
        }
        assert!(!screen.contains("empty"), "a reason that nothing was rejected for\n{screen}");
    }

    #[test]
    fn the_curve_begins_with_what_the_engine_kept() {
        let mut shown = working();
        assert!(!screen(&shown, 100, 34).contains("at most 12"));
        let points: Vec<_> = (0..180).map(|at| json!({ "photos_per_second": at % 13 })).collect();
        shown.took_past(&json!({ "every_seconds": 5, "points": points }));
        let text = screen(&shown, 200, 34);
        assert!(text.contains("in 15 min at most 12"), "{text}");
    }

    #[test]
    fn an_engine_that_is_gone_leaves_its_last_figures_and_says_so() {
        let mut shown = working();
        shown.took(Err("connection refused".into()), Instant::now());
        let screen = screen(&shown, 100, 34);
        assert!(screen.contains("no answer for") && screen.contains("connection refused"), "{screen}");
        assert!(screen.contains("31 of 32"), "{screen}");
    }

    /// As a real engine tells it: eight stages, two budgets.
    fn whole_pipeline() -> Shown {
        let stage = |name: &str| {
            json!({ "name": name, "work": { "used": 3, "limit": 4 }, "held": { "count": 7, "words": "waiting" },
            "time": { "p50_ms": 2.5, "p99_ms": 80.0 } })
        };
        let state = json!({
            "engine": { "phase": "running", "uptime_seconds": 4_000 },
            "totals": { "photos": 12_345, "scans": 12_600, "rejections": { "no_code": 40 } },
            "budgets": { "decode_bytes": { "used": 6, "limit": 10 }, "fetched_bytes": { "used": 6, "limit": 10 } },
            "pipeline": STAGES.map(stage),
            "bottleneck": { "stage": "cpu", "title": "CPU", "evidence": "all 16 threads are at work", "remedy": "more cores" },
        });
        let mut shown = Shown::default();
        shown.took(Ok(View::of(&state)), Instant::now());
        shown
    }

    const STAGES: [&str; 8] = ["queue", "receive", "fetch", "decode", "heic", "batch", "load", "warehouse"];

    #[test]
    fn every_stage_has_its_line_before_anything_else_has_room() {
        for (width, height) in [(120, 40), (80, 24), (80, 18), (45, 14), (45, 10), (30, 11)] {
            let screen = screen(&whole_pipeline(), width, height);
            for stage in STAGES {
                assert!(screen.contains(stage), "{stage} in {width}×{height}\n{screen}");
            }
            assert!(screen.contains("3 of 4"), "{width}×{height}\n{screen}");
        }
        let usual = screen(&whole_pipeline(), 80, 24);
        for part in
            ["all 16 threads", "more cores", "memory decode", "memory fetched", "rejected: 40", "photos/s", "p99"]
        {
            assert!(usual.contains(part), "{part}\n{usual}");
        }
        let blank = |line: &&str| line.trim_matches(['"', ' ']).is_empty();
        assert_eq!(usual.lines().filter(blank).count(), 0, "{usual}");
        let small = screen(&whole_pipeline(), 45, 14);
        assert!(small.contains("7 waiting") && !small.contains("p50"), "{small}");
    }

    #[test]
    fn no_size_and_no_answer_is_too_odd_to_be_drawn() {
        for (width, height) in [(1, 1), (20, 5), (80, 24), (300, 100)] {
            screen(&working(), width, height);
            screen(&Shown::default(), width, height);
            let mut strange = Shown::default();
            strange
                .took(Ok(View::of(&json!({ "budgets": 3, "pipeline": [[], {}, 7], "totals": null }))), Instant::now());
            screen(&strange, width, height);
        }
    }
}
