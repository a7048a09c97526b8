//! PNG images: gray, colour, transparency and palette are read as 8-bit levels; gray and colour
//! grids are written.

use std::path::Path;

use pathline::Batch;
use png::{BitDepth, ColorType, Decoder, Encoder, Limits, Transformations};

use crate::atomic::{Existing, write_with};
use crate::error::{Error, Fault, Place};
use crate::file::{MAX_FILE, read_capped};

/// The most bytes one unpacked image may take: 256 MiB.
pub(crate) const MAX_PIXELS: usize = 256 << 20;
/// Gap between the images of a grid, in pixels.
const GAP: usize = 2;

/// An image of 8-bit levels, rows from the top, channels interleaved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 1 gray, 2 gray and opacity, 3 colour, 4 colour and opacity.
    pub channels: usize,
    /// `height * width * channels` levels, 0 to 255.
    pub levels: Vec<u8>,
}

impl Image {
    /// The image laid over white, where it has opacity: 1 or 3 channels remain.
    #[must_use]
    pub fn over_white(self) -> Self {
        let colours = match self.channels {
            2 => 1,
            4 => 3,
            _ => return self,
        };
        let mut levels = Vec::with_capacity(self.levels.len() / self.channels * colours);
        for pixel in self.levels.chunks_exact(self.channels) {
            let opacity = u32::from(pixel[colours]);
            for &level in &pixel[..colours] {
                // Rounded to nearest; at most 255, so the cast loses nothing.
                let mixed = (u32::from(level) * opacity + 255 * (255 - opacity) + 127) / 255;
                levels.push(mixed as u8);
            }
        }
        Self { channels: colours, levels, ..self }
    }
}

/// Reads a PNG image; 16-bit levels are cut to 8 bits.
///
/// # Errors
/// [`Error::Io`], or as [`decode`].
pub fn read(path: &Path) -> Result<Image, Error> {
    decode(&read_capped(path, MAX_FILE)?, path)
}

/// The image in the bytes of a PNG file; `path` is for messages only.
///
/// # Errors
/// [`Error::Malformed`] when the bytes are no PNG file or are damaged, [`Error::TooLarge`] when
/// the image takes more than 256 MiB.
pub fn decode(bytes: &[u8], path: &Path) -> Result<Image, Error> {
    let damaged = |e: png::DecodingError| {
        let remedy = "fetch or write the image again";
        Error::Malformed(Fault::new(path, Place::File, format!("not a readable PNG ({e})"), remedy))
    };
    let limits = Limits { bytes: MAX_PIXELS };
    let mut decoder = Decoder::new_with_limits(std::io::Cursor::new(bytes), limits);
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(damaged)?;
    let Some(size) = reader.output_buffer_size().filter(|&n| n <= MAX_PIXELS) else {
        let problem = format!("the image takes more than {MAX_PIXELS} bytes");
        let fault = Fault::new(path, Place::File, problem, "scale it down first");
        return Err(Error::TooLarge(fault));
    };
    let mut levels = vec![0; size];
    let info = reader.next_frame(&mut levels).map_err(damaged)?;
    levels.truncate(info.buffer_size());
    let channels = info.color_type.samples();
    let (width, height) = (info.width as usize, info.height as usize);
    if levels.len() != width * height * channels {
        let fault = Fault::new(path, Place::File, "fewer levels than pixels", "write it again");
        return Err(Error::Malformed(fault));
    }
    Ok(Image { width, height, channels, levels })
}

/// Images side by side, `columns` in a row, first image top left, a black gap of two pixels between.
///
/// Samples of shape `[height, width]`, `[1, height, width]` or `[3, height, width]` with values in
/// `[-1, 1]`; what lies outside is clamped: level = round(127.5 (x + 1)).
///
/// # Errors
/// [`Error::Invalid`] for another shape, no sample, no column, or a value that is not a number;
/// [`Error::TooLarge`] for a grid of more than 256 MiB; `path` is for messages only.
///
/// # Examples
/// ```
/// use pathline::{Batch, Shape};
/// let batch = Batch::zeros(5, Shape::new([1, 4, 4])?);
/// let grid = pathline_data::png::grid(&batch, 3, std::path::Path::new("grid.png"))?;
/// assert_eq!((grid.width, grid.height, grid.channels), (16, 10, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn grid(batch: &Batch, columns: usize, path: &Path) -> Result<Image, Error> {
    let invalid = |place, problem: String, remedy: &str| {
        Error::Invalid(Fault::new(path, place, problem, remedy))
    };
    let (channels, height, width) = match *batch.shape().extents() {
        [h, w] => (1, h, w),
        [c @ (1 | 3), h, w] => (c, h, w),
        _ => {
            let problem = format!("samples of shape {} are no images", batch.shape());
            return Err(invalid(Place::File, problem, "give shape [1 or 3, height, width]"));
        }
    };
    if batch.is_empty() || columns == 0 {
        let problem = format!("{} images in {columns} columns", batch.len());
        return Err(invalid(Place::File, problem, "give at least one image and one column"));
    }
    let columns = columns.min(batch.len());
    let across = columns.checked_mul(width + GAP).map(|n| n - GAP);
    let down = batch.len().div_ceil(columns).checked_mul(height + GAP).map(|n| n - GAP);
    let size = across.zip(down).and_then(|(a, d)| a.checked_mul(d)?.checked_mul(channels));
    let (Some(across), Some(down), Some(size)) = (across, down, size.filter(|&n| n <= MAX_PIXELS))
    else {
        let problem = format!("a grid of more than {MAX_PIXELS} bytes");
        let fault = Fault::new(path, Place::File, problem, "write fewer images");
        return Err(Error::TooLarge(fault));
    };
    let mut levels = vec![0; size];
    for (i, image) in batch.rows().iter().enumerate() {
        let (top, left) = (i / columns * (height + GAP), i % columns * (width + GAP));
        for (j, &value) in image.iter().enumerate() {
            if value.is_nan() {
                let place = Place::Value { row: i as u64, column: j as u64 };
                return Err(invalid(place, "not a number".into(), "look at the run that made it"));
            }
            let (channel, y, x) = (j / (height * width), j / width % height, j % width);
            let at = ((top + y) * across + left + x) * channels + channel;
            // In range by the clamp, and `as` saturates.
            levels[at] = (127.5 * (f64::from(value).clamp(-1.0, 1.0) + 1.0)).round() as u8;
        }
    }
    Ok(Image { width: across, height: down, channels, levels })
}

/// The bytes of a PNG file.
///
/// # Errors
/// [`Error::Invalid`] when the levels do not fill the image, or it has no pixel; `path` is for
/// messages only.
pub fn encode(image: &Image, path: &Path) -> Result<Vec<u8>, Error> {
    let invalid = |problem: String| {
        let remedy = "give height * width * channels levels";
        Error::Invalid(Fault::new(path, Place::File, problem, remedy))
    };
    let colour = match image.channels {
        1 => ColorType::Grayscale,
        2 => ColorType::GrayscaleAlpha,
        3 => ColorType::Rgb,
        4 => ColorType::Rgba,
        other => return Err(invalid(format!("{other} channels"))),
    };
    let side = |n: usize| u32::try_from(n).map_err(|_| invalid(format!("a side of {n} pixels")));
    let (width, height) = (side(image.width)?, side(image.height)?);
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, width, height);
    encoder.set_color(colour);
    encoder.set_depth(BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&image.levels)?;
        writer.finish()
    });
    written.map_err(|e| invalid(e.to_string()))?;
    Ok(out)
}

/// Writes a [`grid`] of images, whole or not at all.
///
/// # Errors
/// As [`grid`] and [`write_with`].
pub fn write_grid(
    path: &Path,
    batch: &Batch,
    columns: usize,
    existing: Existing,
) -> Result<(), Error> {
    let bytes = encode(&grid(batch, columns, path)?, path)?;
    write_with(path, existing, |out| out.write_all(&bytes))
}
