//! The report: what a page says, as plain data.

use serde::{Deserialize, Serialize};

use crate::content::bars::Bars;
use crate::content::images::Images;
use crate::content::lines::Lines;
use crate::content::particles::Particles;
use crate::content::scatter::Scatter;
use crate::content::table::Table;

/// Everything that one page says.
///
/// Text fields are plain text: blank lines part paragraphs, and `` `backticks` `` set code.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// The heading, and the title of the browser's tab.
    pub title: String,
    /// One paragraph: what was done and what came out.
    pub lead: String,
    /// The command that makes the whole report again; may be empty.
    pub command: String,
    /// What a reader wants at a glance: model, data, seed, versions.
    pub facts: Vec<Fact>,
    /// The parts, in reading order.
    pub sections: Vec<Section>,
    /// One work a string; `https://` addresses become links.
    pub references: Vec<String>,
    /// The last line; may be empty.
    pub footer: String,
}

/// One label and its value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fact {
    /// What it is: `seed`.
    pub label: String,
    /// What it is worth: `7`.
    pub value: String,
}

impl Fact {
    /// A label and its value.
    ///
    /// # Examples
    /// ```
    /// let fact = pathline_view::Fact::new("seed", 7);
    /// assert_eq!(fact.value, "7");
    /// ```
    #[must_use]
    pub fn new(label: impl Into<String>, value: impl ToString) -> Self {
        Self { label: label.into(), value: value.to_string() }
    }
}

/// One part of a report.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Section {
    /// The anchor of the part in the page's address; made unique and lower-case when drawn.
    pub id: String,
    /// The heading.
    pub title: String,
    /// What stands before the figures; may be empty.
    pub text: String,
    /// The figures, in reading order.
    pub figures: Vec<Figure>,
}

/// One picture with all that is needed to read it and to make it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The anchor of the figure in the page's address; made unique and lower-case when drawn.
    pub id: String,
    /// What the figure shows, as a short phrase.
    pub title: String,
    /// What is drawn, in plain language.
    pub caption: String,
    /// What to look for; may be empty.
    pub look_for: String,
    /// The command that makes it again; may be empty.
    pub command: String,
    /// The picture in words, for those who do not see it.
    pub alt: String,
    /// What is drawn.
    pub content: Content,
}

/// What a figure draws.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// Curves over an axis.
    Lines(Lines),
    /// Points in a plane.
    Scatter(Scatter),
    /// Particles that move with time.
    Particles(Particles),
    /// A grid of small images.
    Images(Images),
    /// Bars by category.
    Bars(Bars),
    /// A table.
    Table(Table),
}
