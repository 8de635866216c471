//! From shapes to bytes, by plotters: SVG and PNG of one and the same drawing.

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{PathElement, Polygon, Rectangle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontDesc, FontFamily, FontStyle, RGBColor, ShapeStyle, TextStyle};

use crate::drawing::{Anchor, At, Drawing, Paint, Shape, Stroke, Text, dashes};
use crate::font;
use crate::palette::Color;
use crate::{Format, Look, ReportError};

/// Pixels, and steps of the SVG's grid, in a unit of a drawing: plotters places everything on whole ones.
const FINE: f64 = 2.0;

pub(crate) fn render(drawing: &Drawing, look: &Look) -> Result<Vec<u8>, ReportError> {
    font::register();
    match look.format {
        Format::Svg => svg(drawing),
        Format::Png => png(drawing),
    }
}

/// How a back end sets text: its sizes in ems, and how far below the top of a text it puts the baseline.
struct Setting {
    em: f64,
    baseline: f64,
}

fn svg(drawing: &Drawing) -> Result<Vec<u8>, ReportError> {
    let mut text = String::new();
    let size = fine(drawing);
    let setting = Setting {
        em: font::SVG_TO_EM,
        baseline: 0.76,
    };
    draw(
        drawing,
        &SVGBackend::with_string(&mut text, size).into_drawing_area(),
        &setting,
    )?;
    // Its own size is a half of its grid, and a reader of screens is told what it shows.
    let wide = format!("width=\"{}\" height=\"{}\"", size.0, size.1);
    let (head, rest) = text
        .split_once(&wide)
        .and_then(|(before, after)| Some((before, after.split_once('>')?)))
        .ok_or_else(|| ReportError::Draw("plotters writes its SVG otherwise than it did".to_owned()))?;
    Ok(format!(
        "{head}role=\"img\" width=\"{}\" height=\"{}\"{}>\n<title>{}</title>\n<desc>{}</desc>{}",
        drawing.width,
        drawing.height,
        rest.0,
        escaped(&drawing.title),
        escaped(&drawing.description),
        rest.1
    )
    .into_bytes())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn png(drawing: &Drawing) -> Result<Vec<u8>, ReportError> {
    let (width, height) = fine(drawing);
    let mut pixels = vec![0; width as usize * height as usize * 3];
    let setting = Setting {
        em: font::PIXELS_TO_EM,
        baseline: font::PIXELS_TO_EM / 2.0,
    };
    let backend = BitMapBackend::with_buffer(&mut pixels, (width, height));
    draw(drawing, &backend.into_drawing_area(), &setting)?;
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    encoder.add_itxt_chunk("Title".to_owned(), drawing.title.clone())?;
    encoder.add_itxt_chunk("Description".to_owned(), drawing.description.clone())?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(out)
}

fn fine(drawing: &Drawing) -> (u32, u32) {
    (drawing.width * FINE as u32, drawing.height * FINE as u32)
}

fn draw<DB: DrawingBackend>(
    drawing: &Drawing,
    area: &DrawingArea<DB, Shift>,
    setting: &Setting,
) -> Result<(), ReportError> {
    let failed = |e: &dyn std::fmt::Display| ReportError::Draw(e.to_string());
    area.fill(&rgb(drawing.ground)).map_err(|e| failed(&e))?;
    for shape in &drawing.shapes {
        match shape {
            Shape::Line { points, stroke } => {
                let parts = match stroke.dash {
                    Some(dash) => dashes(points, dash),
                    None => vec![points.clone()],
                };
                for part in parts {
                    let path: Vec<_> = part.into_iter().map(grid).collect();
                    area.draw(&PathElement::new(path, line(stroke)))
                        .map_err(|e| failed(&e))?;
                }
            }
            Shape::Area { points, fill } => {
                let path: Vec<_> = points.iter().copied().map(grid).collect();
                area.draw(&Polygon::new(path, ShapeStyle::from(&rgb(*fill)).filled()))
                    .map_err(|e| failed(&e))?;
            }
            Shape::Rect {
                corner,
                opposite,
                paint,
            } => {
                let style = match paint {
                    Paint::Fill(color) => ShapeStyle::from(&rgb(*color)).filled(),
                    Paint::Outline(color) => ShapeStyle::from(&rgb(*color)).stroke_width(FINE as u32),
                };
                area.draw(&Rectangle::new([grid(*corner), grid(*opposite)], style))
                    .map_err(|e| failed(&e))?;
            }
            Shape::Text(text) => {
                let top = text.at.1 - setting.baseline * text.size;
                area.draw_text(&text.text, &lettering(text, setting), grid((text.at.0, top)))
                    .map_err(|e| failed(&e))?;
            }
        }
    }
    area.present().map_err(|e| failed(&e))
}

fn grid((x, y): At) -> (i32, i32) {
    ((x * FINE).round() as i32, (y * FINE).round() as i32)
}

fn rgb(Color(r, g, b): Color) -> RGBColor {
    RGBColor(r, g, b)
}

fn line(stroke: &Stroke) -> ShapeStyle {
    ShapeStyle::from(&rgb(stroke.color)).stroke_width((stroke.width * FINE).round().max(1.0) as u32)
}

fn lettering<'a>(text: &Text, setting: &Setting) -> TextStyle<'a> {
    let style = if text.bold { FontStyle::Bold } else { FontStyle::Normal };
    let font = FontDesc::new(FontFamily::Name(font::FAMILY), text.size * FINE * setting.em, style);
    let across = match text.anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    let mut style = TextStyle::from(font);
    style.color = rgb(text.color).to_backend_color();
    style.pos = Pos::new(across, VPos::Top);
    style
}
