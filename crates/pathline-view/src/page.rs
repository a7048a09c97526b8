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
    let mut pen =
        Pen { ids: HashSet::new(), figures: vec![], count: 0, largest: (String::new(), 0) };
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
    // Words are kept whole: a browser would break `--seed` after a hyphen.
    let words = command.split(' ').map(|word| format!("<span>{}</span>", escape::text(word)));
    let words = words.collect::<Vec<_>>().join(" ");
    format!(
        "<div class=\"reproduce\"><span class=\"tag\">Reproduce</span><code>{words}</code>\
         <button type=\"button\" class=\"copy\" aria-label=\"Copy the command\">Copy</button></div>\n"
    )
}

/// What is gathered while the page is written from top to bottom.
struct Pen {
    ids: HashSet<String>,
    /// `"id": data` for the script.
    figures: Vec<String>,
    /// Figures so far, for their numbers.
    count: usize,
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
        self.count += 1;
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
            "<figure id=\"{id}\">\n<h3><span class=\"figure-number\">Figure {}</span> {}</h3>\n{}{}<figcaption>\n{}{look_for}{}</figcaption>\n</figure>\n",
            self.count,
            escape::inline(&figure.title),
            drawn.markup,
            notes.collect::<String>(),
            escape::prose(&figure.caption),
            reproduce(&figure.command)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each custom property of a block of the style sheet, as `(name, #rrggbb)`.
    fn colours(block: &str) -> Vec<(String, String)> {
        let end = block.find('}').unwrap();
        let declarations = block[..end].split([';', '{']).filter_map(|d| d.trim().split_once(':'));
        let pairs = declarations.map(|(k, v)| (k.trim().to_owned(), v.trim().to_owned()));
        pairs.filter(|(k, v)| k.starts_with("--") && v.starts_with('#')).collect()
    }

    /// Relative luminance (WCAG 2, sRGB).
    fn luminance(colour: &str) -> f64 {
        let channel = |i: usize| {
            let v = f64::from(u8::from_str_radix(&colour[i..i + 2], 16).unwrap()) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    #[test]
    fn colours_stand_out_in_both_schemes() {
        let schemes = [":root {", ":root[data-theme=\"dark\"] {"];
        for block in schemes.map(|s| &STYLE[STYLE.find(s).unwrap()..]) {
            let colours = colours(block);
            let paper = luminance(&colours.iter().find(|(k, _)| k == "--paper").unwrap().1);
            let mut ramp = vec![];
            for (name, value) in &colours {
                let own = luminance(value);
                let contrast = (own.max(paper) + 0.05) / (own.min(paper) + 0.05);
                let least = match name.as_str() {
                    "--paper" | "--rule" | "--faint" | "--tint" => 1.0,
                    // Graphics need 3; text needs 4.5.
                    n if n.starts_with("--v") => 3.0,
                    _ => 4.5,
                };
                assert!(contrast >= least, "{name} {value}: {contrast:.2} below {least}");
                if name.starts_with("--v") {
                    ramp.push(contrast);
                }
            }
            assert_eq!(ramp.len(), crate::plot::RAMP);
            assert!(ramp.windows(2).all(|w| w[0] < w[1]), "the ramp is not in order: {ramp:?}");
        }
    }

    #[test]
    fn the_dark_colours_are_the_same_by_choice_and_by_system() {
        let chosen = &STYLE[STYLE.find(":root[data-theme=\"dark\"] {").unwrap()..];
        let system = &STYLE[STYLE.find(":root:not([data-theme=\"light\"]) {").unwrap()..];
        assert_eq!(colours(chosen), colours(system));
    }
}
