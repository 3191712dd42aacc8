//! Declares the file as Factur-X: four properties in its XMP metadata, and the schema that declares them.
//!
//! The engine writes the metadata of PDF/A itself but supports no extension schemas. It writes it uncompressed and the
//! cross-reference table in its classic form, so the properties are inserted, and every later object moves by their
//! length. A file of another shape is an error: a recipient would reject a document that declares less than it carries.

/// The name that Factur-X gives to its properties (Factur-X 1.09, 6.2).
const NAMESPACE: &str = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#";

/// What the four properties say, and what each is for.
const PROPERTIES: [(&str, &str, &str); 4] = [
    ("DocumentType", "INVOICE", "The type of the hybrid document in capital letters, e.g. INVOICE or ORDER"),
    ("DocumentFileName", "factur-x.xml", "The name of the embedded XML document"),
    ("Version", "1.0", "The actual version of the standard applying to the embedded XML document"),
    ("ConformanceLevel", "EN 16931", "The conformance level of the embedded XML document"),
];

/// Where the engine ends its own list of schemas, and its whole description.
const SCHEMAS_END: &str = "</rdf:Bag></pdfaExtension:schemas>";
const DESCRIPTION_END: &str = "</rdf:RDF>";

/// A line of the xref table: ten digits of offset, five of generation, a letter, two characters of line end.
const ENTRY: usize = 20;

/// The file with the properties in its metadata. The result depends on the input bytes only.
///
/// # Errors
/// Which part of the expected shape is missing.
pub fn declare(pdf: &[u8]) -> Result<Vec<u8>, &'static str> {
    let dictionary = last(pdf, b"/Type/Metadata/Subtype/XML>>\nstream\n").ok_or("no XMP metadata")?;
    let head = pdf.get(..dictionary).ok_or("no XMP metadata")?;
    let digits = last(head, b"<</Length ").ok_or("the metadata has no length")? + b"<</Length ".len();
    let old_length: usize =
        number(head.get(digits..).unwrap_or_default()).ok_or("the metadata's length is no number")?;
    let start = dictionary + b"/Type/Metadata/Subtype/XML>>\nstream\n".len();
    let xmp = pdf.get(start..start + old_length).and_then(|xmp| std::str::from_utf8(xmp).ok());
    let xmp = with_properties(xmp.ok_or("the metadata is no text")?)?;
    let new_length = xmp.len().to_string();

    let table = table_of(pdf).filter(|table| *table > start).ok_or("no table of objects after the metadata")?;
    let moved = xmp.len() + new_length.len() - old_length - (dictionary - digits);
    let mut declared = Vec::with_capacity(pdf.len() + moved);
    declared.extend_from_slice(pdf.get(..digits).unwrap_or_default());
    declared.extend_from_slice(new_length.as_bytes());
    declared.extend_from_slice(pdf.get(dictionary..start).unwrap_or_default());
    declared.extend_from_slice(xmp.as_bytes());
    declared.extend_from_slice(pdf.get(start + old_length..table).unwrap_or_default());
    declared.extend_from_slice(&moved_table(pdf.get(table..).unwrap_or_default(), start, moved)?);
    declared.extend_from_slice(format!("startxref\n{}\n%%EOF", table + moved).as_bytes());
    Ok(declared)
}

fn with_properties(xmp: &str) -> Result<String, &'static str> {
    let once = |mark: &str| xmp.matches(mark).count() == 1;
    if !once(SCHEMAS_END) || !once(DESCRIPTION_END) {
        return Err("the metadata declares no schemas, or several times");
    }
    let declared = |(name, _, description): (&str, &str, &str)| {
        format!(
            "<rdf:li rdf:parseType=\"Resource\"><pdfaProperty:category>external</pdfaProperty:category>\
             <pdfaProperty:description>{description}</pdfaProperty:description><pdfaProperty:name>{name}</pdfaProperty:name>\
             <pdfaProperty:valueType>Text</pdfaProperty:valueType></rdf:li>"
        )
    };
    let schema = format!(
        "<rdf:li rdf:parseType=\"Resource\"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>\
         <pdfaSchema:namespaceURI>{NAMESPACE}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>\
         <pdfaSchema:property><rdf:Seq>{}</rdf:Seq></pdfaSchema:property></rdf:li>",
        PROPERTIES.map(declared).concat()
    );
    let said = PROPERTIES.map(|(name, value, _)| format!("<fx:{name}>{value}</fx:{name}>")).concat();
    let description = format!("<rdf:Description rdf:about=\"\" xmlns:fx=\"{NAMESPACE}\">{said}</rdf:Description>");
    Ok(xmp.replacen(SCHEMAS_END, &format!("{schema}{SCHEMAS_END}"), 1).replacen(
        DESCRIPTION_END,
        &format!("{description}{DESCRIPTION_END}"),
        1,
    ))
}

/// The offset of the cross-reference table, from the end of the file.
fn table_of(pdf: &[u8]) -> Option<usize> {
    let mark = last(pdf, b"startxref\n")?;
    let table = number(pdf.get(mark + b"startxref\n".len()..)?)?;
    pdf.get(table..)?.starts_with(b"xref\n").then_some(table)
}

/// The table up to the mark of its offset, with every object behind `after` moved.
fn moved_table(table: &[u8], after: usize, by: usize) -> Result<Vec<u8>, &'static str> {
    let end = last(table, b"startxref\n").ok_or("the table of objects has no end")?;
    let trailer = last(table, b"trailer\n").ok_or("the table of objects has no trailer")?;
    let first_line = b"xref\n".len();
    let counts = table.get(first_line..trailer).unwrap_or_default();
    let entries =
        first_line + counts.iter().position(|byte| *byte == b'\n').ok_or("the table of objects is empty")? + 1;
    let mut moved = table.get(..entries).unwrap_or_default().to_vec();
    for entry in table.get(entries..trailer).unwrap_or_default().chunks(ENTRY) {
        let offset = number(entry).ok_or("the table of objects has an odd line")?;
        let rest = entry.get(10..).ok_or("the table of objects has an odd line")?;
        let offset = if offset > after && rest.contains(&b'n') { offset + by } else { offset };
        moved.extend_from_slice(format!("{offset:010}").as_bytes());
        moved.extend_from_slice(rest);
    }
    moved.extend_from_slice(table.get(trailer..end).unwrap_or_default());
    Ok(moved)
}

fn last(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).rposition(|window| window == mark)
}

fn number(bytes: &[u8]) -> Option<usize> {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(bytes.get(..digits)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_shape_is_refused() {
        for (pdf, missing) in [
            (&b"%PDF-1.7"[..], "no XMP metadata"),
            (
                b"<</Length 3/Type/Metadata/Subtype/XML>>\nstream\nabc",
                "the metadata declares no schemas, or several times",
            ),
            (b"<</Length 9999/Type/Metadata/Subtype/XML>>\nstream\nabc", "the metadata is no text"),
            (b"/Type/Metadata/Subtype/XML>>\nstream\nabc", "the metadata has no length"),
        ] {
            assert_eq!(declare(pdf), Err(missing));
        }
    }
}
