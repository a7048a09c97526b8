//! A grid of small images with labels, composed to one PNG.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::escape;
use crate::plot::Drawn;
use crate::sprite::{Tile, compose};

/// Images in rows of `columns`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Images {
    /// Images in a row; wide rows scroll inside the figure where row titles keep them together,
    /// and wrap on narrow screens where there are none.
    pub columns: usize,
    /// Width of one image on the page in CSS pixels, `16..=512`; small images are enlarged with
    /// hard pixel edges.
    pub cell: u32,
    /// The images, row after row.
    pub items: Vec<Image>,
    /// One title a row (`sample`, `nearest in the data`); empty for a plain grid.
    pub row_titles: Vec<String>,
}

/// One small image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The bytes, row after row from the top.
    pub pixels: Pixels,
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// What stands under it; may be empty.
    pub label: String,
    /// A second, quieter line; may be empty.
    pub note: String,
}

/// Bytes of an image; 0 is black.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pixels {
    /// One byte a pixel.
    Gray(Vec<u8>),
    /// Red, green, blue: three bytes a pixel.
    Rgb(Vec<u8>),
}

impl Pixels {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Gray(b) | Self::Rgb(b) => b,
        }
    }

    fn channels(&self) -> usize {
        match self {
            Self::Gray(_) => 1,
            Self::Rgb(_) => 3,
        }
    }
}

impl Image {
    /// A gray image with a label.
    #[must_use]
    pub fn gray(pixels: Vec<u8>, width: usize, height: usize, label: impl Into<String>) -> Self {
        let pixels = Pixels::Gray(pixels);
        Self { pixels, width, height, label: label.into(), note: String::new() }
    }

    /// A colour image with a label.
    #[must_use]
    pub fn rgb(pixels: Vec<u8>, width: usize, height: usize, label: impl Into<String>) -> Self {
        let pixels = Pixels::Rgb(pixels);
        Self { pixels, width, height, label: label.into(), note: String::new() }
    }

    /// The same with a second line under the label.
    #[must_use]
    pub fn noted(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }
}

pub(crate) fn draw(images: &Images, figure: &str, alt: &str) -> Result<Drawn, Error> {
    let columns = images.columns.max(1);
    for (i, item) in images.items.iter().enumerate() {
        let channels = item.pixels.channels();
        let expected = item.width.checked_mul(item.height).and_then(|n| n.checked_mul(channels));
        if expected != Some(item.pixels.bytes().len()) || expected == Some(0) {
            let problem = format!(
                "image {i} is {} x {} with {channels} channels, but holds {} bytes",
                item.width,
                item.height,
                item.pixels.bytes().len()
            );
            return Err(Error::invalid(figure, problem));
        }
    }
    if images.items.is_empty() {
        let markup = "<p class=\"note\">There is no image to show.</p>\n".to_owned();
        return Ok(Drawn { markup, ..Drawn::default() });
    }
    let rows = images.items.len().div_ceil(columns);
    if !images.row_titles.is_empty() {
        Error::check_count(figure, "row titles", rows, images.row_titles.len())?;
    }
    Ok(Drawn { markup: markup(images, columns, figure, alt)?, ..Drawn::default() })
}

fn markup(images: &Images, columns: usize, figure: &str, alt: &str) -> Result<String, Error> {
    let tiles: Vec<Tile<'_>> = images
        .items
        .iter()
        .map(|i| Tile {
            pixels: i.pixels.bytes(),
            channels: i.pixels.channels(),
            width: i.width,
            height: i.height,
        })
        .collect();
    // A square sheet compresses best and never meets a browser's limit on one extent.
    let sheet = (tiles.len() as f64).sqrt().ceil() as usize;
    let sprite = compose(figure, &tiles, sheet)?;
    let widest = tiles.iter().map(|t| t.width).max().unwrap_or(1);
    let tallest = tiles.iter().map(|t| t.height).max().unwrap_or(1);
    let titled = !images.row_titles.is_empty();
    let mut rows = String::new();
    for (r, row) in images.items.chunks(columns).enumerate() {
        if let Some(title) = images.row_titles.get(r) {
            rows += &format!("<p class=\"row-title\">{}</p>", escape::inline(title));
        }
        if titled || r == 0 {
            rows += "<div class=\"image-row\">";
        }
        for (c, item) in row.iter().enumerate() {
            rows += &cell(item, r * columns + c, (sprite.columns, sprite.rows));
        }
        if titled || (r + 1) * columns >= images.items.len() {
            rows += "</div>\n";
        }
    }
    Ok(format!(
        "<div class=\"images{}\" role=\"group\" tabindex=\"0\" aria-label=\"{}\" \
         style=\"--sheet:url(data:image/png;base64,{});--columns:{columns};--cell:{}px;\
         --ratio:{widest}/{tallest};--size:{}% {}%\">{rows}</div>\n",
        if titled { " titled" } else { "" },
        escape::text(alt),
        STANDARD.encode(&sprite.png),
        images.cell.clamp(16, 512),
        sprite.columns * 100,
        sprite.rows * 100,
    ))
}

/// One image: a window on the sheet, with its label.
fn cell(item: &Image, index: usize, (columns, rows): (usize, usize)) -> String {
    // A background position of p % aligns p % of the sheet with p % of the window.
    let share = |i: usize, of: usize| 100.0 * i as f64 / of.saturating_sub(1).max(1) as f64;
    let (x, y) = (share(index % columns, columns), share(index / columns, rows));
    let line = |class: &str, text: &str| {
        if text.is_empty() {
            String::new()
        } else {
            format!("<span class=\"{class}\">{}</span>", escape::inline(text))
        }
    };
    let alt =
        if item.label.is_empty() { format!("image {}", index + 1) } else { item.label.clone() };
    format!(
        "<div class=\"cell\"><span class=\"image\" role=\"img\" aria-label=\"{}\" \
         style=\"background-position:{x:.4}% {y:.4}%\"></span>{}{}</div>",
        escape::text(&alt),
        line("label", &item.label),
        line("quiet", &item.note)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_must_fill_the_image() {
        for image in [
            Image::gray(vec![0; 3], 2, 2, ""),
            Image::rgb(vec![0; 4], 2, 2, ""),
            Image::gray(vec![], 0, 5, ""),
            Image::gray(vec![1], usize::MAX, 2, ""),
        ] {
            let images = Images { columns: 1, cell: 32, items: vec![image], ..Images::default() };
            assert!(draw(&images, "f", "").is_err());
        }
    }

    #[test]
    fn rows_with_titles_are_as_many_as_titles() {
        let items = vec![Image::gray(vec![7], 1, 1, "a").noted("0.2"); 4];
        let images = Images { columns: 2, cell: 32, items, row_titles: vec!["one".into()] };
        assert!(draw(&images, "f", "").is_err());
        let images = Images { row_titles: vec!["one".into(), "two".into()], ..images };
        let markup = draw(&images, "f", "").unwrap().markup;
        assert_eq!(markup.matches("class=\"image-row\"").count(), 2);
        assert_eq!(markup.matches("data:image/png").count(), 1, "one sheet a figure");
        assert_eq!(markup.matches("<div").count(), markup.matches("</div>").count());
    }

    #[test]
    fn no_image_is_said() {
        assert!(draw(&Images::default(), "f", "").unwrap().markup.contains("no image"));
    }
}
