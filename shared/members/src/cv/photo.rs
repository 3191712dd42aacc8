//! Photos in a CV: JPEG is stored as the camera wrote it, with the place and the time in segments of their own.

/// A JPEG without the segments that describe it: APP1 (Exif, XMP), APP13 (IPTC) and comments (ISO 10918-1, annex B).
/// What it looks like stays as it is: colour profiles are in APP2, Adobe's colour transform in APP14.
pub(super) fn without_metadata(jpeg: &[u8]) -> Option<Vec<u8>> {
    let mut rest = jpeg.strip_prefix(b"\xff\xd8")?;
    let mut kept = b"\xff\xd8".to_vec();
    loop {
        let [0xff, marker, high, low, ..] = *rest else { return None };
        // The picture itself begins.
        if marker == 0xda {
            kept.extend_from_slice(rest);
            return Some(kept);
        }
        let length = usize::from(u16::from_be_bytes([high, low])).checked_add(2)?;
        let (segment, after) = rest.split_at_checked(length.max(4))?;
        if !matches!(marker, 0xe1 | 0xed | 0xfe) {
            kept.extend_from_slice(segment);
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_go_and_the_picture_stays() {
        let picture = b"\xff\xdb\x00\x03q\xff\xda\x00\x03sIMAGE\xff\xd9";
        let described = [b"\xff\xd8\xff\xe1\x00\x0aExif\0\x00GP\xff\xfe\x00\x07Paris".as_slice(), picture].concat();
        assert_eq!(without_metadata(&described), Some([b"\xff\xd8".as_slice(), picture].concat()));
        for broken in [b"\xff\xd8".as_slice(), b"\xff\xd8\xff\xe1\xff\xffshort", b"\x89PNG", b"\xff\xd8\xff\xe1\0\0"] {
            assert_eq!(without_metadata(broken), None);
        }
    }
}
