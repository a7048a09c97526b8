//! JPEG images, gray and colour, baseline and progressive: read as 8-bit levels, never written.
//!
//! Levels are those of libjpeg-turbo (Pillow) but for rounding: at most 2 apart, or 3 to 4 in under a thousandth
//! of the levels where the colours are stored at half the size. A note of which way is up (EXIF) is not followed.

use std::path::Path;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::error::{Error, Fault, Place};
use crate::file::{MAX_FILE, read_capped};
use crate::png::{Image, MAX_PIXELS};

/// Marks of the start of a scan and of the end of the image.
const SCAN: u8 = 0xda;
const END: u8 = 0xd9;

/// Reads a JPEG image.
///
/// # Errors
/// [`Error::Io`], or as [`decode`].
pub fn read(path: &Path) -> Result<Image, Error> {
    decode(&read_capped(path, MAX_FILE)?, path)
}

/// The image in the bytes of a JPEG file, of one channel or three; `path` is for messages only.
///
/// # Errors
/// [`Error::Malformed`] when the bytes are no JPEG file, are damaged or cut short,
/// [`Error::Unsupported`] for the four inks of print (CMYK), [`Error::TooLarge`] when the image takes more
/// than 256 MiB.
///
/// # Examples
/// ```
/// use std::path::Path;
/// let error = pathline_data::jpeg::decode(b"\xff\xd8\xff", Path::new("cat.jpg")).unwrap_err();
/// assert!(error.to_string().starts_with("cat.jpg: "));
/// ```
pub fn decode(bytes: &[u8], path: &Path) -> Result<Image, Error> {
    let damaged = |problem: String| {
        let remedy = "fetch or write the image again, as JPEG of 8 bits or as PNG";
        Error::Malformed(Fault::new(path, Place::File, problem, remedy))
    };
    let unreadable = |e: &dyn std::fmt::Debug| damaged(format!("not a readable JPEG ({e:?})"));
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX));
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|e| unreadable(&e))?;
    let (channels, colours) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (1, ColorSpace::Luma),
        Some(ColorSpace::YCbCr | ColorSpace::RGB) => (3, ColorSpace::RGB),
        other => {
            let problem = format!("colours stored as {other:?}");
            let fault = Fault::new(path, Place::File, problem, "convert the image to RGB first");
            return Err(Error::Unsupported(fault));
        }
    };
    let Some((width, height)) = decoder.dimensions() else {
        return Err(damaged("a JPEG without a size".into()));
    };
    if width * height * channels > MAX_PIXELS {
        let problem = format!("the image takes more than {MAX_PIXELS} bytes");
        let fault = Fault::new(path, Place::File, problem, "scale it down first");
        return Err(Error::TooLarge(fault));
    }
    // A square of 8 x 8 takes a bit at least, so a short file cannot ask for much memory.
    if width.div_ceil(8) * height.div_ceil(8) > bytes.len().saturating_mul(8) {
        return Err(damaged(format!("{} bytes for {width} x {height} pixels", bytes.len())));
    }
    if !has_end(bytes) {
        return Err(damaged("the JPEG has no end: it was cut short".into()));
    }
    decoder.set_options(options.jpeg_set_out_colorspace(colours));
    let levels = decoder.decode().map_err(|e| unreadable(&e))?;
    if levels.len() != width * height * channels {
        return Err(damaged("fewer levels than pixels".into()));
    }
    Ok(Image { width, height, channels, levels })
}

/// Whether the mark of the end comes after the first scan; a small picture inside the header has one too.
fn has_end(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[0xff, mark]) = bytes.get(at..at + 2) {
        if mark == SCAN {
            return bytes[at..].windows(2).any(|pair| pair == [0xff, END]);
        }
        let Some(&[high, low]) = bytes.get(at + 2..at + 4) else { return false };
        // A mark may be preceded by any number of 0xff.
        at += if mark == 0xff { 1 } else { 2 + usize::from(u16::from_be_bytes([high, low])) };
    }
    false
}
