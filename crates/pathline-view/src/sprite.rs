//! Many small images composed to one PNG.

use crate::error::Error;

/// One image of a sprite: RGB or gray bytes, row after row.
pub(crate) struct Tile<'a> {
    pub pixels: &'a [u8],
    pub channels: usize,
    pub width: usize,
    pub height: usize,
}

/// A PNG of `columns` by `rows` cells, and the extents of one cell in pixels.
pub(crate) struct Sprite {
    pub png: Vec<u8>,
    pub columns: usize,
    pub rows: usize,
}

/// Composes `tiles`, row after row, into cells as large as the largest tile; smaller ones are
/// centred on black. The PNG is gray when every tile is.
///
/// The caller has checked that each tile holds `width * height * channels` bytes.
pub(crate) fn compose(figure: &str, tiles: &[Tile<'_>], columns: usize) -> Result<Sprite, Error> {
    let columns = columns.clamp(1, tiles.len().max(1));
    let rows = tiles.len().div_ceil(columns).max(1);
    let cell_width = tiles.iter().map(|t| t.width).max().unwrap_or(1).max(1);
    let cell_height = tiles.iter().map(|t| t.height).max().unwrap_or(1).max(1);
    let channels = if tiles.iter().all(|t| t.channels == 1) { 1 } else { 3 };
    let too_big = || Error::invalid(figure, "the images are too large for one page: scale them");
    let width = cell_width.checked_mul(columns).ok_or_else(too_big)?;
    let height = cell_height.checked_mul(rows).ok_or_else(too_big)?;
    // 64 megapixels: far above what fits the page, far below what exhausts memory.
    if width.checked_mul(height).is_none_or(|n| n > 1 << 26) {
        return Err(too_big());
    }
    let mut canvas = vec![0_u8; width * height * channels];
    for (i, tile) in tiles.iter().enumerate() {
        let left = i % columns * cell_width + (cell_width - tile.width) / 2;
        let top = i / columns * cell_height + (cell_height - tile.height) / 2;
        for y in 0..tile.height {
            for x in 0..tile.width {
                let from = (y * tile.width + x) * tile.channels;
                let to = ((top + y) * width + left + x) * channels;
                for c in 0..channels {
                    canvas[to + c] = tile.pixels[from + c.min(tile.channels - 1)];
                }
            }
        }
    }
    let png = encode(&canvas, width, height, channels)
        .map_err(|source| Error::Png { figure: figure.to_owned(), source })?;
    Ok(Sprite { png, columns, rows })
}

/// Bytes as a PNG with adaptive filters: sprites of photographs shrink by about a third.
fn encode(
    canvas: &[u8],
    width: usize,
    height: usize,
    channels: usize,
) -> Result<Vec<u8>, png::EncodingError> {
    let mut out = Vec::new();
    let extent = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut out, extent(width), extent(height));
    encoder.set_color(if channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb });
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(canvas)?;
    writer.finish()?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> (Vec<u8>, u32, u32) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        pixels.truncate(info.buffer_size());
        (pixels, info.width, info.height)
    }

    #[test]
    fn gray_tiles_decode_back() {
        let a = [1, 2, 3, 4];
        let b = [5, 6, 7, 8];
        let c = [9];
        let tiles = [
            Tile { pixels: &a, channels: 1, width: 2, height: 2 },
            Tile { pixels: &b, channels: 1, width: 2, height: 2 },
            Tile { pixels: &c, channels: 1, width: 1, height: 1 },
        ];
        let sprite = compose("f", &tiles, 2).unwrap();
        let (pixels, width, height) = decode(&sprite.png);
        assert_eq!((width, height, sprite.columns, sprite.rows), (4, 4, 2, 2));
        assert_eq!(pixels, [1, 2, 5, 6, 3, 4, 7, 8, 9, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn gray_beside_colour_becomes_colour() {
        let gray = [7];
        let colour = [1, 2, 3];
        let tiles = [
            Tile { pixels: &gray, channels: 1, width: 1, height: 1 },
            Tile { pixels: &colour, channels: 3, width: 1, height: 1 },
        ];
        let sprite = compose("f", &tiles, 9).unwrap();
        assert_eq!(decode(&sprite.png).0, [7, 7, 7, 1, 2, 3]);
    }

    #[test]
    fn absurd_extents_are_refused() {
        let tiles = [Tile { pixels: &[], channels: 1, width: usize::MAX, height: 0 }];
        assert!(compose("f", &tiles, 1).is_err());
    }
}
