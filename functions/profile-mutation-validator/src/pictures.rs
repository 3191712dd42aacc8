//! Prepares files for storage. A picture is decoded within limits, rotated upright, scaled down and re-encoded, so that
//! no metadata of camera, place or anything else is kept. Of an animation, the first frame is kept. A CV is read and
//! written anew by the domain.

use std::{
    io::Cursor,
    panic::{AssertUnwindSafe, catch_unwind},
};

use comptoir_members::{
    cv::{self, Refusal},
    profile::{
        upload::{Kind, Prepare, Prepared},
        violation::Code,
    },
};
use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, codecs::jpeg::JpegEncoder, imageops::FilterType,
    metadata::Orientation,
};

/// Most pixels per side of an upload, and in total: what phones take. Few bytes can claim to be very many pixels.
const LARGEST_SIDE: u32 = 10_000;
const MOST_PIXELS: u64 = 30_000_000;
/// Memory limit for decoding one, in bytes: two of these fit into the function, the picture and its result.
const MOST_MEMORY: u64 = 160 * 1024 * 1024;

/// Pixels on the longer side of the stored picture, and of its thumbnail.
const KEPT_SIDE: u32 = 1024;
const THUMBNAIL_SIDE: u32 = 256;

/// In percent; the difference is invisible at this size.
const JPEG_QUALITY: u8 = 88;

/// Decodes and encodes pictures, and has CVs read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pictures;

impl Prepare for Pictures {
    fn prepare(&self, kind: Kind, content_type: &str, bytes: Vec<u8>) -> Result<Prepared, Code> {
        let content_type = content_type.to_owned();
        match kind {
            Kind::Cv => {
                let bytes = cv::cleaned(&bytes).map_err(Refusal::code)?;
                Ok(Prepared { bytes, content_type, thumbnail: None })
            }
            Kind::Avatar => {
                let format = format(&content_type).ok_or(Code::UploadDiffers)?;
                // A file crafted to break the decoder is an unreadable file, not a failure of the function.
                let made = catch_unwind(AssertUnwindSafe(|| made_anew(format, &bytes))).ok().flatten();
                let (bytes, thumbnail) = made.ok_or(Code::UploadDiffers)?;
                Ok(Prepared { bytes, content_type, thumbnail: Some(thumbnail) })
            }
        }
    }
}

fn format(content_type: &str) -> Option<ImageFormat> {
    match content_type {
        "image/png" => Some(ImageFormat::Png),
        "image/jpeg" => Some(ImageFormat::Jpeg),
        "image/webp" => Some(ImageFormat::WebP),
        _ => None,
    }
}

/// The picture and its thumbnail, re-encoded.
fn made_anew(format: ImageFormat, bytes: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let picture = within(read(format, bytes)?, KEPT_SIDE, FilterType::CatmullRom);
    let thumbnail = within(picture.clone(), THUMBNAIL_SIDE, FilterType::CatmullRom);
    Some((written(format, &picture)?, written(format, &thumbnail)?))
}

fn read(format: ImageFormat, bytes: &[u8]) -> Option<DynamicImage> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width).saturating_mul(u64::from(height));
    if pixels > MOST_PIXELS || width.max(height) > LARGEST_SIDE || decoder.total_bytes() > MOST_MEMORY {
        return None;
    }
    // The orientation is in the metadata that is dropped, so it must be applied.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).ok()?;
    picture.apply_orientation(orientation);
    Some(picture)
}

/// The picture, scaled down to at most this size on either side.
fn within(picture: DynamicImage, side: u32, filter: FilterType) -> DynamicImage {
    if picture.width().max(picture.height()) > side { picture.resize(side, side, filter) } else { picture }
}

fn written(format: ImageFormat, picture: &DynamicImage) -> Option<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    // Eight bits per channel, whatever the input: every screen and every format here uses that.
    match format {
        ImageFormat::Jpeg => {
            picture.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)).ok()?;
        }
        _ if picture.color().has_alpha() => picture.to_rgba8().write_to(&mut bytes, format).ok()?,
        _ => picture.to_rgb8().write_to(&mut bytes, format).ok()?,
    }
    Some(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};

    fn sample(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let picture =
            RgbImage::from_fn(width, height, |x, _| if x < width / 2 { Rgb([200, 0, 0]) } else { Rgb([0; 3]) });
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn prepared(content_type: &str, bytes: Vec<u8>) -> Option<Prepared> {
        Pictures.prepare(Kind::Avatar, content_type, bytes).ok()
    }

    #[test]
    fn every_type_is_kept_as_itself_and_small_enough() {
        for (content_type, format) in
            [("image/png", ImageFormat::Png), ("image/jpeg", ImageFormat::Jpeg), ("image/webp", ImageFormat::WebP)]
        {
            let kept = prepared(content_type, sample(1500, 300, format)).unwrap();
            let size = |bytes: &[u8]| {
                let picture = image::load_from_memory_with_format(bytes, format).unwrap();
                (picture.width(), picture.height())
            };
            assert_eq!((kept.content_type.as_str(), size(&kept.bytes)), (content_type, (1024, 205)));
            assert_eq!(size(kept.thumbnail.as_deref().unwrap()), (256, 51));
        }
    }

    #[test]
    fn metadata_goes_and_the_picture_is_turned_instead() {
        // An APP1 segment with one entry of Exif: orientation 6, turn right.
        let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let mut jpeg = sample(40, 20, ImageFormat::Jpeg);
        jpeg.splice(2..2, exif.iter().copied());
        let kept = prepared("image/jpeg", jpeg).unwrap();
        assert!(!kept.bytes.windows(4).any(|four| four == b"Exif"));
        let picture = image::load_from_memory(&kept.bytes).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (20, 40));
        assert!(picture.get_pixel(10, 5)[0] > 150 && picture.get_pixel(10, 35)[0] < 50, "the left is the top now");
        let mut png = sample(4, 4, ImageFormat::Png);
        // A text chunk behind the header: "Comment", then a place; its checksum is left wrong.
        png.splice(33..33, *b"\0\0\0\x0dtEXtComment\0Paris\0\0\0\0");
        assert!(prepared("image/png", png).is_none_or(|kept| !kept.bytes.windows(5).any(|five| five == b"Paris")));
    }

    #[test]
    fn what_claims_to_be_huge_or_is_broken_is_refused() {
        assert_eq!(prepared("image/png", sample(LARGEST_SIDE + 1, 1, ImageFormat::Png)), None);
        for bytes in [b"\x89PNG\r\n\x1a\nrest".to_vec(), b"\xff\xd8\xff\xe0".to_vec(), b"RIFF\0\0\0\0WEBP".to_vec()] {
            for content_type in ["image/png", "image/jpeg", "image/webp"] {
                assert_eq!(prepared(content_type, bytes.clone()), None);
            }
        }
        let half = sample(400, 400, ImageFormat::Jpeg);
        let cut = half[..half.len() / 3].to_vec();
        assert!(prepared("image/jpeg", cut).is_none_or(|kept| kept.bytes.len() < 100_000));
        assert_eq!(prepared("image/svg+xml", b"<svg/>".to_vec()), None);
        let pdf = Pictures.prepare(Kind::Cv, "application/pdf", b"%PDF-1.7".to_vec());
        assert_eq!(pdf, Err(Code::CvUnreadable), "it has no page");
    }
}
