//! The page: a report as one HTML file that loads nothing.

use std::collections::HashSet;

use crate::content;
use crate::error::Error;
use crate::escape;
use crate::report::{Figure, Report, Section};

/// The most bytes a page may take: 2 MB.
pub const MAX_BYTES: usize = 2_000_000;

const STYLE: &str = include_str!("../assets/page.css");
const SCRIPT: &str = include_str!("../assets/page.js");
const PARTICLES: &str = include_str!("../assets/particles.js");
const SELFTEST: &str = include_str!("../assets/selftest.js");

/// Nothing may be loaded: only what is written in the page itself is used.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
                      script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// The report as one HTML page, at most [`MAX_BYTES`] long, that needs no network and no other
/// file. All text of the report is escaped. The same report gives the same bytes.
///
/// The page sets `data-ready="true"` on its root once it is usable and collects script errors in
/// `data-errors`. Opened with `#selftest`, it moves every slider and reports in `data-sliders`,
/// `data-sliders-moved` and `data-fits`.
///
/// # Errors
/// [`Error::Count`] or [`Error::Invalid`] when parts of a figure do not fit together,
/// [`Error::TooLarge`] when the page would be too long.
pub fn html(report: &Report) -> Result<String, Error> {
    let mut pen = Pen { ids: HashSet::new(), figures: vec![], largest: (String::new(), 0) };
    let mut contents = String::new();
    let mut sections = String::new();
    for section in &report.sections {
        let (id, markup) = pen.section(section)?;
        let title = escape::inline(&section.title);
        contents += &format!("<li><a href=\"#{id}\">{title}</a></li>\n");
        sections += &markup;
    }
    if !report.references.is_empty() {
        let id = pen.id("references");
        contents += &format!("<li><a href=\"#{id}\">References</a></li>\n");
        let items =
            report.references.iter().map(|r| format!("<li>{}</li>\n", escape::reference(r)));
        let items: String = items.collect();
        sections += &format!(
            "<section id=\"{id}\" class=\"references\"><h2>References</h2>\n<ol>\n{items}</ol></section>\n"
        );
    }
    let page = assemble(report, &contents, &sections, &pen.figures);
    if page.len() > MAX_BYTES {
        let (figure, figure_bytes) = pen.largest;
        return Err(Error::TooLarge { bytes: page.len(), limit: MAX_BYTES, figure, figure_bytes });
    }
    Ok(page)
}

fn assemble(report: &Report, contents: &str, sections: &str, figures: &[String]) -> String {
    let title = escape::text(&report.title);
    let footer = if report.footer.is_empty() {
        String::new()
    } else {
        format!("<footer>{}</footer>\n", escape::prose(&report.footer))
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#report\">Skip to the report</a>\n\
         <button type=\"button\" class=\"theme\">Dark</button>\n\
         <nav aria-label=\"Contents\"><p>Contents</p><ol>\n{contents}</ol></nav>\n\
         <main id=\"report\">\n{}{sections}{footer}</main>\n\
         <script>\n\"use strict\";\nconst FIGURES = {{{}}};\n{SCRIPT}{PARTICLES}{SELFTEST}</script>\n\
         </body>\n</html>\n",
        header(report),
        figures.join(",\n"),
    )
}

fn header(report: &Report) -> String {
    let mut out = format!("<header>\n<h1>{}</h1>\n", escape::inline(&report.title));
    if !report.lead.is_empty() {
        out += &format!("<div class=\"lead\">{}</div>\n", escape::prose(&report.lead));
    }
    if !report.facts.is_empty() {
        let facts = report.facts.iter().map(|fact| {
            format!(
                "<div><dt>{}</dt><dd>{}</dd></div>\n",
                escape::inline(&fact.label),
                escape::inline(&fact.value)
            )
        });
        out += &format!("<dl class=\"facts\">\n{}</dl>\n", facts.collect::<String>());
    }
    out += &reproduce(&report.command);
    out + "</header>\n"
}

/// The command that makes a thing again, with a button that copies it.
fn reproduce(command: &str) -> String {
    if command.is_empty() {
        return String::new();
    }
    format!(
        "<div class=\"reproduce\"><span class=\"tag\">Reproduce</span><code tabindex=\"0\">{}</code>\
         <button type=\"button\" class=\"copy\" aria-label=\"Copy the command\">Copy</button></div>\n",
        escape::text(command)
    )
}

/// What is gathered while the page is written from top to bottom.
struct Pen {
    ids: HashSet<String>,
    /// `"id": data` for the script.
    figures: Vec<String>,
    largest: (String, usize),
}

impl Pen {
    /// A free id near `wanted`.
    fn id(&mut self, wanted: &str) -> String {
        let base = escape::slug(wanted);
        let mut id = base.clone();
        let mut n = 2;
        // `report` and `selftest` are the page's own.
        while id == "report" || id == "selftest" || !self.ids.insert(id.clone()) {
            id = format!("{base}-{n}");
            n += 1;
        }
        id
    }

    fn section(&mut self, section: &Section) -> Result<(String, String), Error> {
        let id = self.id(&section.id);
        let mut figures = String::new();
        for figure in &section.figures {
            figures += &self.figure(figure)?;
        }
        let markup = format!(
            "<section id=\"{id}\">\n<h2>{}</h2>\n{}{figures}</section>\n",
            escape::inline(&section.title),
            escape::prose(&section.text)
        );
        Ok((id, markup))
    }

    fn figure(&mut self, figure: &Figure) -> Result<String, Error> {
        let id = self.id(&figure.id);
        let drawn = content::draw(&figure.content, &figure.id, &figure.alt)?;
        let bytes = drawn.markup.len() + drawn.data.as_ref().map_or(0, String::len);
        if bytes > self.largest.1 {
            self.largest = (figure.id.clone(), bytes);
        }
        if let Some(data) = &drawn.data {
            self.figures.push(format!("\"{id}\": {}", escape::json(data)));
        }
        let notes =
            drawn.notes.iter().map(|n| format!("<p class=\"note\">{}</p>\n", escape::inline(n)));
        let look_for = if figure.look_for.is_empty() {
            String::new()
        } else {
            let text = escape::inline(&figure.look_for);
            format!(
                "<p class=\"look-for\"><span class=\"tag\">What to look for</span> {text}</p>\n"
            )
        };
        Ok(format!(
            "<figure id=\"{id}\">\n<h3>{}</h3>\n{}{}<figcaption>\n{}{look_for}{}</figcaption>\n</figure>\n",
            escape::inline(&figure.title),
            drawn.markup,
            notes.collect::<String>(),
            escape::prose(&figure.caption),
            reproduce(&figure.command)
        ))
    }
}
