//! The phases as planned (hollow) and as they were (filled), the weight asked for and accepted, and what happened.

use std::ops::Range;

use timonel_domain::plan::{Incident, Severity};
use timonel_domain::rollout::Cause;
use timonel_domain::time::Timestamp;
use timonel_domain::value::Weight;

use crate::axis::{Scale, time_ticks};
use crate::chart::WeightStep;
use crate::drawing::{Anchor, Bounds, Drawing, Paint, Text};
use crate::palette::{Color, Palette};
use crate::words::{Words, clock, is_midnight};
use crate::{About, Look, ReportError, check_span};

/// The phases of a rollout over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// What it is about.
    pub about: About,
    /// The newest moment of which anything is known; what is under way is drawn up to here.
    pub newest: Timestamp,
    /// The plan's phases, in order.
    pub phases: Vec<PhaseBar>,
    /// The splitter's weights, by time.
    pub weights: Vec<WeightStep>,
    /// What happened, by time.
    pub marks: Vec<Mark>,
}

/// One phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseBar {
    /// For people.
    pub name: String,
    /// The splitter's weight in it.
    pub weight: Weight,
    /// When it was to be.
    pub planned: Option<Range<Timestamp>>,
    /// When it was, as often as it was entered; `None` for an end that has not come.
    pub actual: Vec<(Timestamp, Option<Timestamp>)>,
}

/// Something happened at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Happened,
    /// How loud.
    pub severity: Severity,
}

/// What happened. Names are ids of the plan, or persons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// A rule fired.
    Rule(String),
    /// The new side was seen to be worse than stable on this metric.
    Worse(String),
    /// Both sides broke this rule's limit.
    Common(String),
    /// No unit reached the new side.
    Unrouted,
    /// Units did not fall to the sides as the weight says.
    Skewed,
    /// Required signals were lost.
    SignalsLost,
    /// Nobody watched for a while.
    Gap,
    /// The store was damaged, and another was made of what could be proved.
    Mended,
    /// An incident was reported.
    Incident(Incident),
    /// A target did not answer.
    Silent(String),
    /// A shift failed at a target.
    ShiftFailed(String),
    /// A lowering of a target was not read back, or traffic contradicted it.
    Unverified(String),
    /// Somebody else moved a target.
    Drift(String),
    /// Everything was put back, and why.
    RolledBack(Cause),
    /// The weight was reduced, and why.
    Reduced(Cause),
    /// A drill of the rollback ended well.
    Drilled,
    /// Every target of a rollback was verified.
    Verified,
    /// All phases passed.
    Completed,
}

impl Happened {
    pub(crate) fn in_words(&self, words: &Words) -> String {
        let cause;
        let (key, what) = match self {
            Happened::Rule(rule) => ("happened-rule", rule.as_str()),
            Happened::Worse(signal) => ("happened-worse", signal.as_str()),
            Happened::Common(rule) => ("happened-common", rule.as_str()),
            Happened::Unrouted => ("happened-unrouted", ""),
            Happened::Skewed => ("happened-skewed", ""),
            Happened::SignalsLost => ("happened-signals-lost", ""),
            Happened::Gap => ("happened-gap", ""),
            Happened::Mended => ("happened-mended", ""),
            Happened::Incident(Incident::CriticalError) => ("happened-incident", ""),
            Happened::Incident(Incident::Security) => ("happened-security", ""),
            Happened::Silent(target) => ("happened-silent", target.as_str()),
            Happened::ShiftFailed(target) => ("happened-shift-failed", target.as_str()),
            Happened::Unverified(target) => ("happened-unverified", target.as_str()),
            Happened::Drift(target) => ("happened-drift", target.as_str()),
            Happened::RolledBack(why) => {
                cause = because(why, words);
                ("happened-rolled-back", cause.as_str())
            }
            Happened::Reduced(why) => {
                cause = because(why, words);
                ("happened-reduced", cause.as_str())
            }
            Happened::Drilled => ("happened-drilled", ""),
            Happened::Verified => ("happened-verified", ""),
            Happened::Completed => ("happened-completed", ""),
        };
        words.say(key, &[("what", what)])
    }
}

fn because(cause: &Cause, words: &Words) -> String {
    match cause {
        Cause::Person(person) | Cause::Drill(person) => person.to_string(),
        Cause::Rule(rule) => words.say("happened-rule", &[("what", rule.as_str())]),
        Cause::Evidence(signal) => words.say("happened-worse", &[("what", signal.as_str())]),
        Cause::Incident(Incident::CriticalError) => words.say("happened-incident", &[]),
        Cause::Incident(Incident::Security) => words.say("happened-security", &[]),
        Cause::Resumed => words.say("happened-resumed", &[]),
    }
}

impl Mark {
    /// Shape beside the colour, the same as in the terminal.
    fn look(&self, palette: Palette) -> (&'static str, Color) {
        if matches!(self.what, Happened::Verified | Happened::Drilled | Happened::Completed) {
            return ("✓", palette.dim);
        }
        match self.severity {
            Severity::Critical => ("▲", palette.critical),
            Severity::High => ("◆", palette.warning),
            Severity::Medium | Severity::Low => ("●", palette.dim),
        }
    }
}

const WIDTH: u32 = 1000;
const HEIGHT: u32 = 440;
const LEFT: f64 = 92.0;
const RIGHT: f64 = 976.0;
const MARGIN: f64 = 24.0;
const PLANNED: (f64, f64) = (98.0, 124.0);
const ACTUAL: (f64, f64) = (130.0, 156.0);
const MARKS: [f64; 4] = [180.0, 199.0, 218.0, 237.0];
const CURVE: (f64, f64) = (274.0, 390.0);
const PLAN_DASH: (f64, f64) = (4.0, 4.0);
const ASKED_DASH: (f64, f64) = (1.5, 3.0);

pub(crate) fn draw(timeline: &Timeline, look: &Look) -> Result<Drawing, ReportError> {
    let span = &timeline.about.span;
    check_span(span)?;
    let words = Words::new(look.language);
    let palette = Palette::of(look.theme);
    let x = Scale::of_time(span, LEFT, RIGHT);
    let title = words.say("timeline-title", &[]);
    let last = timeline.weights.last().map_or(Weight::ZERO, |step| step.accepted);
    let mut drawing = Drawing {
        width: WIDTH,
        height: HEIGHT,
        ground: palette.ground,
        title: format!("{title} · {}", timeline.about.rollout),
        description: words.say("timeline-description", &[("weight", &words.weight(last))]),
        shapes: Vec::new(),
    };
    drawing.text(Text::new(&title, (MARGIN, 36.0), 20.0, palette.ink).bold());
    let (date, zone) = (words.date(span.start, look.zone), words.zone(look.zone));
    let facts = [
        ("rollout", timeline.about.rollout.as_str()),
        ("environment", timeline.about.environment.as_str()),
        ("date", date.as_str()),
        ("zone", zone.as_str()),
    ];
    let subtitle = words.say("timeline-subtitle", &facts);
    drawing.text(Text::new(subtitle, (MARGIN, 58.0), 13.0, palette.dim));
    curve(&mut drawing, timeline, &x, &words, palette);
    time_axis(&mut drawing, &x, span, look, (CURVE.1, CURVE.1 + 20.0), &words, palette);
    newest(&mut drawing, timeline, &x, look, &words, palette);
    bars(&mut drawing, timeline, &x, &words, palette);
    marks(&mut drawing, timeline, &x, look, &words, palette);
    Ok(drawing)
}

/// Round times below a line at `axis`, with their labels on the baseline `labels`; days where the day begins.
pub(crate) fn time_axis(
    drawing: &mut Drawing,
    x: &Scale,
    span: &Range<Timestamp>,
    look: &Look,
    (axis, labels): (f64, f64),
    words: &Words,
    palette: Palette,
) {
    let found = time_ticks(span, look.zone, 9);
    for at in found.at {
        let place = x.at_time(at);
        drawing.line([(place, axis), (place, axis + 5.0)], palette.outline, 1.0);
        let label = if found.step >= 86_400 || is_midnight(at, look.zone) {
            words.day(at, look.zone)
        } else {
            clock(at, look.zone, found.step < 60)
        };
        drawing.text(Text::new(label, (place, labels), 12.0, palette.dim).anchored(Anchor::Middle));
    }
}

fn row_name(drawing: &mut Drawing, name: String, baseline: f64, color: Color) {
    drawing.text(Text::new(name, (LEFT - 12.0, baseline), 12.0, color).anchored(Anchor::End));
}

fn bars(drawing: &mut Drawing, timeline: &Timeline, x: &Scale, words: &Words, palette: Palette) {
    let span = &timeline.about.span;
    row_name(
        drawing,
        words.say("timeline-planned", &[]),
        PLANNED.1 - 9.0,
        palette.dim,
    );
    row_name(drawing, words.say("timeline-actual", &[]), ACTUAL.1 - 9.0, palette.dim);
    for phase in &timeline.phases {
        if let Some(planned) = &phase.planned
            && planned.start < span.end
            && planned.end > span.start
        {
            let bar = Bounds(
                x.at_time(planned.start) + 1.0,
                PLANNED.0,
                x.at_time(planned.end) - 1.0,
                PLANNED.1,
            );
            drawing.rect(bar, Paint::Outline(palette.outline));
            if let Some(name) = name_in(phase, bar, words, palette.ink) {
                drawing.text_on_ground(name);
            }
        }
        for (entered, left) in &phase.actual {
            let end = left.unwrap_or(timeline.newest);
            if *entered >= span.end || end <= span.start {
                continue;
            }
            let (from, to) = (x.at_time(*entered) + 1.0, x.at_time(end) - 1.0);
            // However short it was, it can be seen.
            let bar = Bounds(from, ACTUAL.0, to.max(from + 2.0), ACTUAL.1);
            let color = if left.is_none() { palette.canary } else { palette.stable };
            drawing.rect(bar, Paint::Fill(color));
            if let Some(name) = name_in(phase, bar, words, palette.ground) {
                drawing.text(name);
            }
        }
    }
}

/// The phase's name where it fits, else its weight, else nothing.
fn name_in(phase: &PhaseBar, bar: Bounds, words: &Words, color: Color) -> Option<Text> {
    let names = [phase.name.clone(), words.weight(phase.weight)];
    let texts = names.map(|name| Text::new(name, (bar.0 + 7.0, bar.3 - 9.0), 12.0, color));
    texts.into_iter().find(|text| text.bounds().2 + 5.0 <= bar.2)
}

fn curve(drawing: &mut Drawing, timeline: &Timeline, x: &Scale, words: &Words, palette: Palette) {
    let y = Scale::new(0.0, 100.0, CURVE.1, CURVE.0);
    for percent in [0, 50, 100] {
        let at = y.at(f64::from(percent));
        drawing.line([(LEFT, at), (RIGHT, at)], palette.grid, 1.0);
        row_name(drawing, words.weight(Weight::percent(percent)), at + 4.0, palette.dim);
    }
    drawing.text(Text::new(
        words.say("timeline-weight", &[]),
        (MARGIN, CURVE.0 - 14.0),
        12.0,
        palette.dim,
    ));
    let mut planned = Vec::new();
    for phase in &timeline.phases {
        if let Some(when) = &phase.planned {
            let at = y.at(phase.weight.as_percent());
            let before = planned.last().map_or(CURVE.1, |(_, y): &(f64, f64)| *y);
            planned.extend([
                (x.at_time(when.start), before),
                (x.at_time(when.start), at),
                (x.at_time(when.end), at),
            ]);
        }
    }
    if !planned.is_empty() {
        drawing.dashed(planned, palette.outline, 1.5, PLAN_DASH);
    }
    let end = timeline.newest.min(timeline.about.span.end);
    let steps = |weight: fn(&WeightStep) -> Weight| {
        let mut points: Vec<(f64, f64)> = vec![(LEFT, CURVE.1)];
        for step in timeline.weights.iter().filter(|step| step.at <= end) {
            let before = points.last().map_or(CURVE.1, |(_, y)| *y);
            points.extend([
                (x.at_time(step.at), before),
                (x.at_time(step.at), y.at(weight(step).as_percent())),
            ]);
        }
        let level = points.last().map_or(CURVE.1, |(_, y)| *y);
        points.push((x.at_time(end), level));
        points
    };
    let accepted = steps(|step| step.accepted);
    let differ = timeline.weights.iter().any(|step| step.asked != step.accepted);
    if differ {
        drawing.dashed(steps(|step| step.asked), palette.ink, 1.5, ASKED_DASH);
    }
    drawing.line(accepted, palette.canary, 2.5);
    legend(drawing, words, palette, differ);
}

fn legend(drawing: &mut Drawing, words: &Words, palette: Palette, asked: bool) {
    let mut right = RIGHT;
    let mut entries = vec![
        ("timeline-planned", palette.outline, Some(PLAN_DASH), palette.dim),
        ("timeline-accepted", palette.canary, None, palette.canary),
    ];
    if asked {
        entries.push(("timeline-asked", palette.ink, Some(ASKED_DASH), palette.ink));
    }
    for (key, color, dash, ink) in entries {
        let text = Text::new(words.say(key, &[]), (right, CURVE.0 - 14.0), 12.0, ink).anchored(Anchor::End);
        let end = text.bounds().0 - 6.0;
        let sample = [(end - 26.0, CURVE.0 - 18.0), (end, CURVE.0 - 18.0)];
        match dash {
            Some(dash) => drawing.dashed(sample, color, 1.5, dash),
            None => drawing.line(sample, color, 2.5),
        }
        drawing.text(text);
        right = end - 44.0;
    }
}

fn newest(drawing: &mut Drawing, timeline: &Timeline, x: &Scale, look: &Look, words: &Words, palette: Palette) {
    if timeline.newest < timeline.about.span.start || timeline.newest > timeline.about.span.end {
        return;
    }
    let at = x.at_time(timeline.newest);
    // Not through the words between the two.
    drawing.line([(at, PLANNED.0 - 8.0), (at, ACTUAL.1 + 4.0)], palette.ink, 1.5);
    drawing.line([(at, CURVE.0 - 4.0), (at, CURVE.1)], palette.ink, 1.5);
    let said = words.say("timeline-newest", &[("at", &clock(timeline.newest, look.zone, false))]);
    let mut text = Text::new(said, (at, PLANNED.0 - 13.0), 12.0, palette.ink).anchored(Anchor::Middle);
    if text.bounds().2 > RIGHT {
        text = text.anchored(Anchor::End);
    }
    if text.bounds().0 < LEFT {
        text = text.anchored(Anchor::Start);
    }
    drawing.text(text);
}

/// Each mark on its moment, with its words in the first row where they are free; where no row is, the shape alone.
fn marks(drawing: &mut Drawing, timeline: &Timeline, x: &Scale, look: &Look, words: &Words, palette: Palette) {
    const SIZE: f64 = 13.0;
    let mut taken: Vec<Bounds> = Vec::new();
    let span = &timeline.about.span;
    let mut marks: Vec<&Mark> = timeline
        .marks
        .iter()
        .filter(|m| span.start <= m.at && m.at <= span.end)
        .collect();
    // Where everything went back is seen in all rows, though not through the words between them.
    for mark in marks.iter().filter(|mark| matches!(mark.what, Happened::RolledBack(_))) {
        let at = x.at_time(mark.at);
        drawing.line([(at, ACTUAL.0 - 2.0), (at, MARKS[0] - 12.0)], palette.critical, 1.5);
        drawing.line([(at, CURVE.0 - 4.0), (at, CURVE.1)], palette.critical, 1.5);
    }
    // The loudest have first choice.
    marks.sort_by_key(|mark| (std::cmp::Reverse(mark.severity), mark.at));
    for mark in marks {
        let (shape, color) = mark.look(palette);
        let at = x.at_time(mark.at);
        let said = format!("{}  {}", mark.what.in_words(words), clock(mark.at, look.zone, true));
        let place = |row: f64, anchor: Anchor| {
            let side = match anchor {
                Anchor::Start => 10.0,
                Anchor::Middle => 0.0,
                Anchor::End => -10.0,
            };
            let text = Text::new(said.clone(), (at + side, row), 12.0, color).anchored(anchor);
            if mark.severity == Severity::Critical {
                text.bold()
            } else {
                text
            }
        };
        let with_shape = |text: &Text| {
            let bounds = text.bounds();
            Bounds(bounds.0.min(at - 8.0), bounds.1, bounds.2.max(at + 8.0), bounds.3)
        };
        let free = |text: &Text| {
            let all = with_shape(text);
            all.0 >= LEFT - 8.0 && all.2 <= RIGHT + 8.0 && taken.iter().all(|o| !o.overlaps(all.widened(3.0)))
        };
        let candidates = MARKS
            .iter()
            .flat_map(|row| [place(*row, Anchor::Start), place(*row, Anchor::End)]);
        let chosen = candidates.into_iter().find(free);
        // Where a louder mark has the place, this one would only cover it.
        let shape_alone = Text::new(shape, (at, MARKS[3]), SIZE, color).anchored(Anchor::Middle);
        if chosen.is_none() && taken.iter().any(|other| other.overlaps(shape_alone.bounds())) {
            continue;
        }
        let row = chosen.as_ref().map_or(MARKS[3], |text| text.at.1);
        match chosen {
            Some(text) => {
                taken.push(with_shape(&text));
                drawing.text_on_ground(text);
            }
            None => taken.push(shape_alone.bounds()),
        }
        drawing.text(Text::new(shape, (at, row), SIZE, color).anchored(Anchor::Middle));
    }
}
