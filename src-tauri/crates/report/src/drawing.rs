//! A picture as a list of shapes in its own units, before any format: what is laid out here is checked by tests.

use crate::font;
use crate::palette::Color;

/// A point: right, and down.
pub(crate) type At = (f64, f64);

#[derive(Debug, Clone)]
pub(crate) struct Drawing {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) ground: Color,
    /// For those who cannot see it, and as the file's title.
    pub(crate) title: String,
    /// One sentence more.
    pub(crate) description: String,
    pub(crate) shapes: Vec<Shape>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Line { points: Vec<At>, stroke: Stroke },
    Area { points: Vec<At>, fill: Color },
    Rect { corner: At, opposite: At, paint: Paint },
    Text(Text),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stroke {
    pub(crate) color: Color,
    pub(crate) width: f64,
    /// Length of a dash and of the gap after it; `None` is solid.
    pub(crate) dash: Option<(f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Paint {
    Fill(Color),
    Outline(Color),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Text {
    pub(crate) text: String,
    /// Where the baseline begins, ends or has its middle.
    pub(crate) at: At,
    pub(crate) anchor: Anchor,
    /// Height of an em.
    pub(crate) size: f64,
    pub(crate) bold: bool,
    pub(crate) color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A rectangle: left, top, right, bottom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds(pub(crate) f64, pub(crate) f64, pub(crate) f64, pub(crate) f64);

impl Bounds {
    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.0 < other.2 && other.0 < self.2 && self.1 < other.3 && other.1 < self.3
    }

    pub(crate) fn holds(self, (x, y): At) -> bool {
        self.0 <= x && x <= self.2 && self.1 <= y && y <= self.3
    }

    pub(crate) fn widened(self, by: f64) -> Self {
        Self(self.0 - by, self.1 - by, self.2 + by, self.3 + by)
    }
}

impl Text {
    pub(crate) fn new(text: impl Into<String>, at: At, size: f64, color: Color) -> Self {
        Self {
            text: text.into(),
            at,
            anchor: Anchor::Start,
            size,
            bold: false,
            color,
        }
    }

    pub(crate) fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub(crate) fn anchored(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    pub(crate) fn width(&self) -> f64 {
        font::width(&self.text, self.size, self.bold)
    }

    /// What it covers, from the tops of capitals to the ends of descenders.
    pub(crate) fn bounds(&self) -> Bounds {
        let width = self.width();
        let left = match self.anchor {
            Anchor::Start => self.at.0,
            Anchor::Middle => self.at.0 - width / 2.0,
            Anchor::End => self.at.0 - width,
        };
        Bounds(
            left,
            self.at.1 - 0.76 * self.size,
            left + width,
            self.at.1 + 0.22 * self.size,
        )
    }
}

impl Drawing {
    pub(crate) fn line(&mut self, points: impl Into<Vec<At>>, color: Color, width: f64) {
        let stroke = Stroke {
            color,
            width,
            dash: None,
        };
        self.shapes.push(Shape::Line {
            points: points.into(),
            stroke,
        });
    }

    pub(crate) fn dashed(&mut self, points: impl Into<Vec<At>>, color: Color, width: f64, dash: (f64, f64)) {
        let stroke = Stroke {
            color,
            width,
            dash: Some(dash),
        };
        self.shapes.push(Shape::Line {
            points: points.into(),
            stroke,
        });
    }

    pub(crate) fn area(&mut self, points: impl Into<Vec<At>>, fill: Color) {
        self.shapes.push(Shape::Area {
            points: points.into(),
            fill,
        });
    }

    pub(crate) fn rect(&mut self, Bounds(left, top, right, bottom): Bounds, paint: Paint) {
        self.shapes.push(Shape::Rect {
            corner: (left, top),
            opposite: (right, bottom),
            paint,
        });
    }

    pub(crate) fn text(&mut self, text: Text) {
        self.shapes.push(Shape::Text(text));
    }

    /// A text that stays readable over lines: the ground is put behind it.
    pub(crate) fn text_on_ground(&mut self, text: Text) {
        self.rect(text.bounds().widened(2.0), Paint::Fill(self.ground));
        self.text(text);
    }

    #[cfg(test)]
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Text> {
        self.shapes.iter().filter_map(|shape| match shape {
            Shape::Text(text) => Some(text),
            Shape::Line { .. } | Shape::Area { .. } | Shape::Rect { .. } => None,
        })
    }
}

/// The parts of a path that are inked, by length along it.
pub(crate) fn dashes(points: &[At], (on, off): (f64, f64)) -> Vec<Vec<At>> {
    let mut out: Vec<Vec<At>> = Vec::new();
    let (mut inked, mut left) = (true, on);
    let Some(first) = points.first() else { return out };
    out.push(vec![*first]);
    for pair in points.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let at = (
                from.0 + (to.0 - from.0) * done / length,
                from.1 + (to.1 - from.1) * done / length,
            );
            match out.last_mut() {
                Some(dash) if inked => dash.push(at),
                Some(_) | None => out.push(vec![at]),
            }
            inked = !inked;
            left = if inked { on } else { off };
        }
        left -= length - done;
        if let (true, Some(dash)) = (inked, out.last_mut()) {
            dash.push(to);
        }
    }
    out.retain(|dash| dash.len() > 1);
    out
}

#[cfg(test)]
mod tests {
    use super::dashes;

    #[test]
    fn dashes_go_round_corners_and_keep_their_lengths() {
        let path = [(0.0, 0.0), (5.0, 0.0), (5.0, 10.0)];
        assert_eq!(
            dashes(&path, (4.0, 2.0)),
            [
                vec![(0.0, 0.0), (4.0, 0.0)],
                vec![(5.0, 1.0), (5.0, 5.0)],
                vec![(5.0, 7.0), (5.0, 10.0)],
            ]
        );
        assert!(dashes(&[], (4.0, 2.0)).is_empty());
    }
}
