//! The icon beside the clock: a shape a state, so that nobody needs colours to read it, drawn for light and dark panels.
//!
//! Drawn here and not kept as files: five shapes of one size, each a line of geometry.

use tauri::image::Image;

/// How things stand, as far as an icon can say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A disc: watched, and in order.
    Calm,
    /// Two bars: something holds the rollout.
    Held,
    /// A triangle: a rule is at it, or an alert waits for somebody.
    Alarm,
    /// A square: everything is on the stable side, latched.
    Back,
    /// A ring, empty inside: nobody knows. Never shown for in order.
    Lost,
}

/// Pixels of a side.
const SIDE: u32 = 32;
/// How far from the middle of the icon a side is, in pixels.
const HALF: f32 = 16.0;
/// Pixels of the dark edge that parts a light shape from a light panel.
const EDGE: f32 = 2.0;
const DARK: [f32; 3] = [24.0, 27.0, 31.0];

impl Shape {
    /// The icon.
    pub(crate) fn icon(self) -> Image<'static> {
        let mut pixels = Vec::with_capacity((SIDE * SIDE * 4) as usize);
        for index in 0..SIDE * SIDE {
            let at = |number: u32| (number as f32 + 0.5 - HALF) / HALF;
            let outside = self.distance(at(index % SIDE), at(index / SIDE)) * HALF;
            let within = |reach: f32| (reach + 0.5 - outside).clamp(0.0, 1.0);
            let (fill, all) = (within(0.0), within(EDGE));
            let ink = |own: f32, dark: f32| (own * fill + dark * (1.0 - fill)).round() as u8;
            let [red, green, blue] = self.colour();
            pixels.extend([
                ink(red, DARK[0]),
                ink(green, DARK[1]),
                ink(blue, DARK[2]),
                (all * 255.0).round() as u8,
            ]);
        }
        Image::new_owned(pixels, SIDE, SIDE)
    }

    /// How far outside the shape a point is; negative inside. The icon reaches from -1 to 1, y downwards.
    fn distance(self, x: f32, y: f32) -> f32 {
        let block = |x: f32, y: f32, wide: f32, high: f32| (x.abs() - wide).max(y.abs() - high);
        match self {
            Shape::Calm => x.hypot(y) - 0.7,
            Shape::Held => block(x.abs() - 0.38, y, 0.18, 0.62),
            // A blunt tip: the edge of a sharp one would leave the icon.
            Shape::Alarm => (y - 0.64).max(0.894 * x.abs() - 0.447 * y - 0.36).max(-y - 0.72),
            Shape::Back => block(x, y, 0.6, 0.6),
            Shape::Lost => (x.hypot(y) - 0.62).abs() - 0.13,
        }
    }

    fn colour(self) -> [f32; 3] {
        match self {
            Shape::Calm | Shape::Back | Shape::Lost => [233.0, 234.0, 236.0],
            Shape::Held => [242.0, 190.0, 66.0],
            Shape::Alarm => [232.0, 62.0, 62.0],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SIDE, Shape};

    const ALL: [Shape; 5] = [Shape::Calm, Shape::Held, Shape::Alarm, Shape::Back, Shape::Lost];

    /// Which pixels are filled, whatever their colour.
    fn outline(shape: Shape) -> Vec<bool> {
        shape.icon().rgba().chunks(4).map(|pixel| pixel[3] > 127).collect()
    }

    #[test]
    fn no_two_states_have_one_outline() {
        for (index, shape) in ALL.iter().enumerate() {
            for other in &ALL[index + 1..] {
                let differing = outline(*shape)
                    .iter()
                    .zip(outline(*other))
                    .filter(|(a, b)| **a != *b)
                    .count();
                assert!(
                    differing > 60,
                    "{shape:?} and {other:?} differ in {differing} pixels only"
                );
            }
        }
    }

    #[test]
    fn a_shape_keeps_clear_of_the_sides_and_is_lighter_than_its_edge() {
        for shape in ALL {
            let icon = shape.icon();
            let pixel = |x: u32, y: u32| &icon.rgba()[((y * SIDE + x) * 4) as usize..][..4];
            for at in 0..SIDE {
                for (x, y) in [(at, 0), (at, SIDE - 1), (0, at), (SIDE - 1, at)] {
                    assert_eq!(pixel(x, y)[3], 0, "{shape:?} at {x}, {y}");
                }
            }
            let opaque = || {
                icon.rgba()
                    .chunks(4)
                    .filter(|pixel| pixel[3] == 255)
                    .map(|pixel| pixel[0])
            };
            assert!(opaque().max() > Some(200) && opaque().min() < Some(40), "{shape:?}");
        }
    }
}
