//! What pictures must keep whatever the data: the same bytes, everything within the sheet, nothing over something else.

use std::time::Duration;

use timonel_domain::metric::{KnownMetric, Metric, Statistic};
use timonel_domain::plan::{Comparison, Severity};
use timonel_domain::rollout::Cause;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Quantity, RuleId, Side, Weight};

use crate::drawing::{Bounds, Drawing};
use crate::{
    About, Chart, Consequence, Format, Happened, Language, Limit, Look, Mark, PhaseBar, Point, ReportError, Series,
    Theme, Timeline, WeightStep, Zone, chart, timeline,
};

const LOOK: Look = Look {
    format: Format::Svg,
    theme: Theme::Light,
    language: Language::Es,
    zone: Zone::UTC,
};

fn at(minute: i64) -> Timestamp {
    Timestamp::from_secs(1_795_438_800 + minute * 60)
}

fn about() -> About {
    About {
        rollout: "casos".to_owned(),
        environment: "produccion".to_owned(),
        span: at(0)..at(60),
    }
}

/// Values a minute, in hundredths of a percent; negative is a gap.
fn series(side: Side, values: impl Fn(i64) -> i64) -> Series {
    let point = |minute| {
        let value = values(minute);
        Point {
            at: at(minute),
            value: (value >= 0).then(|| Quantity::from_micros(value * 100)),
        }
    };
    Series {
        side,
        points: (0..=60).map(point).collect(),
        band: Vec::new(),
    }
}

fn limit(percent: i64, consequence: Consequence) -> Limit {
    Limit {
        comparison: Comparison::Above,
        at: Quantity::from_micros(percent * 10_000),
        lasting: Duration::from_secs(300),
        consequence,
    }
}

fn step(minute: i64, asked: u16, accepted: u16) -> WeightStep {
    WeightStep {
        at: at(minute),
        asked: Weight::from_hundredths(asked).unwrap(),
        accepted: Weight::from_hundredths(accepted).unwrap(),
    }
}

fn mark(minute: i64, what: Happened, severity: Severity) -> Mark {
    Mark {
        at: at(minute),
        what,
        severity,
    }
}

fn rolled_back() -> Happened {
    Happened::RolledBack(Cause::Rule(RuleId::new("errores-10").unwrap()))
}

fn a_chart() -> Chart {
    Chart {
        about: about(),
        metric: Metric::Known(KnownMetric::ErrorRate),
        statistic: Statistic::Share,
        window: Some(Duration::from_secs(300)),
        series: vec![
            series(Side::Stable, |_| 100),
            series(Side::Canary, |minute| match minute {
                0..=10 => -1,
                30..=34 => -1,
                40.. => 3_810,
                _ => 110 + minute,
            }),
        ],
        limits: vec![limit(10, Consequence::Rollback), limit(5, Consequence::Freeze)],
        weights: vec![step(5, 1000, 1000), step(20, 2500, 2500), step(50, 0, 0)],
        marks: vec![mark(50, rolled_back(), Severity::Critical)],
    }
}

fn a_timeline() -> Timeline {
    let phase = |name: &str, percent, from: i64, actual: &[(i64, Option<i64>)]| PhaseBar {
        name: name.to_owned(),
        weight: Weight::percent(percent),
        planned: Some(at(from)..at(from + 14)),
        actual: actual.iter().map(|(a, b)| (at(*a), b.map(at))).collect(),
    };
    Timeline {
        about: about(),
        newest: at(52),
        phases: vec![
            phase("Canario 10 %", 10, 2, &[(3, Some(18))]),
            phase("Canario 25 %", 25, 16, &[(18, Some(50))]),
            phase("Un nombre que no cabe en su barra de ninguna manera", 50, 30, &[]),
            phase("Todo", 100, 44, &[]),
        ],
        weights: vec![step(3, 1000, 970), step(18, 2500, 2470), step(50, 0, 0)],
        marks: vec![
            mark(45, Happened::Rule("errores-5".to_owned()), Severity::High),
            mark(50, rolled_back(), Severity::Critical),
            mark(51, Happened::Verified, Severity::Medium),
        ],
    }
}

fn looks() -> impl Iterator<Item = Look> {
    [Language::Es, Language::En].into_iter().flat_map(|language| {
        [Theme::Light, Theme::Dark].map(|theme| Look {
            theme,
            language,
            ..LOOK
        })
    })
}

#[track_caller]
fn tidy(drawing: &Drawing) {
    let sheet = Bounds(0.0, 0.0, f64::from(drawing.width), f64::from(drawing.height));
    let texts: Vec<_> = drawing.texts().map(|text| (text.text.clone(), text.bounds())).collect();
    assert!(texts.len() > 10);
    for (i, (text, bounds)) in texts.iter().enumerate() {
        assert!(
            sheet.holds((bounds.0, bounds.1)) && sheet.holds((bounds.2, bounds.3)),
            "`{text}` is cut: {bounds:?}"
        );
        for (other, theirs) in &texts[..i] {
            assert!(
                !bounds.overlaps(*theirs),
                "`{text}` lies over `{other}`: {bounds:?} {theirs:?}"
            );
        }
    }
}

#[test]
fn nothing_is_cut_and_no_word_lies_over_another() {
    for look in looks() {
        tidy(&crate::chart::draw(&a_chart(), &look).unwrap());
        tidy(&crate::timeline::draw(&a_timeline(), &look).unwrap());
    }
    // Many things at one moment, and lines that end together.
    let mut crowded = a_timeline();
    for minute in 45..50 {
        for name in ["casos", "derivacion", "telnyx"] {
            crowded
                .marks
                .push(mark(minute, Happened::Silent(name.to_owned()), Severity::High));
        }
    }
    tidy(&crate::timeline::draw(&crowded, &LOOK).unwrap());
    let mut close = a_chart();
    close.series = vec![series(Side::Stable, |_| 100), series(Side::Canary, |_| 101)];
    close.limits = vec![
        limit(10, Consequence::Rollback),
        limit(10, Consequence::Alert),
        limit(1, Consequence::Freeze),
    ];
    tidy(&crate::chart::draw(&close, &LOOK).unwrap());
}

#[test]
fn a_chart_says_what_its_lines_are_and_what_its_limits_do() {
    let drawing = crate::chart::draw(&a_chart(), &LOOK).unwrap();
    let texts: Vec<String> = drawing.texts().map(|t| t.text.replace('\u{a0}', " ")).collect();
    for said in [
        "Errores",
        "nuevo",
        "estable",
        "nuevo 38,1 %",
        "estable 1 %",
        "revierte 10 % · 5 min",
        "avisa y detiene 5 % · 5 min",
        "▲ se revierte a 0 %: regla errores-10  13:50:00",
        "nuevo a 0 %: solo lo que seguía en curso",
        "→ 25 %",
        "13:30",
    ] {
        assert!(texts.iter().any(|text| text == said), "`{said}` is not in {texts:#?}");
    }
    let svg = String::from_utf8(chart(&a_chart(), &LOOK).unwrap()).unwrap();
    assert!(
        svg.contains("<title>Errores · casos</title>") && svg.contains("nuevo: último valor 38,1\u{a0}%"),
        "{svg}"
    );
}

#[test]
fn a_side_without_data_is_said_to_have_none() {
    let mut half = a_chart();
    half.series[1] = series(Side::Canary, |_| -1);
    let drawing = crate::chart::draw(&half, &LOOK).unwrap();
    assert!(drawing.texts().any(|text| text.text == "nuevo: sin datos"));
    tidy(&drawing);
}

#[test]
fn no_line_is_drawn_across_a_gap() {
    use crate::drawing::Shape;
    let drawing = crate::chart::draw(&a_chart(), &LOOK).unwrap();
    let canary = crate::palette::Palette::of(Theme::Light).canary;
    let solid = drawing.shapes.iter().filter_map(|shape| match shape {
        // The samples in the legend have two points.
        Shape::Line { points, stroke } if stroke.color == canary && points.len() > 2 => {
            Some((points.len(), stroke.dash.is_some()))
        }
        Shape::Line { .. } | Shape::Area { .. } | Shape::Rect { .. } | Shape::Text(_) => None,
    });
    let runs: Vec<_> = solid.collect();
    // Two gaps, and from the rollback on only what was still in progress.
    assert_eq!(runs, [(19, false), (16, false), (11, true)]);
    let of_stable = crate::palette::Palette::of(Theme::Light).stable;
    assert!(drawing.shapes.iter().any(|shape| matches!(
        shape,
        Shape::Line { points, stroke } if stroke.color == of_stable && stroke.dash.is_some() && points.len() == 61
    )));
}

#[test]
fn what_is_planned_is_hollow_and_what_was_is_filled() {
    use crate::drawing::{Paint, Shape};
    let drawing = crate::timeline::draw(&a_timeline(), &LOOK).unwrap();
    let count = |wanted: fn(&Paint) -> bool| {
        let rects = drawing.shapes.iter().filter(|shape| match shape {
            Shape::Rect {
                corner,
                opposite,
                paint,
            } => wanted(paint) && opposite.1 - corner.1 == 26.0,
            Shape::Line { .. } | Shape::Area { .. } | Shape::Text(_) => false,
        });
        rects.count()
    };
    assert_eq!(count(|paint| matches!(paint, Paint::Outline(_))), 4);
    assert_eq!(count(|paint| matches!(paint, Paint::Fill(_))), 2);
    let texts: Vec<&str> = drawing.texts().map(|t| t.text.as_str()).collect();
    assert!(
        texts.contains(&"Canario 25 %") && texts.contains(&"50\u{a0}%"),
        "{texts:?}"
    );
    assert!(texts.contains(&"▲") && texts.contains(&"◆") && texts.contains(&"✓") && texts.contains(&"pedido"));
}

#[test]
fn the_same_data_give_the_same_bytes() {
    for look in looks() {
        for format in [Format::Svg, Format::Png] {
            let look = Look { format, ..look };
            assert_eq!(chart(&a_chart(), &look).unwrap(), chart(&a_chart(), &look).unwrap());
        }
    }
    let sum = |bytes: Vec<u8>| format!("{:016x}", fnv(&bytes));
    // Change these only with an eye on the pictures.
    let svgs = [chart(&a_chart(), &LOOK), timeline(&a_timeline(), &LOOK)].map(|svg| sum(svg.unwrap()));
    assert_eq!(svgs, ["dd6291dbcbca419c", "fea7443f21122ffd"]);
}

/// FNV-1a: enough to see that something changed.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[test]
fn a_png_has_its_size_and_ink_where_the_lines_are() {
    let look = Look {
        format: Format::Png,
        ..LOOK
    };
    for (bytes, height) in [
        (chart(&a_chart(), &look).unwrap(), 920),
        (timeline(&a_timeline(), &look).unwrap(), 880),
    ] {
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(
            (info.width, info.height, info.color_type),
            (2000, height, png::ColorType::Rgb)
        );
        let ground = [0xf5, 0xf5, 0xf6];
        let inked = |left: usize, top: usize, right: usize, bottom: usize| {
            let row = |y: usize| (left..right).map(move |x| (x + y * 2000) * 3);
            (top..bottom)
                .flat_map(row)
                .filter(|i| pixels[*i..*i + 3] != ground)
                .count()
        };
        assert!(inked(40, 30, 600, 80) > 500, "the title");
        assert!(inked(150, 240, 1700, height as usize - 120) > 5_000, "the plot");
        assert!(
            inked(100, height as usize - 96, 1900, height as usize - 40) > 300,
            "the time axis"
        );
        assert_eq!(inked(0, 0, 2000, 16), 0, "the margin");
    }
}

#[test]
fn nothing_to_draw_is_said() {
    let mut empty = a_chart();
    empty.series = vec![series(Side::Canary, |_| -1)];
    assert!(matches!(chart(&empty, &LOOK), Err(ReportError::Empty { .. })));
    let mut backwards = a_timeline();
    backwards.about.span = at(9)..at(9);
    assert!(matches!(timeline(&backwards, &LOOK), Err(ReportError::Span { .. })));
}
