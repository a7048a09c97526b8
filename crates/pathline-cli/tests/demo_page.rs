//! The demo, run as a user runs it: its files, its numbers, its page in a browser, its bytes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail by panicking, and say so where they cannot run"
)]

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::{browser, listing, pathline, succeed, words};
use serde_json::Value;

/// The demo is run twice in all, so everything about it is one test.
#[test]
fn the_demo_keeps_its_promises() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let printed = succeed(here, "pathline demo --samples 40 --threads 2 --json");
    let out = here.join("pathline-demo");
    let made: Vec<String> = listing(&out).into_keys().collect();
    assert_eq!(made, ["demo.json", "report.html", "run.safetensors"]);
    let numbers = std::fs::read_to_string(out.join("demo.json")).unwrap();
    assert_eq!(printed.trim(), numbers.trim());
    check_numbers(&serde_json::from_str(&numbers).unwrap());
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    check_page(&page);
    check_in_browser(&out, figures(&page).len());
    check_commands(here, &page);

    // Once more into the same folder, with another number of threads: nothing may change.
    let before = listing(&out);
    let ran = pathline(here, &words("demo --samples 40 --threads 1"));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("straightness") && ran.stdout.contains("report.html"));
    for (name, bytes) in listing(&out).iter().filter(|(name, _)| !name.ends_with("run.html")) {
        assert!(before[name] == *bytes, "{name} depends on the threads or the run");
    }
}

fn number(value: &Value, pointer: &str) -> f64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {pointer}"))
}

/// What theory says, and what must not drift unseen.
fn check_numbers(json: &Value) {
    assert_eq!(json["made_by"], "pathline demo");
    let demo = &json["demo"];
    let at = |pointer: &str| number(demo, pointer);
    assert_eq!(at("/memoriser/memorised/value"), 1.0, "an exact field draws training images");
    let floor = at("/memoriser/memorised_floor/value");
    assert!((0.0..0.05).contains(&floor), "held-out images are not memorised: {floor}");
    assert!(at("/memoriser/residual") < 1e-3);
    let (independent, paired) =
        (at("/flows/flows/0/straightness/value"), at("/flows/flows/1/straightness/value"));
    assert!(independent > paired && paired >= 1.0, "{independent} {paired}");
    assert!(at("/flows/flows/0/one_step_error/value") > at("/flows/flows/1/one_step_error/value"));
    for flow in [0, 1] {
        let bending = at(&format!("/flows/flows/{flow}/bending/value"));
        assert!(bending >= 0.0 && bending < at(&format!("/flows/flows/{flow}/energy/value")));
    }
    let exact = demo["flows"]["exact_deficit"].as_array().unwrap();
    assert_eq!(exact.len(), 21);
    for point in exact {
        let (t, low, high) =
            (number(point, "/t"), number(point, "/gain/low"), number(point, "/gain/high"));
        // 21 intervals of 95 %: one may miss, but not by more than its own width.
        let slack = (high - low).max(0.01);
        assert!(low - slack <= 1.0 && 1.0 <= high + slack, "exact g* at {t}: {low}..{high}");
        let ratio = number(point, "/ratio/value");
        assert!(ratio > 0.0 && ratio < 1.02, "a mean is no longer than what it is a mean of");
    }
    for point in demo["flows"]["network_deficit"].as_array().unwrap() {
        let gain = number(point, "/gain/value");
        // Near t = 0 the velocity is short, and a small network far off in proportion.
        let t = number(point, "/t");
        assert!((gain - 1.0).abs() < if t < 0.3 { 0.6 } else { 0.15 }, "{point}");
    }
    let switches = demo["switching"]["points"].as_array().unwrap();
    assert!(switches.len() > 10);
    for point in switches {
        assert_eq!(number(point, "/agreement/value"), 1.0, "no memory: the new class is drawn");
    }
    let judged = at("/trained/real_agreement/value");
    assert!(judged > 0.85, "the judge knows {judged} of real images");
    let asked = at("/trained/agreement/value");
    assert!(asked > 0.8, "{asked} of the guided images show the class asked for");
    for point in demo["trained"]["exact_deficit"].as_array().unwrap() {
        let (low, high) = (number(point, "/gain/low"), number(point, "/gain/high"));
        let slack = (high - low).max(0.01);
        assert!(low - slack <= 1.0 && 1.0 <= high + slack, "an exact field has g* = 1: {point}");
    }
    let switched = demo["trained"]["switching"]["points"].as_array().unwrap();
    let new = |i: usize| number(&switched[i], "/new/value");
    assert!(
        new(0) > 0.5 && new(switched.len() - 1) < 0.2,
        "an early switch wins, a late one loses"
    );
    let rows = demo["ways"]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 10);
    for row in rows {
        assert_eq!(number(row, "/samples"), 40.0);
        let [value, low, high] =
            ["value", "low", "high"].map(|k| number(row, &format!("/kid/{k}")));
        assert!(low <= value && value <= high, "{row}");
        assert_eq!(row["method"] == "Euler", row["kid_less_euler"].is_null());
    }
    let plain = &demo["corrections"]["rows"][0];
    assert_eq!((number(plain, "/mean_gain"), number(plain, "/memorised/value")), (1.0, 1.0));
    for row in demo["corrections"]["rows"].as_array().unwrap() {
        assert!((0.0..1.0).contains(&number(row, "/residual")), "{}", row["name"]);
    }
}

/// The markup of each figure.
fn figures(page: &str) -> Vec<&str> {
    page.split("<figure id=\"").skip(1).map(|f| f.split("</figure>").next().unwrap()).collect()
}

/// The text of the command below a figure, or in the header.
fn command(markup: &str) -> Option<String> {
    let code = markup.split("class=\"reproduce\"").nth(1)?.split("<code>").nth(1)?;
    let code = code.split("</code>").next()?.replace("<span>", "").replace("</span>", "");
    let plain = code.replace("&quot;", "\"").replace("&#39;", "'").replace("&gt;", ">");
    Some(plain.replace("&lt;", "<").replace("&amp;", "&"))
}

fn check_page(page: &str) {
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    for loads in ["src=\"http", "src='http", "<link", "@import", "url(http", "fetch(", "XMLHttp"] {
        assert!(!page.contains(loads), "the page would load something: {loads}");
    }
    let figures = figures(page);
    assert!(figures.len() >= 10, "{} figures", figures.len());
    let ids: BTreeSet<&str> = figures.iter().map(|f| f.split('"').next().unwrap()).collect();
    assert_eq!(ids.len(), figures.len());
    for figure in figures {
        let id = figure.split('"').next().unwrap();
        let caption = figure.split("<figcaption>").nth(1).expect(id);
        let words = caption.split("class=\"reproduce\"").next().unwrap();
        assert!(words.len() > 40 && words.contains("<p"), "{id} has no caption");
        assert!(command(figure).is_some_and(|c| c.starts_with("pathline ")), "{id} has no command");
        let described = ["aria-label=\"", "alt=\"", "<caption", "<desc"];
        assert!(described.iter().any(|d| figure.contains(d)), "{id} has no description");
    }
}

/// Every command of the page works where the demo was run.
fn check_commands(here: &Path, page: &str) {
    let header = page.split("<figure").next().unwrap();
    let mut commands: BTreeSet<String> = figures(page).into_iter().filter_map(command).collect();
    commands.extend(command(header));
    assert!(commands.len() >= 5, "{commands:?}");
    for line in commands {
        if line.starts_with("pathline demo") {
            // Run anyway, and long: only that it is understood.
            assert_eq!(pathline(here, &words(&format!("{line} --help"))).code, Some(0), "{line}");
            continue;
        }
        succeed(here, &line.replace(" demo/run.safetensors", " pathline-demo/run.safetensors"));
    }
}

/// The page at two widths: ready, no script error, the slider moves, all figures shown, nothing wider
/// than the window.
fn check_in_browser(folder: &Path, figures: usize) {
    let Some(browser) = browser::find() else { return };
    let scratch = tempfile::tempdir().unwrap();
    std::fs::copy(folder.join("report.html"), scratch.path().join("page.html")).unwrap();
    for width in [360, 1280] {
        let tag = browser::root_tag(&browser, scratch.path(), width);
        for expected in [
            "data-ready=\"true\"".to_owned(),
            "data-errors=\"\"".to_owned(),
            "data-sliders=\"1\"".to_owned(),
            "data-sliders-moved=\"1\"".to_owned(),
            "data-fits=\"true\"".to_owned(),
            format!("data-width=\"{width}\""),
            format!("data-figures=\"{figures}\""),
        ] {
            assert!(tag.contains(&expected), "at {width} px: no {expected} in {tag}");
        }
    }
}
