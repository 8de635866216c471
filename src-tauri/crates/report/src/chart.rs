//! A metric of both arms over time: the new one solid, stable dashed, the plan's limits with what they do, gaps kept.

use std::time::Duration;

use timonel_domain::metric::{Direction, Metric, MetricUnit, Statistic};
use timonel_domain::plan::Comparison;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Quantity, Side, Weight};

use self::sheet::{Run, Sheet, Taken, closely, colour_of, stroke};
use crate::axis::{Scale, Ticks, ticks};
use crate::drawing::{Anchor, At, Bounds, Drawing, Text};
use crate::palette::Palette;
use crate::timeline::{Happened, Mark, time_axis};
use crate::words::{Words, clock};
use crate::{About, Look, ReportError, check_span};

mod sheet;

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
    /// By time: what the value of all units since the phase began may be. Empty where nobody says.
    pub band: Vec<BandPoint>,
}

/// What a value may be, as it was known at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BandPoint {
    /// When.
    pub at: Timestamp,
    /// The least and the most, in the metric's unit; `None` where nothing is known, which parts the band.
    pub bounds: Option<(Quantity, Quantity)>,
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
    let lines: Vec<(Side, Vec<Run>)> = chart
        .series
        .iter()
        .map(|s| (s.side, sheet.runs(s, &chart.weights)))
        .collect();

    // The narrower one above: stable has more units.
    for side in [Side::Canary, Side::Stable] {
        for series in chart.series.iter().filter(|s| s.side == side) {
            sheet.band(&mut drawing, series);
        }
    }
    let at_zero = lines.iter().any(|(_, runs)| runs.iter().any(|run| run.at_zero));
    heading(&mut drawing, chart, look, &words, (&title, at_zero));
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
        .flat_map(|run| closely(&run.points))
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

fn heading(drawing: &mut Drawing, chart: &Chart, look: &Look, words: &Words, (title, at_zero): (&str, bool)) {
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
    if chart.series.iter().any(|series| !series.band.is_empty()) {
        let said = words.say("chart-band", &[]);
        drawing.text(Text::new(said, (f64::from(WIDTH) - MARGIN, 58.0), 12.0, palette.dim).anchored(Anchor::End));
    }
    // The legend, from the right.
    let mut right = f64::from(WIDTH) - MARGIN;
    let rest = at_zero.then(|| (words.say("chart-at-zero", &[]), Side::Canary, true));
    let sides = chart.series.iter().map(|series| {
        let name = words.side(series.side);
        // Nothing is never to be taken for good.
        let name = if series.points.iter().any(|point| point.value.is_some()) {
            name
        } else {
            words.say("chart-no-data", &[("side", &name)])
        };
        (name, series.side, false)
    });
    let entries: Vec<_> = sides.chain(rest).collect();
    for (name, side, at_zero) in entries.into_iter().rev() {
        let (color, bold) = colour_of(side, palette);
        let mut text = Text::new(name, (right, 36.0), 14.0, color).anchored(Anchor::End);
        text.bold = bold && !at_zero;
        let sample = text.bounds().0 - 8.0;
        stroke(
            drawing,
            vec![(sample - 30.0, 31.5), (sample, 31.5)],
            side,
            at_zero,
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
