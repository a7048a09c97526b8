//! Reports as one self-contained HTML page, and small pictures for the terminal.
//!
//! A [`Report`] is plain data: sections of figures, each with its caption, what to look for in it
//! and the command that makes it again. [`html`] turns it into one page that loads nothing from
//! anywhere: styles, script, pictures and particle positions are all inside. [`terminal`] draws
//! what fits a terminal.
//!
//! This crate reads no file, prints nothing and knows nothing of particular commands: whoever
//! measures fills a [`Report`].
//!
//! # Examples
//! ```
//! use pathline_view::{Axis, Content, Figure, Lines, Report, Section, Series, html};
//!
//! let lines = Lines {
//!     x: Axis::new("time t"),
//!     y: Axis::new("power"),
//!     series: vec![Series::new("Euler", vec![[0.0, 1.0], [0.5, 1.4], [1.0, 2.0]])],
//!     marks: vec![],
//! };
//! let figure = Figure {
//!     id: "power".into(),
//!     title: "Power over time".into(),
//!     caption: "Mean kinetic power of 256 samples.".into(),
//!     look_for: "A rise towards t = 1.".into(),
//!     command: "pathline measure model.safetensors".into(),
//!     alt: "A line that rises from 1 to 2.".into(),
//!     content: Content::Lines(lines),
//! };
//! let report = Report {
//!     title: "A small report".into(),
//!     sections: vec![Section {
//!         id: "energy".into(),
//!         title: "Energy".into(),
//!         text: "One figure.".into(),
//!         figures: vec![figure],
//!     }],
//!     ..Report::default()
//! };
//! let page = html(&report)?;
//! assert!(page.starts_with("<!doctype html>"));
//! # Ok::<(), pathline_view::Error>(())
//! ```

mod content;
mod error;
mod escape;
mod number;
mod page;
mod plot;
mod report;
mod sprite;
pub mod terminal;

pub use content::bars::{BarSeries, Bars};
pub use content::images::{Image, Images, Pixels};
pub use content::lines::{LineStyle, Lines, Mark, Series};
pub use content::particles::{Panel, Particles};
pub use content::scatter::{Group, Scatter};
pub use content::table::{Cell, Column, Emphasis, Table};
pub use error::Error;
pub use number::number;
pub use page::{MAX_BYTES, html};
pub use plot::axis::{Axis, Scale};
pub use report::{Content, Fact, Figure, Report, Section};
