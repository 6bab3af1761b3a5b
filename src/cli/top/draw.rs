//! One look at an engine as a screen.

use std::net::SocketAddr;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Gauge, Paragraph, Row, Sparkline, Table, Wrap};

use super::Shown;
use super::view::{StageView, View};
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
    let places = view.pipeline.len() as u16;
    let areas = Layout::vertical([
        Constraint::Length(2),
        Constraint::Length(5),
        Constraint::Length(places + 3),
        Constraint::Length(5),
        Constraint::Length(view.budgets.len() as u16),
        Constraint::Min(0),
        Constraint::Length(1),
    ]);
    let [head, curve, pipeline, held, memory, rejected, foot] = areas.areas(frame.area());
    frame.render_widget(head_lines(view, shown, page), head);
    rates(frame, shown, curve);
    frame.render_widget(table(view), pipeline);
    frame.render_widget(bottleneck(view), held);
    budgets(frame, view, memory);
    frame.render_widget(rejections(view), rejected);
    frame.render_widget(Line::from("q ends this").dark_gray(), foot);
}

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
                "since start: {} photos · {} scans · {} rejected",
                count(view.photos),
                count(view.scans),
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

fn table<'a>(view: &View) -> Table<'a> {
    let rows = view.pipeline.iter().map(|place| {
        let row = Row::new(cells(place));
        if place.holds { row.yellow().bold() } else { row }
    });
    let widths = [
        Constraint::Length(10),
        Constraint::Length(16),
        Constraint::Length(22),
        Constraint::Length(10),
        Constraint::Length(10),
        Constraint::Min(14),
    ];
    let head = Row::new(["stage", "at work", "held", "p50", "p99", ""]).dark_gray();
    Table::new(rows, widths).header(head).block(Block::bordered().title(" Pipeline "))
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
    for (budget, line) in view.budgets.iter().zip(lines.iter()) {
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
