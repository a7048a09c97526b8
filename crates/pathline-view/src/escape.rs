//! Text from outside, made safe for where it stands in the page.

/// `text` for an HTML text node or a double-quoted attribute.
///
/// Control characters that HTML forbids become the replacement character.
pub(crate) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            '\r' => {}
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// JSON for the inside of a `<script>`: no `<` is left that could close it, and no line separator
/// that older scripts read as the end of a string.
pub(crate) fn json(json: &str) -> String {
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// Paragraphs, parted by blank lines, with `` `code` `` set as code.
pub(crate) fn prose(source: &str) -> String {
    let source = source.replace("\r\n", "\n");
    source
        .split("\n\n")
        .filter(|p| !p.trim().is_empty())
        .map(|p| format!("<p>{}</p>\n", inline(p.trim())))
        .collect()
}

/// One run of text with `` `code` `` set as code; a lone backtick stays one.
pub(crate) fn inline(source: &str) -> String {
    let parts: Vec<&str> = source.split('`').collect();
    let mut out = String::new();
    for (i, part) in parts.iter().enumerate() {
        let part = text(part);
        match (i % 2 == 1, i + 1 < parts.len()) {
            (true, true) => out += &format!("<code>{part}</code>"),
            (true, false) => out += &format!("`{part}"),
            (false, _) => out += &part,
        }
    }
    out
}

/// One reference, with its `http(s)` addresses as links.
pub(crate) fn reference(source: &str) -> String {
    let words = source.split(' ').map(|word| {
        let address = word.trim_end_matches(['.', ',', ';', ')']);
        if address.starts_with("https://") || address.starts_with("http://") {
            let tail = text(&word[address.len()..]);
            let address = text(address);
            format!("<a href=\"{address}\" rel=\"noreferrer\">{address}</a>{tail}")
        } else {
            text(word)
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// An `id` attribute's value: lower-case letters, digits and single hyphens.
pub(crate) fn slug(source: &str) -> String {
    let mut out = String::new();
    for c in source.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    let out = out.trim_end_matches('-');
    if out.is_empty() { "part".to_owned() } else { out.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_stays_text() {
        let evil = "</script><img src=x onerror=\"alert('1')\">&\u{7}";
        let safe = text(evil);
        assert!(!safe.contains(['<', '>', '"', '\'', '\u{7}']));
        assert!(!json("\"</script>\u{2028}\"").contains(['<', '\u{2028}']));
        assert!(inline("`<b>` and `<i>").starts_with("<code>&lt;b&gt;</code> and `&lt;i"));
        assert!(!reference("see https://x.y/\"><b>.").contains("<b>"));
    }

    #[test]
    fn paragraphs_code_links_and_slugs() {
        assert_eq!(prose("a\n\n\n b `c`"), "<p>a</p>\n<p>b <code>c</code></p>\n");
        assert_eq!(
            reference("A (https://a.b/c)."),
            "A (https://a.b/c).",
            "an address inside brackets is left as text"
        );
        assert_eq!(
            reference("A https://a.b/c."),
            "A <a href=\"https://a.b/c\" rel=\"noreferrer\">https://a.b/c</a>."
        );
        assert_eq!(slug("  Energy & Density: 2-D "), "energy-density-2-d");
        assert_eq!(slug("éé"), "part");
    }
}
