//! The plot of a chart: where values are, the lines, what lies beyond a limit, and labels where they hide least.

use timonel_domain::metric::MetricUnit;
use timonel_domain::plan::Comparison;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Quantity, Side, Weight};

use super::{Chart, Consequence, Limit, PLOT, Series, WeightStep, scaled};
use crate::axis::Scale;
use crate::drawing::{Anchor, At, Bounds, Drawing, Paint, Text};
use crate::palette::{Color, Palette};
use crate::words::Words;

const STABLE_DASH: (f64, f64) = (7.0, 4.0);
const AT_ZERO_DASH: (f64, f64) = (2.0, 4.0);

pub(super) fn colour_of(side: Side, palette: Palette) -> (Color, bool) {
    match side {
        Side::Canary => (palette.canary, true),
        Side::Whole => (palette.ink, true),
        Side::Stable => (palette.stable, false),
    }
}

pub(super) fn stroke(drawing: &mut Drawing, points: Vec<At>, side: Side, at_zero: bool, palette: Palette) {
    let (color, _) = colour_of(side, palette);
    match side {
        Side::Canary if at_zero => drawing.dashed(points, color, 2.0, AT_ZERO_DASH),
        Side::Canary | Side::Whole => drawing.line(points, color, 2.5),
        Side::Stable => drawing.dashed(points, color, 2.0, STABLE_DASH),
    }
}

/// An unbroken part of a line.
pub(super) struct Run {
    pub(super) points: Vec<At>,
    /// Whether no new unit went to the canary meanwhile: what it still says is about units that were there before.
    pub(super) at_zero: bool,
}

/// What other things should not lie over.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) texts: Vec<Bounds>,
    /// Vertical lines, by their places.
    pub(super) lines: Vec<f64>,
}

/// The scales of the plot.
pub(super) struct Sheet {
    pub(super) x: Scale,
    pub(super) y: Scale,
    pub(super) palette: Palette,
    pub(super) unit: MetricUnit,
}

impl Sheet {
    pub(super) fn colour_of(&self, limit: &Limit) -> Color {
        match limit.consequence {
            Consequence::Rollback => self.palette.critical,
            Consequence::Freeze | Consequence::Alert => self.palette.warning,
        }
    }

    /// The unbroken parts of a line; the canary's is also parted where its weight falls to 0 and leaves it.
    pub(super) fn runs(&self, series: &Series, weights: &[WeightStep]) -> Vec<Run> {
        let at_zero = |at: Timestamp| {
            let weight = weights
                .iter()
                .rev()
                .find(|step| step.at <= at)
                .map_or(Weight::ZERO, |step| step.accepted);
            series.side == Side::Canary && !weights.is_empty() && weight == Weight::ZERO
        };
        let mut runs: Vec<Run> = Vec::new();
        let mut broken = true;
        for point in &series.points {
            let Some(value) = point.value else {
                broken = true;
                continue;
            };
            let place = (self.x.at_time(point.at), self.y.at(scaled(value, self.unit)));
            let at_zero = at_zero(point.at);
            match runs.last_mut().filter(|_| !broken) {
                Some(run) if run.at_zero == at_zero => run.points.push(place),
                // The two parts meet.
                Some(run) => {
                    run.points.push(place);
                    runs.push(Run {
                        points: vec![place],
                        at_zero,
                    });
                }
                None => runs.push(Run {
                    points: vec![place],
                    at_zero,
                }),
            }
            broken = false;
        }
        runs
    }

    pub(super) fn line(&self, drawing: &mut Drawing, side: Side, runs: &[Run]) {
        for (i, run) in runs.iter().enumerate() {
            match run.points.as_slice() {
                // A single value between two gaps is a dot: it must not vanish.
                [(x, y)] => {
                    let met = i > 0 && runs[i - 1].points.last() == Some(&(*x, *y));
                    let dot = Bounds(x - 1.5, y - 1.5, x + 1.5, y + 1.5);
                    if !met {
                        drawing.rect(dot, Paint::Fill(colour_of(side, self.palette).0));
                    }
                }
                points => stroke(drawing, points.to_vec(), side, run.at_zero, self.palette),
            }
        }
    }

    /// Tints what the share of a side may be; within the plot, since at first it may be anything.
    pub(super) fn band(&self, drawing: &mut Drawing, series: &Series) {
        let tint = match series.side {
            Side::Canary | Side::Whole => self.palette.canary_band,
            Side::Stable => self.palette.stable_band,
        };
        let place = |value: Quantity| self.y.at(scaled(value, self.unit)).clamp(PLOT.1, PLOT.3);
        for part in series
            .band
            .split(|point| point.bounds.is_none())
            .filter(|part| part.len() > 1)
        {
            let edge = |upper: bool| {
                part.iter().filter_map(move |point| {
                    let (least, most) = point.bounds?;
                    Some((point.at, if upper { most } else { least }))
                })
            };
            let on_sheet = |(at, value): (Timestamp, Quantity)| (self.x.at_time(at), place(value));
            let mut area: Vec<At> = edge(true).map(on_sheet).collect();
            area.extend(edge(false).map(on_sheet).collect::<Vec<_>>().into_iter().rev());
            drawing.area(area, tint);
        }
    }

    /// Tints what lies between a line and the limit that it has passed.
    pub(super) fn breaches(&self, drawing: &mut Drawing, runs: &[Run], limit: &Limit) {
        let level = self.y.at(scaled(limit.at, self.unit));
        // Downwards is greater.
        let beyond = |y: f64| match limit.comparison {
            Comparison::Above => y < level,
            Comparison::Below => y > level,
        };
        for run in runs.iter().filter(|run| !run.at_zero) {
            let mut area: Vec<At> = Vec::new();
            for pair in run.points.windows(2) {
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
    pub(super) fn last_values(&self, drawing: &mut Drawing, chart: &Chart, words: &Words) -> Vec<Bounds> {
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

    /// The label of a limit where it hides least: at either end or beside a moment, above the line or below it.
    pub(super) fn limit_label(&self, limit: &Limit, words: &Words, path: &[At], taken: &Taken) -> Text {
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
        let ends = [(PLOT.2 - 6.0, Anchor::End), (PLOT.0 + 6.0, Anchor::Start)];
        let beside = taken
            .lines
            .iter()
            .flat_map(|x| [(x + 8.0, Anchor::Start), (x - 8.0, Anchor::End)]);
        let places: Vec<(f64, Anchor)> = ends.into_iter().chain(beside).collect();
        let place = |(x, anchor): (f64, Anchor), baseline: f64| {
            Text::new(said.clone(), (x, baseline), 12.0, self.colour_of(limit)).anchored(anchor)
        };
        let candidates = [y - 6.0, y + 15.0]
            .into_iter()
            .flat_map(|b| places.iter().map(move |p| (*p, b)));
        let hides = |text: &Text| {
            let bounds = text.bounds().widened(3.0);
            let lines = taken
                .lines
                .iter()
                .filter(|x| bounds.0 <= **x && **x <= bounds.2)
                .count();
            let outside = bounds.1 < PLOT.1 || bounds.3 > PLOT.3 || bounds.0 < PLOT.0 || bounds.2 > PLOT.2;
            let texts = taken.texts.iter().filter(|other| other.overlaps(bounds)).count();
            path.iter().filter(|at| bounds.holds(**at)).count() + texts * 1000 + usize::from(outside) * 500 + lines * 5
        };
        let all = candidates.map(|(p, baseline)| place(p, baseline));
        all.min_by_key(hides).unwrap_or_else(|| place(ends[0], y - 6.0))
    }
}

/// Points along a line, so close that none of it passes between two.
pub(super) fn closely(run: &[At]) -> Vec<At> {
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
