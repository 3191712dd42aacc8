//! The CV of a stranger: refused, or kept as a file that holds nothing of what is refused.

use comptoir_members::cv::cleaned;

/// What no kept file has a word of. Each of these words stands in the files that `seeds/` holds.
const NEVER: [&str; 6] = ["/JavaScript", "/JS", "/Launch", "/EmbeddedFile", "/AA", "/XFA"];

/// Any bytes.
pub fn file(data: &[u8]) {
    let Ok(kept) = cleaned(data) else { return };
    assert!(kept.starts_with(b"%PDF-"), "it is no PDF");
    // What is in streams is not the reader's: pages may show any word.
    let (mut rest, mut clear) = (kept.as_slice(), Vec::new());
    while let Some(start) = place(rest, b"stream\n") {
        clear.extend_from_slice(&rest[..start]);
        rest = &rest[start..];
        rest = &rest[place(rest, b"endstream").unwrap_or(rest.len() - 9) + 9..];
    }
    clear.extend_from_slice(rest);
    for word in NEVER {
        let Some(found) = place(&clear, word.as_bytes()) else { continue };
        let after = clear.get(found + word.len()).copied().unwrap_or(b' ');
        let within_text = clear[..found].iter().filter(|byte| **byte == b'(').count()
            > clear[..found].iter().filter(|byte| **byte == b')').count();
        let ends = after.is_ascii_whitespace() || b"()<>[]{}/%".contains(&after);
        assert!(within_text || !ends, "{word} is kept: {}", String::from_utf8_lossy(&clear));
    }
    let trailer = kept.windows(7).rposition(|some| some == b"trailer").map(|start| &kept[start..]);
    assert!(trailer.is_some_and(|trailer| place(trailer, b"/Info").is_none()), "who wrote it is kept");
    // A reference to what is never written, as to a stream of objects, leads to null from then on.
    let again = cleaned(&kept).expect("what was kept is read again");
    assert_eq!(cleaned(&again).as_ref(), Ok(&again), "and kept as it is");
}

fn place(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|some| some == what)
}
