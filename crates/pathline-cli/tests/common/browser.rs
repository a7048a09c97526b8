//! A page in a headless browser.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A browser of the Chromium family: `CHROME`, else the first known name in `PATH`.
///
/// Without one this says so, and fails where `PATHLINE_REQUIRE_BROWSER` is set.
pub(crate) fn find() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROME") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
    let found = std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|file| file.is_file());
    if found.is_none() {
        let problem = "no Chromium found; set CHROME to its path to test the page in it";
        assert!(std::env::var_os("PATHLINE_REQUIRE_BROWSER").is_none(), "{problem}");
        eprintln!("SKIPPED: {problem}");
    }
    found
}

/// Windows are never narrower than some 500 pixels, so `page.html` is shown in a frame of `width`; what
/// it wrote on its root is copied out, with the number of figures that take up room.
fn harness(width: u32) -> String {
    format!(
        "<!doctype html><iframe src=\"page.html#selftest\" style=\"width:{width}px;height:800px;\
         border:0\"></iframe><script>\n\
         const frame = document.querySelector('iframe');\n\
         frame.addEventListener('load', () => setTimeout(() => {{\n\
           const inner = frame.contentDocument;\n\
           const seen = inner.documentElement.dataset;\n\
           for (const key in seen) document.documentElement.dataset[key] = seen[key];\n\
           const shown = [...inner.querySelectorAll('figure')].filter((f) => f.offsetHeight > 60);\n\
           document.documentElement.dataset.figures = shown.length;\n\
         }}, 300));\n</script>"
    )
}

/// The root element's opening tag after the page of `folder` has tested itself.
pub(crate) fn root_tag(browser: &Path, folder: &Path, width: u32) -> String {
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
