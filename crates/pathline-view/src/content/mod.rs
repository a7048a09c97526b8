//! What a figure can draw: one kind a file, its data and its drawing.

pub(crate) mod bars;
pub(crate) mod curve;
pub(crate) mod images;
pub(crate) mod lines;
pub(crate) mod numbers;
pub(crate) mod particles;
pub(crate) mod scatter;
pub(crate) mod table;

use crate::error::Error;
use crate::plot::Drawn;
use crate::report::Content;

/// Draws the content of the figure called `figure`.
pub(crate) fn draw(content: &Content, figure: &str, alt: &str) -> Result<Drawn, Error> {
    match content {
        Content::Lines(c) => lines::draw(c, figure, alt),
        Content::Scatter(c) => scatter::draw(c, figure, alt),
        Content::Particles(c) => particles::draw(c, figure, alt),
        Content::Images(c) => images::draw(c, figure, alt),
        Content::Bars(c) => bars::draw(c, figure, alt),
        Content::Table(c) => Ok(table::draw(c, alt)),
    }
}
