//! Places whose VAT differs from that of the state in their country code, by country and postal code.
//!
//! Each place is a row. France's special rates (Corsica; Guadeloupe, Martinique, Réunion), and those of the Azores and
//! Madeira, are not handled here: goods and services there are treated as on the mainland unless a row says otherwise.

/// An address, as far as VAT needs it.
#[derive(Debug, Clone, Copy)]
pub struct Spot<'a> {
    /// ISO 3166-1 alpha-2.
    pub country: &'a str,
    /// Postal code.
    pub postal_code: Option<&'a str>,
}

/// The VAT status of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// French VAT applies; goods sent there from elsewhere in France are exports.
    ExportsWithin,
    /// French, but French VAT does not apply: goods sent there are exports.
    NoFrenchVat,
    /// Part of a member state, but outside the Union's VAT area: goods sent there are exports.
    OutsideVatArea,
}

/// A place with its own VAT, or none.
#[derive(Debug, PartialEq, Eq)]
pub struct Region {
    /// Its name, for readers of this table.
    pub name: &'static str,
    /// Its VAT status.
    pub standing: Standing,
    /// The state whose country code its addresses use.
    state: &'static str,
    /// The prefixes of its postal codes.
    postal_codes: &'static [&'static str],
    /// Its own country code, ISO 3166-1 alpha-2, if it has one.
    own_code: Option<&'static str>,
    /// The legal source.
    pub source: &'static str,
}

const fn french(
    name: &'static str,
    standing: Standing,
    own_code: &'static str,
    postal_codes: &'static [&'static str],
    source: &'static str,
) -> Region {
    Region { name, standing, state: "FR", postal_codes, own_code: Some(own_code), source }
}

const fn outside(
    name: &'static str,
    state: &'static str,
    postal_codes: &'static [&'static str],
    own_code: Option<&'static str>,
) -> Region {
    let source = "Directive 2006/112/EC art. 6";
    Region { name, standing: Standing::OutsideVatArea, state, postal_codes, own_code, source }
}

const EXPORTS: &str = "CGI art. 294, 2, 1°; 296";
const GUYANE_MAYOTTE: &str = "CGI art. 294, 1";
const COLLECTIVITIES: &str =
    "CGI art. 294, 2; Directive 2006/112/EC art. 5 and 6: territories outside the French VAT area";

static REGIONS: [Region; 20] = [
    french("Guadeloupe", Standing::ExportsWithin, "GP", &["971"], EXPORTS),
    french("Martinique", Standing::ExportsWithin, "MQ", &["972"], EXPORTS),
    french("La Réunion", Standing::ExportsWithin, "RE", &["974"], EXPORTS),
    french("Guyane", Standing::NoFrenchVat, "GF", &["973"], GUYANE_MAYOTTE),
    french("Mayotte", Standing::NoFrenchVat, "YT", &["976"], GUYANE_MAYOTTE),
    // Both kept postal codes of Guadeloupe, of which they were part until 2007.
    french("Saint-Barthélemy", Standing::NoFrenchVat, "BL", &["97133", "977"], COLLECTIVITIES),
    french("Saint-Martin", Standing::NoFrenchVat, "MF", &["97150", "978"], COLLECTIVITIES),
    french("Saint-Pierre-et-Miquelon", Standing::NoFrenchVat, "PM", &["975"], COLLECTIVITIES),
    french("Terres australes et antarctiques", Standing::NoFrenchVat, "TF", &["984"], COLLECTIVITIES),
    french("Wallis-et-Futuna", Standing::NoFrenchVat, "WF", &["986"], COLLECTIVITIES),
    french("Polynésie française", Standing::NoFrenchVat, "PF", &["987"], COLLECTIVITIES),
    french("Nouvelle-Calédonie", Standing::NoFrenchVat, "NC", &["988"], COLLECTIVITIES),
    outside("Canarias", "ES", &["35", "38"], None),
    outside("Ceuta", "ES", &["51"], None),
    outside("Melilla", "ES", &["52"], None),
    outside("Åland", "FI", &["22"], Some("AX")),
    outside("Livigno", "IT", &["23041"], None),
    outside("Campione d’Italia", "IT", &["22061"], None),
    outside("Büsingen and Heligoland", "DE", &["78266", "27498"], None),
    outside("Mount Athos", "GR", &["63086", "63087"], None),
];

impl Region {
    /// The region of a place, if it has its own VAT; if two rows match, the one with the longer postal code.
    pub fn of(spot: Spot<'_>) -> Option<&'static Self> {
        if let Some(region) = REGIONS.iter().find(|region| region.own_code == Some(spot.country)) {
            return Some(region);
        }
        // People write "97 300", "F-97300" and "AX-22100".
        let code: String = spot.postal_code?.chars().filter(char::is_ascii_digit).collect();
        // The first digits of a shorter code have no known meaning.
        let fits = |region: &&Region| {
            let begins = region.postal_codes.iter().filter(|start| code.starts_with(**start)).map(|start| start.len());
            (region.state == spot.country && code.len() == 5).then(|| begins.max()).flatten()
        };
        REGIONS
            .iter()
            .filter_map(|region| Some((fits(&region)?, region)))
            .max_by_key(|(length, _)| *length)
            .map(|(_, region)| region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(country: &str, postal_code: &str) -> Option<&'static str> {
        Region::of(Spot { country, postal_code: Some(postal_code) }).map(|region| region.name)
    }

    #[test]
    fn a_place_is_known_by_its_postal_code_however_it_is_written() {
        for (country, code, expected) in [
            ("FR", "97300", Some("Guyane")),
            ("FR", "97 600", Some("Mayotte")),
            ("FR", "97133", Some("Saint-Barthélemy")),
            ("FR", "97150", Some("Saint-Martin")),
            ("FR", "97110", Some("Guadeloupe")),
            ("FR", "F-97400", Some("La Réunion")),
            ("FR", "98714", Some("Polynésie française")),
            ("FR", "98000", None),
            ("FR", "20000", None),
            ("FR", "973", None),
            ("GF", "", Some("Guyane")),
            ("AX", "22100", Some("Åland")),
            ("FI", "AX-22100", Some("Åland")),
            ("FI", "00100", None),
            ("ES", "35001", Some("Canarias")),
            ("ES", "38001", Some("Canarias")),
            ("ES", "51001", Some("Ceuta")),
            ("ES", "52001", Some("Melilla")),
            ("ES", "28001", None),
            ("DE", "35037", None),
            ("DE", "78266", Some("Büsingen and Heligoland")),
            ("IT", "22061", Some("Campione d’Italia")),
            ("IT", "22060", None),
            ("GR", "630 86", Some("Mount Athos")),
            ("US", "97300", None),
        ] {
            assert_eq!(name(country, code), expected, "{country} {code}");
        }
        assert_eq!(Region::of(Spot { country: "ES", postal_code: None }), None);
    }
}
