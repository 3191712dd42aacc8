//! The bundled fonts, and the characters they cover.
//!
//! The template's fonts are read at start. Fonts of scripts that few buyers use ([`SCRIPTS`]) are in the binary too,
//! and are read when a document needs one of them.

use typst::{
    foundations::Bytes,
    layout::Abs,
    text::{Font, FontInstance, FontVariant, FontVariations},
};

use super::error::InvalidTemplates;

/// Fonts of further scripts: name and file. Regular only, subset to what their script needs; see `fonts/README.md`.
const SCRIPTS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/scripts.rs"));

/// Every font a template may use. Which of them are tried for a character is the template's choice; the engine falls
/// back to any of them unless told not to.
pub struct Fonts {
    fonts: Vec<Font>,
    faces: Vec<FontInstance>,
}

impl Fonts {
    /// Reads font files; never an empty list.
    pub fn new(files: Vec<(String, Bytes)>) -> Result<Self, InvalidTemplates> {
        let mut fonts = Vec::new();
        for (name, bytes) in files {
            let before = fonts.len();
            fonts.extend(Font::iter(bytes));
            if fonts.len() == before {
                return Err(InvalidTemplates::NotFont(name));
            }
        }
        if fonts.is_empty() {
            return Err(InvalidTemplates::NoFonts);
        }
        Ok(Self::of(fonts))
    }

    /// These fonts, and after them those of further scripts.
    pub fn with_scripts(&self) -> Self {
        let further = SCRIPTS.iter().flat_map(|(_, bytes)| Font::iter(Bytes::new(*bytes)));
        Self::of(self.fonts.iter().cloned().chain(further).collect())
    }

    fn of(fonts: Vec<Font>) -> Self {
        let face =
            |font: &Font| font.clone().instantiate(FontVariant::default(), Abs::pt(10.0), &FontVariations::default());
        let faces = fonts.iter().map(face).collect();
        Self { fonts, faces }
    }

    /// The fonts in the order of their book.
    pub fn all(&self) -> &[Font] {
        &self.fonts
    }

    /// Whether one font has all of `cluster`: a letter and the marks on it are shaped together.
    pub fn any_has(&self, cluster: &str) -> bool {
        self.faces.iter().any(|face| has_all(face, cluster))
    }

    /// Whether every font has all of `cluster`.
    pub fn each_has(&self, cluster: &str) -> bool {
        self.faces.iter().all(|face| has_all(face, cluster))
    }

    /// The width of `c` in thousandths of the type size, in the widest font that has it.
    pub fn width(&self, c: char) -> u32 {
        let widths = self.faces.iter().filter_map(|face| {
            let face = face.ttf();
            let advance = face.glyph_hor_advance(face.glyph_index(c)?)?;
            (u32::from(advance) * 1000).checked_div(u32::from(face.units_per_em()))
        });
        widths.max().unwrap_or_default()
    }
}

/// A font may list a character and give it glyph 0, which stands for "none".
fn has_all(face: &FontInstance, cluster: &str) -> bool {
    cluster.chars().all(|c| face.ttf().glyph_index(c).is_some_and(|glyph| glyph.0 != 0))
}
