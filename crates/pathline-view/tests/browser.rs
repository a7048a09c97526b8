//! The page in a real browser: it is ready, raises no error, its sliders move what is shown, and
//! nothing overflows at 360 and at 1280 pixels.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail by panicking, and say so where they cannot run"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[path = "../examples/gallery/report.rs"]
mod report;

/// A browser of the Chromium family: `CHROME`, else the first known name in `PATH`.
fn browser() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROME") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|file| file.is_file())
}

/// Windows are never narrower than some 500 pixels, so the page is shown in a frame of `width`,
/// and what it wrote on its root is copied out.
fn harness(width: u32) -> String {
    format!(
        "<!doctype html><iframe src=\"page.html#selftest\" style=\"width:{width}px;height:800px;\
         border:0\"></iframe><script>\n\
         const frame = document.querySelector('iframe');\n\
         frame.addEventListener('load', () => setTimeout(() => {{\n\
           const seen = frame.contentDocument.documentElement.dataset;\n\
           for (const key in seen) document.documentElement.dataset[key] = seen[key];\n\
         }}, 300));\n</script>"
    )
}

/// The root element's opening tag after the harness has run.
fn root_tag(browser: &Path, folder: &Path, width: u32) -> String {
    let file = folder.join(format!("harness-{width}.html"));
    std::fs::write(&file, harness(width)).unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--allow-file-access-from-files", "--virtual-time-budget=8000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.join(format!("profile-{width}")).display()))
        .arg("--window-size=1400,900")
        .arg(format!("file://{}", file.display()))
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let start = dom.find("<html").unwrap_or_else(|| panic!("the browser showed nothing: {dom}"));
    let end = dom[start..].find("<head>").map_or(dom.len(), |i| start + i);
    dom[start..end].to_owned()
}

#[test]
fn the_page_works_at_both_widths() {
    let Some(browser) = browser() else {
        let problem = "no Chromium found; set CHROME to its path to test the page in it";
        assert!(std::env::var_os("PATHLINE_REQUIRE_BROWSER").is_none(), "{problem}");
        eprintln!("SKIPPED: {problem}");
        return;
    };
    let folder = std::env::temp_dir().join(format!("pathline-view-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("page.html"), pathline_view::html(&report::example()).unwrap())
        .unwrap();
    let tags = [360, 1280].map(|width| (width, root_tag(&browser, &folder, width)));
    std::fs::remove_dir_all(&folder).ok();
    for (width, tag) in tags {
        for expected in [
            "data-ready=\"true\"".to_owned(),
            "data-errors=\"\"".to_owned(),
            "data-sliders=\"1\"".to_owned(),
            "data-sliders-moved=\"1\"".to_owned(),
            "data-fits=\"true\"".to_owned(),
            format!("data-width=\"{width}\""),
        ] {
            assert!(tag.contains(&expected), "at {width} px: no {expected} in {tag}");
        }
    }
}
