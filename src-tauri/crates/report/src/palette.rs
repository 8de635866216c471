//! The colours, the same as the window's: grey, and saturated only where something is abnormal or new.
//!
//! Every meaning has a shape or a word beside its colour.

use crate::Theme;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Color(pub(crate) u8, pub(crate) u8, pub(crate) u8);

#[derive(Debug, Clone, Copy)]
pub(crate) struct Palette {
    pub(crate) ground: Color,
    pub(crate) grid: Color,
    /// Outlines of what is planned.
    pub(crate) outline: Color,
    pub(crate) ink: Color,
    pub(crate) dim: Color,
    pub(crate) canary: Color,
    pub(crate) stable: Color,
    /// What the share of a side may be, behind its line.
    pub(crate) canary_band: Color,
    pub(crate) stable_band: Color,
    pub(crate) warning: Color,
    pub(crate) critical: Color,
    /// Behind values beyond a limit that rolls back.
    pub(crate) breach: Color,
}

impl Palette {
    pub(crate) const fn of(theme: Theme) -> Self {
        match theme {
            Theme::Light => Self {
                ground: Color(0xf5, 0xf5, 0xf6),
                grid: Color(0xdb, 0xde, 0xe2),
                outline: Color(0x8b, 0x92, 0x9c),
                ink: Color(0x1d, 0x21, 0x26),
                dim: Color(0x5b, 0x63, 0x6e),
                canary: Color(0x25, 0x63, 0xa8),
                stable: Color(0x5d, 0x68, 0x75),
                canary_band: Color(0xe0, 0xe8, 0xf1),
                stable_band: Color(0xe6, 0xe8, 0xea),
                warning: Color(0x8f, 0x55, 0x00),
                critical: Color(0xb3, 0x12, 0x1d),
                breach: Color(0xf7, 0xd2, 0xd2),
            },
            Theme::Dark => Self {
                ground: Color(0x24, 0x28, 0x2d),
                grid: Color(0x3a, 0x40, 0x48),
                outline: Color(0x75, 0x7d, 0x88),
                ink: Color(0xe3, 0xe6, 0xea),
                dim: Color(0xa2, 0xaa, 0xb4),
                canary: Color(0x6f, 0xb1, 0xf5),
                stable: Color(0x9a, 0xa5, 0xb2),
                canary_band: Color(0x2c, 0x37, 0x44),
                stable_band: Color(0x2d, 0x32, 0x38),
                warning: Color(0xf0, 0xb1, 0x4a),
                critical: Color(0xff, 0x7a, 0x78),
                breach: Color(0x54, 0x21, 0x1f),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Color, Palette};
    use crate::Theme;

    /// WCAG 2.2, relative luminance and contrast.
    fn contrast(a: Color, b: Color) -> f64 {
        let channel = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        };
        let luminance = |c: Color| 0.2126 * channel(c.0) + 0.7152 * channel(c.1) + 0.0722 * channel(c.2);
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn words_and_lines_can_be_read_on_every_ground() {
        for theme in [Theme::Light, Theme::Dark] {
            let p = Palette::of(theme);
            for text in [p.ink, p.dim, p.canary, p.stable, p.warning, p.critical] {
                assert!(contrast(text, p.ground) >= 4.5, "{theme:?} {text:?}");
            }
            for line in [p.canary, p.critical, p.warning] {
                assert!(contrast(line, p.breach) >= 3.0, "{theme:?} {line:?}");
            }
            // Over the bands, all the same.
            for band in [p.canary_band, p.stable_band] {
                assert!(
                    contrast(p.canary, band) >= 3.0 && contrast(p.stable, band) >= 3.0,
                    "{theme:?}"
                );
                assert!(
                    contrast(p.critical, band) >= 4.5 && contrast(p.warning, band) >= 4.5,
                    "{theme:?}"
                );
            }
            // On filled bars: the name of a phase that is under way.
            assert!(contrast(p.ground, p.canary) >= 4.5 && contrast(p.ground, p.stable) >= 4.5);
            assert!(contrast(p.outline, p.ground) >= 2.8, "{theme:?}");
        }
    }
}
