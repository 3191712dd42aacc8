//! The visible text of a PDF's pages, line by line from the top, as another program extracts it. That program
//! (`hayro-interpret`) is in the tree as a dependency of the engine; it uses the maps from glyphs to characters and
//! knows nothing of how they were written.
#![expect(clippy::float_arithmetic, reason = "places on a page, no money")]

use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, GlyphDrawMode, Image, InterpreterCache, InterpreterSettings, Paint,
    PathDrawMode, SoftMask, font::Glyph, hayro_cmap::BfString, hayro_syntax::Pdf, interpret_page,
};
use kurbo::{Affine, BezPath, Rect};

/// A glyph and its position, in points from the top left corner of its page.
#[derive(Debug, Clone, PartialEq)]
pub struct Sign {
    /// The text it maps to; nothing if the file does not say.
    pub text: String,
    /// Where it begins.
    pub x: f64,
    /// Its baseline.
    pub y: f64,
    /// Where the next would begin.
    pub end: f64,
}

/// The pages of a file, each with its glyphs in the order of the file.
pub fn pages(pdf: &[u8]) -> Vec<Vec<Sign>> {
    let pdf = Pdf::new(pdf.to_vec()).expect("the file is a PDF");
    let cache = InterpreterCache::new();
    let mut pages = Vec::new();
    for page in pdf.pages().iter() {
        let (width, height) = page.render_dimensions();
        let sheet = Rect::new(0.0, 0.0, width.into(), height.into());
        let upright = Affine::new(page.initial_transform(true).as_coeffs());
        let mut eye = Eye::default();
        let mut context = Context::new(upright, sheet, &cache, page.xref(), InterpreterSettings::default());
        interpret_page(page, &mut context, &mut eye);
        pages.push(eye.0);
    }
    pages
}

/// The text of each page: lines from the top, words separated where there is a gap.
pub fn text(pdf: &[u8]) -> Vec<String> {
    pages(pdf).into_iter().map(lines).collect()
}

fn lines(mut signs: Vec<Sign>) -> String {
    // Signs of one line share a baseline; lines are at least two points apart.
    signs.sort_by(|a, b| (a.y.round(), a.x).partial_cmp(&(b.y.round(), b.x)).expect("places are numbers"));
    let mut text = String::new();
    let mut before: Option<Sign> = None;
    for sign in signs {
        if let Some(before) = before {
            if (sign.y - before.y).abs() > 1.0 {
                text.push('\n');
            } else if sign.x - before.end > 1.0 && !text.ends_with(' ') {
                text.push(' ');
            }
        }
        text.push_str(&sign.text);
        before = Some(sign);
    }
    text
}

/// Collects glyphs only.
#[derive(Default)]
struct Eye(Vec<Sign>);

impl<'a> Device<'a> for Eye {
    fn draw_glyph(&mut self, glyph: &Glyph<'a>, page: Affine, place: Affine, _: &Paint<'a>, _: &GlyphDrawMode) {
        let text = match glyph.as_unicode() {
            Some(BfString::Char(c)) => c.to_string(),
            Some(BfString::String(text)) => text,
            None => String::new(),
        };
        let [scale, _, _, _, x, y] = (page * place).as_coeffs();
        let advance = match glyph {
            Glyph::Outline(glyph) => glyph.advance_width().unwrap_or_default().into(),
            Glyph::Type3(_) => 0.0,
        };
        self.0.push(Sign { text, x, y, end: x + scale * advance });
    }

    fn set_soft_mask(&mut self, _: Option<SoftMask<'a>>) {}
    fn set_blend_mode(&mut self, _: BlendMode) {}
    fn draw_path(&mut self, _: &BezPath, _: Affine, _: &Paint<'a>, _: &PathDrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn draw_image(&mut self, _: Image<'a, '_>, _: Affine) {}
    fn pop_clip_path(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
