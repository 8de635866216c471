//! A metric of both arms over time: the new one solid, stable dashed, the plan's limits with what they do, gaps kept.

use std::time::Duration;

use timonel_domain::metric::{Direction, Metric, MetricUnit, Statistic};
use timonel_domain::plan::Comparison;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Quantity, Side, Weight};

use crate::axis::{Scale, Ticks, ticks};
use crate::drawing::{Anchor, At, Bounds, Drawing, Paint, Text};
use crate::palette::{Color, Palette};
use crate::timeline::{Happened, Mark, time_axis};
use crate::words::{Words, clock};
use crate::{About, Look, ReportError, check_span};

/// A metric of both arms over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// What it is about.
    pub about: About,
    /// What is measured.
    pub metric: Metric,
    /// What each point is of it.
    pub statistic: Statistic,
    /// Over how long each point looks back; `None` where a point is a reading of its moment.
    pub window: Option<Duration>,
    /// One line a side.
    pub series: Vec<Series>,
    /// The plan's limits on it.
    pub limits: Vec<Limit>,
    /// The weights that the splitter accepted.
    pub weights: Vec<WeightStep>,
    /// Rollbacks, and when they were seen to work; other marks are the timeline's.
    pub marks: Vec<Mark>,
}

/// The values of one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Whose.
    pub side: Side,
    /// By time. A point without a value is a gap: no line is drawn across it.
    pub points: Vec<Point>,
}

/// A value at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// When.
    pub at: Timestamp,
    /// What, in the metric's unit; `None` where nothing can be said.
    pub value: Option<Quantity>,
}

/// A limit of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Which side of it is bad.
    pub comparison: Comparison,
    /// Where it is, in the metric's unit.
    pub at: Quantity,
    /// How long it has to be passed.
    pub lasting: Duration,
    /// What then happens.
    pub consequence: Consequence,
}

/// What passing a limit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Consequence {
    /// People are told.
    Alert,
    /// People are told and the rollout freezes.
    Freeze,
    /// Everything goes back to stable.
    Rollback,
}

/// The weight from a moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeightStep {
    /// From when.
    pub at: Timestamp,
    /// What the splitter was asked for.
    pub asked: Weight,
    /// What it accepted: what it can hold of that.
    pub accepted: Weight,
}

const WIDTH: u32 = 1000;
const HEIGHT: u32 = 460;
const PLOT: Bounds = Bounds(72.0, 112.0, 866.0, 412.0);
const MARGIN: f64 = 24.0;
const STABLE_DASH: (f64, f64) = (7.0, 4.0);
const LIMIT_DASH: (f64, f64) = (3.0, 3.0);

pub(crate) fn draw(chart: &Chart, look: &Look) -> Result<Drawing, ReportError> {
    let span = &chart.about.span;
    check_span(span)?;
    let values = || chart.series.iter().flat_map(|s| &s.points).filter_map(|p| p.value);
    if values().next().is_none() {
        return Err(ReportError::Empty {
            from: span.start,
            to: span.end,
        });
    }
    let words = Words::new(look.language);
    let palette = Palette::of(look.theme);
    let title = words.question(&chart.metric, chart.statistic);
    let mut drawing = Drawing {
        width: WIDTH,
        height: HEIGHT,
        ground: palette.ground,
        title: format!("{title} · {}", chart.about.rollout),
        description: description(chart, &words),
        shapes: Vec::new(),
    };
    let unit = chart.metric.unit();
    let y_ticks = value_ticks(chart);
    let (low, high) = (
        y_ticks.values.first().copied().unwrap_or_default(),
        y_ticks.values.last().copied().unwrap_or(1.0),
    );
    let sheet = Sheet {
        x: Scale::of_time(span, PLOT.0, PLOT.2),
        y: Scale::new(low, high, PLOT.3, PLOT.1),
        palette,
        unit,
    };
    let lines: Vec<(Side, Vec<Vec<At>>)> = chart.series.iter().map(|s| (s.side, sheet.runs(s))).collect();

    heading(&mut drawing, chart, look, &words, &title);
    for limit in chart.limits.iter().filter(|l| l.consequence == Consequence::Rollback) {
        for (side, runs) in &lines {
            if *side != Side::Stable {
                sheet.breaches(&mut drawing, runs, limit);
            }
        }
    }
    for value in &y_ticks.values {
        let y = sheet.y.at(*value);
        drawing.line([(PLOT.0, y), (PLOT.2, y)], palette.grid, 1.0);
        let label = words.with_unit(*value, y_ticks.decimals, unit);
        drawing.text(Text::new(label, (PLOT.0 - 8.0, y + 4.0), 12.0, palette.dim).anchored(Anchor::End));
    }
    time_axis(
        &mut drawing,
        &sheet.x,
        span,
        look,
        (PLOT.3, PLOT.3 + 20.0),
        &words,
        palette,
    );
    let mut taken = moments(&mut drawing, chart, look, &words, &sheet);
    for limit in &chart.limits {
        let y = sheet.y.at(scaled(limit.at, unit));
        drawing.dashed([(PLOT.0, y), (PLOT.2, y)], sheet.colour_of(limit), 1.5, LIMIT_DASH);
    }
    // Stable below, so that the new one is never hidden.
    for side in [Side::Whole, Side::Stable, Side::Canary] {
        for runs in lines.iter().filter(|(s, _)| *s == side).map(|(_, runs)| runs) {
            sheet.line(&mut drawing, side, runs);
        }
    }
    taken.texts.extend(sheet.last_values(&mut drawing, chart, &words));
    let path: Vec<At> = lines
        .iter()
        .flat_map(|(_, runs)| runs)
        .flat_map(|run| closely(run))
        .collect();
    for limit in &chart.limits {
        let text = sheet.limit_label(limit, &words, &path, &taken);
        taken.texts.push(text.bounds());
        drawing.text_on_ground(text);
    }
    Ok(drawing)
}

fn description(chart: &Chart, words: &Words) -> String {
    let said = chart.series.iter().filter_map(|series| {
        let values = || series.points.iter().filter_map(|p| p.value);
        let (last, most) = (values().next_back()?, values().max()?);
        let unit = chart.metric.unit();
        let facts = [
            ("side", words.side(series.side)),
            ("last", words.quantity(last, unit)),
            ("most", words.quantity(most, unit)),
        ];
        let facts: Vec<(&str, &str)> = facts.iter().map(|(k, v)| (*k, v.as_str())).collect();
        Some(words.say("chart-description", &facts))
    });
    said.collect::<Vec<_>>().join(" ")
}

/// A value on the axis: percentages for ratios.
fn scaled(value: Quantity, unit: MetricUnit) -> f64 {
    match unit {
        MetricUnit::Ratio => value.as_f64() * 100.0,
        MetricUnit::Seconds | MetricUnit::Count => value.as_f64(),
    }
}

fn value_ticks(chart: &Chart) -> Ticks {
    let unit = chart.metric.unit();
    let data = chart.series.iter().flat_map(|s| &s.points).filter_map(|p| p.value);
    let limits = chart.limits.iter().map(|l| l.at);
    let all: Vec<f64> = data.chain(limits).map(|value| scaled(value, unit)).collect();
    let least_value = all.iter().copied().fold(f64::INFINITY, f64::min);
    let most = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // From zero, or a small change would look like a great one; a share that should be high would lose all its detail.
    let high_share = unit == MetricUnit::Ratio && chart.metric.direction() == Direction::HigherIsBetter;
    let low = if high_share { least_value - 5.0 } else { least_value }.min(if high_share { 100.0 } else { 0.0 });
    let low = if high_share { low.max(0.0) } else { low };
    let least_step = match unit {
        MetricUnit::Count if all.iter().all(|v| v.fract() == 0.0) => 1.0,
        MetricUnit::Count | MetricUnit::Ratio => 0.1,
        MetricUnit::Seconds => 0.01,
    };
    let room = most + (most - low) * 0.06;
    let high = if unit == MetricUnit::Ratio && most <= 100.0 {
        room.min(100.0)
    } else {
        room
    };
    ticks(low, high, 5, least_step)
}

fn heading(drawing: &mut Drawing, chart: &Chart, look: &Look, words: &Words, title: &str) {
    let palette = Palette::of(look.theme);
    drawing.text(Text::new(title, (MARGIN, 36.0), 20.0, palette.ink).bold());
    let (date, zone) = (words.date(chart.about.span.start, look.zone), words.zone(look.zone));
    let mut facts = vec![
        ("rollout", chart.about.rollout.as_str()),
        ("environment", chart.about.environment.as_str()),
        ("date", date.as_str()),
        ("zone", zone.as_str()),
    ];
    let window = chart.window.map(|window| words.span(window));
    let key = match &window {
        Some(window) => {
            facts.push(("window", window));
            "chart-subtitle"
        }
        None => "chart-subtitle-now",
    };
    drawing.text(Text::new(words.say(key, &facts), (MARGIN, 58.0), 13.0, palette.dim));
    // The legend, from the right.
    let mut right = f64::from(WIDTH) - MARGIN;
    for series in chart.series.iter().rev() {
        let (color, bold) = colour_of(series.side, palette);
        let mut text = Text::new(words.side(series.side), (right, 36.0), 14.0, color).anchored(Anchor::End);
        text.bold = bold;
        let sample = text.bounds().0 - 8.0;
        stroke(
            drawing,
            vec![(sample - 30.0, 31.5), (sample, 31.5)],
            series.side,
            palette,
        );
        drawing.text(text);
        right = sample - 54.0;
    }
}

/// Vertical lines where the weight changed, with the weight above, and rollbacks.
fn moments(drawing: &mut Drawing, chart: &Chart, look: &Look, words: &Words, sheet: &Sheet) -> Taken {
    let palette = sheet.palette;
    let mut taken = Taken::default();
    let span = &chart.about.span;
    let within = |at: &Timestamp| span.contains(at);
    let mut labels: Vec<(f64, String, bool)> = Vec::new();
    for mark in chart.marks.iter().filter(|m| within(&m.at)) {
        if matches!(mark.what, Happened::RolledBack(_) | Happened::Reduced(_)) {
            let text = format!("▲ {}  {}", mark.what.in_words(words), clock(mark.at, look.zone, true));
            labels.push((sheet.x.at_time(mark.at), text, true));
        }
    }
    for step in chart.weights.iter().filter(|step| within(&step.at)) {
        let x = sheet.x.at_time(step.at);
        // A rollback says it already.
        if labels.iter().all(|(other, ..)| (other - x).abs() > 3.0) {
            labels.push((x, format!("→ {}", words.weight(step.accepted)), false));
        }
    }
    for (x, label, loud) in labels {
        let (color, line, width) = if loud {
            (palette.critical, palette.critical, 1.5)
        } else {
            (palette.dim, palette.outline, 1.0)
        };
        let mut text = Text::new(label, (x, PLOT.1 - 8.0), 12.0, color);
        text.bold = loud;
        if text.bounds().2 > f64::from(WIDTH) - MARGIN {
            text.anchor = Anchor::End;
        }
        let bounds = text.bounds();
        drawing.line([(x, PLOT.1 - 6.0), (x, PLOT.3)], line, width);
        taken.lines.push(x);
        if taken.texts.iter().all(|other| !other.overlaps(bounds.widened(4.0))) {
            taken.texts.push(bounds);
            drawing.text(text);
        }
    }
    taken
}

fn colour_of(side: Side, palette: Palette) -> (Color, bool) {
    match side {
        Side::Canary => (palette.canary, true),
        Side::Whole => (palette.ink, true),
        Side::Stable => (palette.stable, false),
    }
}

fn stroke(drawing: &mut Drawing, points: Vec<At>, side: Side, palette: Palette) {
    let (color, _) = colour_of(side, palette);
    match side {
        Side::Canary | Side::Whole => drawing.line(points, color, 2.5),
        Side::Stable => drawing.dashed(points, color, 2.0, STABLE_DASH),
    }
}

/// What other things should not lie over.
#[derive(Default)]
struct Taken {
    texts: Vec<Bounds>,
    /// Vertical lines, by their places.
    lines: Vec<f64>,
}

/// The scales of the plot.
struct Sheet {
    x: Scale,
    y: Scale,
    palette: Palette,
    unit: MetricUnit,
}

impl Sheet {
    fn colour_of(&self, limit: &Limit) -> Color {
        match limit.consequence {
            Consequence::Rollback => self.palette.critical,
            Consequence::Freeze | Consequence::Alert => self.palette.warning,
        }
    }

    /// The unbroken parts of a line.
    fn runs(&self, series: &Series) -> Vec<Vec<At>> {
        let mut runs = vec![Vec::new()];
        for point in &series.points {
            match (point.value, runs.last_mut()) {
                (Some(value), Some(run)) => run.push((self.x.at_time(point.at), self.y.at(scaled(value, self.unit)))),
                (Some(_) | None, _) => runs.push(Vec::new()),
            }
        }
        runs.retain(|run| !run.is_empty());
        runs
    }

    fn line(&self, drawing: &mut Drawing, side: Side, runs: &[Vec<At>]) {
        for run in runs {
            match run.as_slice() {
                // A single value between two gaps is a dot: it must not vanish.
                [(x, y)] => {
                    let dot = Bounds(x - 1.5, y - 1.5, x + 1.5, y + 1.5);
                    drawing.rect(dot, Paint::Fill(colour_of(side, self.palette).0));
                }
                run => stroke(drawing, run.to_vec(), side, self.palette),
            }
        }
    }

    /// Tints what lies between a line and the limit that it has passed.
    fn breaches(&self, drawing: &mut Drawing, runs: &[Vec<At>], limit: &Limit) {
        let level = self.y.at(scaled(limit.at, self.unit));
        // Downwards is greater.
        let beyond = |y: f64| match limit.comparison {
            Comparison::Above => y < level,
            Comparison::Below => y > level,
        };
        for run in runs {
            let mut area: Vec<At> = Vec::new();
            for pair in run.windows(2) {
                let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
                let crossing = || (x0 + (x1 - x0) * (level - y0) / (y1 - y0), level);
                match (beyond(y0), beyond(y1)) {
                    (false, false) => {}
                    (false, true) => area.extend([crossing(), (x1, y1)]),
                    (true, true) => {
                        if area.is_empty() {
                            area.extend([(x0, level), (x0, y0)]);
                        }
                        area.push((x1, y1));
                    }
                    (true, false) => {
                        if area.is_empty() {
                            area.extend([(x0, level), (x0, y0)]);
                        }
                        area.push(crossing());
                        drawing.area(std::mem::take(&mut area), self.palette.breach);
                    }
                }
            }
            if let Some((x, _)) = area.last().copied() {
                area.push((x, level));
                drawing.area(area, self.palette.breach);
            }
        }
    }

    /// At the end of each line its last value, apart from one another.
    fn last_values(&self, drawing: &mut Drawing, chart: &Chart, words: &Words) -> Vec<Bounds> {
        const LINE: f64 = 17.0;
        let mut labels: Vec<Text> = Vec::new();
        for series in &chart.series {
            let last = series
                .points
                .iter()
                .rev()
                .find_map(|p| p.value.map(|value| (p.at, value)));
            let Some((at, value)) = last else { continue };
            let (x, y) = (self.x.at_time(at), self.y.at(scaled(value, self.unit)));
            let said = format!("{} {}", words.side(series.side), words.quantity(value, self.unit));
            let (color, bold) = colour_of(series.side, self.palette);
            let mut text = Text::new(said, (x + 8.0, y + 4.5), 13.0, color);
            text.bold = bold;
            labels.push(text);
        }
        labels.sort_by(|a, b| a.at.1.total_cmp(&b.at.1));
        for i in 1..labels.len() {
            let above = labels[i - 1].at.1;
            if labels[i].at.1 - above < LINE {
                labels[i].at.1 = above + LINE;
            }
        }
        // Pushed out at the bottom, they move up together.
        let out = labels.last().map_or(0.0, |text| (text.at.1 - PLOT.3).max(0.0));
        let mut taken = Vec::new();
        for mut text in labels {
            text.at.1 -= out;
            taken.push(text.bounds());
            drawing.text_on_ground(text);
        }
        taken
    }

    /// The label of a limit where it hides least: at either end or in the middle, above the line or below it.
    fn limit_label(&self, limit: &Limit, words: &Words, path: &[At], taken: &Taken) -> Text {
        let key = match limit.consequence {
            Consequence::Rollback => "limit-rollback",
            Consequence::Freeze => "limit-freeze",
            Consequence::Alert => "limit-alert",
        };
        let lasting = if limit.lasting.is_zero() {
            words.say("limit-at-once", &[])
        } else {
            words.span(limit.lasting)
        };
        let value = words.quantity(limit.at, self.unit);
        let said = words.say(key, &[("limit", &value), ("lasting", &lasting)]);
        let y = self.y.at(scaled(limit.at, self.unit));
        let places = [
            (PLOT.2 - 6.0, Anchor::End),
            (PLOT.0 + 6.0, Anchor::Start),
            ((PLOT.0 + PLOT.2) / 2.0, Anchor::Middle),
        ];
        let place = |(x, anchor): (f64, Anchor), baseline: f64| {
            Text::new(said.clone(), (x, baseline), 12.0, self.colour_of(limit)).anchored(anchor)
        };
        let candidates = [y - 6.0, y + 15.0]
            .into_iter()
            .flat_map(|b| places.map(|p| place(p, b)));
        let hides = |text: &Text| {
            let bounds = text.bounds().widened(3.0);
            let lines = taken
                .lines
                .iter()
                .filter(|x| bounds.0 <= **x && **x <= bounds.2)
                .count();
            let outside = bounds.1 < PLOT.1 || bounds.3 > PLOT.3;
            let texts = taken.texts.iter().filter(|other| other.overlaps(bounds)).count();
            path.iter().filter(|at| bounds.holds(**at)).count() + texts * 1000 + usize::from(outside) * 500 + lines * 5
        };
        candidates
            .min_by_key(hides)
            .unwrap_or_else(|| place(places[0], y - 6.0))
    }
}

/// Points along a line, so close that none of it passes between two.
fn closely(run: &[At]) -> Vec<At> {
    let mut out = run.to_vec();
    for pair in run.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let n = ((x1 - x0).hypot(y1 - y0) / 4.0).floor() as usize;
        out.extend((1..=n).map(|i| {
            let share = i as f64 / (n + 1) as f64;
            (x0 + (x1 - x0) * share, y0 + (y1 - y0) * share)
        }));
    }
    out
}
