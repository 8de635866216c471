//! The font of all pictures, and how wide a text is in it.
//!
//! It is in the program, so that a picture is the same on every machine; a viewer of an SVG that lacks it takes a near one.

use std::sync::Once;

use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

/// As an SVG names it, with what to take where it is not installed.
pub(crate) const FAMILY: &str = "Inter, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";
/// What plotters calls a size is, when it draws pixels, from the lowest descender to the highest ascender.
pub(crate) const PIXELS_TO_EM: f64 = 1.21;
/// And when it writes SVG, this many times the em.
pub(crate) const SVG_TO_EM: f64 = 1.24;

const REGULAR: &[u8] = include_bytes!("../fonts/Inter-Regular.ttf");
const SEMI_BOLD: &[u8] = include_bytes!("../fonts/Inter-SemiBold.ttf");

/// Makes the font known to plotters, which keeps one table of fonts for the process.
pub(crate) fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for (style, bytes) in [(FontStyle::Normal, REGULAR), (FontStyle::Bold, SEMI_BOLD)] {
            // `InvalidFont` says nothing more; the file is ours and a test draws with it.
            assert!(
                register_font(FAMILY, style, bytes).is_ok(),
                "the font in this crate is sound"
            );
        }
    });
}

/// The width of `text` where an em is `size` units.
pub(crate) fn width(text: &str, size: f64, bold: bool) -> f64 {
    register();
    // Large, since plotters rounds to whole pixels.
    const EM: f64 = 1000.0;
    let style = if bold { FontStyle::Bold } else { FontStyle::Normal };
    let font = FontDesc::new(FontFamily::Name(FAMILY), EM * PIXELS_TO_EM, style);
    let ((left, _), (right, _)) = font.layout_box(text).unwrap_or_default();
    f64::from(right - left) / EM * size
}

#[cfg(test)]
mod tests {
    use super::width;

    #[test]
    fn the_font_has_what_charts_write() {
        let missing = width("\u{10ffff}", 12.0, false);
        for sign in "ñÑáéíóúü¿¡«»→✓▲◆●−·…±≤≥≈%€0123456789\u{a0}\u{202f}".chars() {
            for bold in [false, true] {
                let own = ab_glyph_has(sign, bold);
                assert!(own, "{sign:?} is not in the font");
            }
        }
        assert!(missing > 0.0 && width("WW", 12.0, false) > width("ii", 12.0, false));
        assert!(width("nuevo", 12.0, true) > width("nuevo", 12.0, false));
    }

    /// By its picture: a sign that is missing looks like every other missing one.
    fn ab_glyph_has(sign: char, bold: bool) -> bool {
        use plotters::style::{FontDesc, FontFamily, FontStyle};
        let style = if bold { FontStyle::Bold } else { FontStyle::Normal };
        let pixels = |text: &str| {
            let mut seen = Vec::new();
            let font = FontDesc::new(FontFamily::Name(super::FAMILY), 40.0, style);
            let drawn = font.draw(text, (0, 0), |x, y, a| {
                seen.push((x, y, (a * 100.0) as i32));
                Ok::<(), ()>(())
            });
            assert!(matches!(drawn, Ok(Ok(()))));
            seen
        };
        super::register();
        pixels(&sign.to_string()) != pixels("\u{10ffff}")
    }
}
