//! What the renderer guarantees: the same bytes, any text, any length, and errors that name their location.

use std::{path::Path, process::Command};

use comptoir::{
    billing::draft::draft,
    invoice::{
        Invoice,
        print::{self, Page},
    },
    numbering::InvoiceNumber,
    sale::{Sale, SaleLine},
    seller::{Look, Seller},
    testing::{FRANCHISE_TOML, STANDARD_TOML, matrix::matrix, sale, words},
};
use jiff::civil::{Date, date};

use super::*;

const DAY: Date = date(2026, 11, 21);

/// The attachment matters to one test only.
const TWIN: &str = "<twin/>";

pub(super) fn look() -> Look {
    Look { logo: None, accent: "#1f3a5f".into() }
}

pub(super) fn renderer() -> Renderer {
    Renderer::new(Templates::embedded()).unwrap()
}

fn page_of(toml: &str, sale: &Sale) -> Page {
    let seller = Seller::from_toml(toml).unwrap();
    let draft = draft(sale, &seller, DAY).unwrap();
    print::page(&Invoice::new(InvoiceNumber("2026-11-0042".into()), DAY, draft), &seller.look, &words())
}

fn with_lines(count: i64) -> Page {
    let mut sale = sale();
    let line = |n: i64| SaleLine {
        description: format!("Séance {n}"),
        quantity: 1.into(),
        total: 100 * n,
        ..SaleLine::default()
    };
    sale.lines = (1..=count).map(line).collect();
    sale.total = sale.lines.iter().map(|line| line.total).sum();
    page_of(STANDARD_TOML, &sale)
}

fn page() -> Page {
    with_lines(5)
}

/// The text of the file as a reader sees it; pages are separated by form feeds.
pub(super) fn text_of(pdf: &[u8]) -> String {
    reading::text(pdf).join("\u{c}").replace(['\u{a0}', '\u{202f}'], " ")
}

fn pages_of(pdf: &[u8]) -> usize {
    let pdf = String::from_utf8_lossy(pdf);
    pdf.matches("/Type/Page/").count() + pdf.matches("/Type /Page\n").count()
}

#[test]
fn the_same_page_is_the_same_bytes_whatever_was_rendered_between() {
    let renderer = renderer();
    let first = renderer.render(&page(), TWIN).unwrap();
    const OTHERS: usize = 20;
    comptoir::testing::readme::says(OTHERS, "other renderings in between");
    for n in 1..=OTHERS {
        let mut other = with_lines(i64::from(n % 2 == 0) + 1);
        other.number = format!("2026-11-{n:04}");
        renderer.render(&other, TWIN).unwrap();
    }
    assert_eq!(renderer.render(&page(), TWIN).unwrap(), first);
    assert_eq!(super::tests::renderer().render(&page(), TWIN).unwrap(), first);
}

#[test]
fn another_process_writes_the_same_bytes() {
    const CHILD: &str = "COMPTOIR_RENDER_TO";
    let bytes = renderer().render(&page(), TWIN).unwrap();
    #[expect(clippy::disallowed_methods, reason = "this test is its own child process")]
    if let Ok(path) = std::env::var(CHILD) {
        std::fs::write(path, bytes).unwrap();
        return;
    }
    let path = std::env::temp_dir().join(format!("comptoir-child-{}.pdf", std::process::id()));
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "render::tests::another_process_writes_the_same_bytes"])
        .env(CHILD, &path)
        .output()
        .unwrap();
    assert!(status.status.success());
    let child = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(child, bytes);
}

#[test]
fn it_is_a_pdf_a_3b_that_says_whose_and_which() {
    let pdf = renderer().render(&page(), TWIN).unwrap();
    let raw = String::from_utf8_lossy(&pdf);
    for part in [
        "<pdfaid:part>3</pdfaid:part>",
        "<pdfaid:conformance>B</pdfaid:conformance>",
        "Facture 2026-11-0042",
        "Formations Réunies",
        "2026-11-21T00:00:00",
        "/Lang(fr)",
    ] {
        assert!(raw.contains(part), "{part}");
    }
    let text = text_of(&pdf);
    for part in ["2026-11-0042", "Zoé Lefèvre", "Page 1/1", "21 novembre 2026", "RCS Lyon"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn it_says_that_it_is_factur_x_and_every_object_is_where_the_table_says() {
    let pdf = renderer().render(&page(), TWIN).unwrap();
    let at = |from: usize| String::from_utf8_lossy(&pdf[from..]).into_owned();
    let after = |text: &str, mark: &str| text.split_once(mark).unwrap().1.to_owned();
    let number =
        |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<usize>().unwrap();
    let raw = at(0);
    for part in ["<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>", "(factur-x.xml)", "/AFRelationship/Alternative"]
    {
        assert!(raw.contains(part), "{part}");
    }
    let table = at(number(&after(&raw, "startxref\n")));
    assert!(table.starts_with("xref\n0 "), "{table:.40}");
    let entries: Vec<usize> =
        table.lines().skip(3).take_while(|line| line.trim_end().ends_with(" n")).map(number).collect();
    assert!(entries.len() > 50);
    for (entry, object) in entries.iter().zip(1..) {
        assert!(pdf[*entry..].starts_with(format!("{object} 0 obj").as_bytes()), "object {object}");
    }
    let metadata = entries
        .iter()
        .map(|entry| at(*entry))
        .find(|object| object.lines().nth(1).unwrap().ends_with("/Type/Metadata/Subtype/XML>>"))
        .unwrap();
    let length = number(&after(&metadata, "/Length "));
    assert_eq!(after(&metadata, "stream\n").as_bytes()[length..].get(..10), Some(&b"\nendstream"[..]));
}

#[test]
fn one_line_or_five_hundred() {
    let renderer = renderer();
    assert_eq!(pages_of(&renderer.render(&with_lines(1), TWIN).unwrap()), 1);
    let pdf = renderer.render(&with_lines(500), TWIN).unwrap();
    let pages = pages_of(&pdf);
    assert!((10..25).contains(&pages), "{pages}");
    let text = text_of(&pdf);
    assert_eq!(text.split('\u{c}').count(), pages);
    assert_eq!(text.matches("Désignation").count(), pages);
    assert!(text.contains(&format!("Page {pages}/{pages}")));
    let last = text.split('\u{c}').next_back().unwrap();
    assert!(last.contains("Séance 500") && last.contains("Total TTC"), "{last}");
    for n in 1..=500 {
        assert_eq!(text.matches(&format!("Séance {n} ")).count(), 1, "line {n}");
    }
}

#[test]
fn the_sums_never_begin_a_page() {
    let renderer = renderer();
    for count in 10..30 {
        let text = text_of(&renderer.render(&with_lines(count), TWIN).unwrap());
        let last = text.split('\u{c}').rfind(|page| page.contains("Total HT")).unwrap();
        for kept in [count - 1, count] {
            assert!(last.contains(&format!("Séance {kept}")), "{count} lines: {last}");
        }
        assert!(last.contains("Reste à payer"), "{count} lines: {last}");
    }
}

#[test]
fn a_description_longer_than_a_page_runs_on() {
    let mut page = page();
    page.lines.truncate(1);
    page.lines[0].description = "Une description sans fin, recopiée d’ailleurs. ".repeat(150);
    let pdf = renderer().render(&page, TWIN).unwrap();
    assert_eq!(pages_of(&pdf), 3);
    let text = text_of(&pdf);
    assert!(text.contains("Reste à payer"), "{text}");
    assert_eq!(text.matches("ailleurs").count(), 150);
}

#[test]
fn strangers_names_print() {
    let renderer = renderer();
    let hostile = [
        "#panic()",
        "$x$ *bold* _it_ `raw` <label> @ref [x] = H // c",
        "#import \"/etc/passwd\"",
        "abc\u{202e}fdp.exe",
        "😀👩‍👩‍👧 🏳️‍🌈",
        "a\0b\u{1b}[31m",
        "山田太郎 김철수 नमस्ते ไทย",
        "مريم العلوي",
        "Ελένη Παπαδοπούλου Наталія",
        "Zoe\u{301} Lefe\u{300}vre",
        "z\u{351}\u{36b}\u{343}a\u{300}\u{301}\u{302}l\u{489}",
        "\u{fe0f}\u{200d}\u{feff}\u{ad}",
        "\u{ffff}\u{e000}\u{10ffff}",
        "",
        "\"\\\n\r\t",
    ];
    for name in hostile {
        let mut sale = sale();
        sale.customer.address.as_mut().unwrap().city = Some(name.into());
        sale.lines[0].description = format!("x{name}");
        sale.reference = Some(name.into());
        let mut page = page_of(FRANCHISE_TOML, &sale);
        page.buyer = name.into();
        let pdf = renderer.render(&page, TWIN).unwrap_or_else(|error| panic!("{name:?}: {error}"));
        if name.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
            let text = text_of(&pdf);
            assert!(text.contains(name), "{name} in {text}");
        }
    }
}

#[test]
fn names_are_read_as_they_were_given() {
    let renderer = renderer();
    for (country, name) in [
        ("JP", "株式会社 髙橋﨑 さくらカナ"),
        ("CN", "张伟 王秀英 喆堃"),
        ("TW", "陳大文 龍"),
        ("KR", "김철수 박서연"),
        ("TH", "สมชาย ใจดี"),
        ("GR", "Ελένη Παπαδοπούλου"),
        ("UA", "Наталія Ґедзь"),
        ("AM", "Հայկ Սարգսյան"),
        ("GE", "ნინო ქართველი"),
        ("VN", "Nguyễn Thị Ánh"),
    ] {
        let mut page = page();
        name.clone_into(&mut page.buyer);
        country.clone_into(&mut page.buyer_country);
        let printed = renderer.print(&page, TWIN).unwrap();
        assert_eq!(printed.unprintable, Unprintable::default(), "{name}");
        let text = text_of(&printed.pdf);
        assert!(text.contains(name), "{name} in {text}");
        assert!(!text.contains('□'), "{name} in {text}");
    }
    // These are shaped: one glyph for several characters, and reordered. Check their look by eye
    // (`examples/preview/scripts.rs`); this test only checks that nothing is a box.
    for name in ["राजेश कुमार श्रीवास्तव", "সুমন চট্টোপাধ্যায়", "தமிழ்ச்செல்வன்", "مريم العلوي", "שלום כהן", "😀 👩‍🎨 🎨"]
    {
        let mut page = page();
        name.clone_into(&mut page.buyer);
        let printed = renderer.print(&page, TWIN).unwrap();
        assert_eq!(printed.unprintable, Unprintable::default(), "{name}");
        assert!(!text_of(&printed.pdf).contains('□'), "{name}");
    }
}

#[test]
fn what_is_not_shown_is_said() {
    let renderer = renderer();
    let mut page = page();
    page.buyer = "བོད་ Zoé".to_owned();
    let printed = renderer.print(&page, TWIN).unwrap();
    let unprintable = printed.unprintable;
    assert_eq!((unprintable.characters, unprintable.scripts.into_iter().collect::<Vec<_>>()), (4, vec!["Tibetan"]));
    assert!(text_of(&printed.pdf).contains("□ Zoé"));
    // A template that uses fewer fonts than there are.
    let template = r#"#set text(font: "Inter", fallback: false)
#json("invoice.json").buyer"#;
    let narrow = Renderer::new(Templates::embedded().with("invoice.typ", template)).unwrap();
    page.buyer = "山田 Zoé".to_owned();
    let printed = narrow.print(&page, TWIN).unwrap();
    assert!(printed.unprintable.scripts.contains("Han"), "{:?}", printed.unprintable);
    assert!(text_of(&printed.pdf).contains("□□ Zoé"));
}

#[test]
fn the_same_character_has_the_form_of_the_buyers_country() {
    let renderer = renderer();
    let of = |country: &str| {
        let mut page = page();
        // Written differently in all five places.
        page.buyer = "骨直刃返".to_owned();
        country.clone_into(&mut page.buyer_country);
        let pdf = renderer.render(&page, TWIN).unwrap();
        assert!(text_of(&pdf).contains("骨直刃返"), "{country}");
        pdf
    };
    let (japan, china, taiwan, france) = (of("JP"), of("CN"), of("TW"), of("FR"));
    assert!(japan != china && china != taiwan && taiwan != japan);
    assert_eq!(france, china, "most readers");
}

#[test]
fn a_document_in_latin_reads_no_further_fonts() {
    let renderer = renderer();
    renderer.render(&page(), TWIN).unwrap();
    assert!(renderer.wide.get().is_none());
    let mut page = page();
    page.buyer = "山田太郎".to_owned();
    renderer.render(&page, TWIN).unwrap();
    assert!(renderer.wide.get().is_some());
}

#[test]
fn any_character_prints() {
    let renderer = renderer();
    let mut page = page();
    let all: Vec<char> = ('\0'..=char::MAX)
        .filter(|c| *c < '\u{3000}' || u32::from(*c) % 97 == 0 || u32::from(*c) & 0xfffe == 0xfffe)
        .collect();
    for chunk in all.chunks(4000) {
        page.buyer_lines = chunk.chunks(40).map(|chars| chars.iter().collect()).collect();
        renderer.render(&page, TWIN).unwrap();
    }
    // The same, each on a letter and each joined to the next.
    page.buyer_lines = all.chunks(20).take(300).map(|c| c.iter().map(|c| format!("a{c}\u{200d}")).collect()).collect();
    renderer.render(&page, TWIN).unwrap();
}

#[test]
fn sixty_characters_stay_on_the_sheet() {
    let renderer = renderer();
    for name in ["Association pour la promotion des métiers d’art en Occitanie", &"W".repeat(60)] {
        let mut sale = sale();
        sale.customer.name = Some((*name).to_owned());
        sale.customer.email = Some(format!("{}@example.org", "w".repeat(60)));
        sale.lines[0].description = (*name).to_owned();
        let mut page = page_of(STANDARD_TOML, &sale);
        page.seller = (*name).to_owned();
        page.lines[0].amount = "1 234 567 890,00\u{a0}€".into();
        page.lines[0].unit_price = "1 234 567 890,0000\u{a0}€".into();
        assert_eq!(pages_of(&renderer.render(&page, TWIN).unwrap()), 1, "{name}");
    }
}

#[test]
fn a_mistake_in_the_template_names_its_line() {
    let error = |template: &str| {
        let templates = Templates::embedded().with("invoice.typ", template);
        Renderer::new(templates).unwrap().render(&page(), TWIN).unwrap_err()
    };
    let at = |error: RenderError| match error {
        RenderError::Template { file, line, message } => (file, line, message),
        other => panic!("{other}"),
    };
    let (file, line, message) = at(error("Hello\n\n#undefined"));
    assert_eq!((file.as_str(), line), ("invoice.typ", 3));
    assert!(message.contains("unknown variable"), "{message}");
    assert_eq!(at(error("#let x = (\n")).1, 1);
    let (_, line, message) = at(error("Hello\n#read(\"/etc/passwd\")"));
    assert_eq!(line, 2);
    assert!(message.contains("not found"), "{message}");
    assert!(at(error("#import \"@preview/tablex:0.0.8\": *")).2.contains("not found"));
    assert!(error("#undefined").to_string().starts_with("invoice.typ line 1: "));
}

#[test]
fn a_template_that_uses_fewer_fonts_still_prints_every_name() {
    let template = r#"#set text(font: "Inter", fallback: false)
#json("invoice.json").buyer"#;
    let renderer = Renderer::new(Templates::embedded().with("invoice.typ", template)).unwrap();
    let mut page = page();
    page.buyer = "Zoé مريم".into();
    renderer.render(&page, TWIN).unwrap();
}

#[test]
fn templates_that_cannot_work_are_refused_at_start() {
    let logo = Look { logo: Some("logo.svg".into()), ..look() };
    let refused = |templates| {
        Renderer::new(templates).and_then(|renderer| renderer.require(&logo)).err().map(|error| error.to_string())
    };
    let missing = refused(Templates::embedded()).unwrap();
    assert!(missing.starts_with("logo.svg is not in the templates folder, which has invoice.typ"), "{missing}");
    let font = refused(Templates::embedded().with("fonts/Broken.otf", "no")).unwrap();
    assert!(font.starts_with("fonts/Broken.otf is not a font"), "{font}");
    assert!(Templates::read(Path::new("/nowhere")).unwrap_err().to_string().contains("/nowhere"));
}

#[test]
fn a_folder_of_templates_is_as_good_as_the_built_in_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/templates");
    let read = Renderer::new(Templates::read(&folder).unwrap()).unwrap();
    assert_eq!(read.render(&page(), TWIN).unwrap(), renderer().render(&page(), TWIN).unwrap());
}

#[test]
fn a_logo_is_printed() {
    let svg = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 50"><rect width="400" height="50" fill="#808"/></svg>"##;
    let logo = Look { logo: Some("logo.svg".into()), ..look() };
    let renderer = Renderer::new(Templates::embedded().with("logo.svg", svg)).unwrap();
    let mut page = page();
    let plain = renderer.render(&page, TWIN).unwrap();
    page.logo = logo.logo;
    assert_ne!(renderer.render(&page, TWIN).unwrap(), plain);
}

#[test]
fn every_seller_has_specimens() {
    let renderer = renderer();
    for case in matrix() {
        let invoice = specimen::invoice(&case.seller, DAY).unwrap_or_else(|unfit| panic!("{}: {unfit}", case.name));
        let credit_note = specimen::credit_note(&invoice, &case.seller, DAY).unwrap();
        renderer.render(&print::page(&credit_note, &case.seller.look, &words()), TWIN).unwrap();
    }
}
