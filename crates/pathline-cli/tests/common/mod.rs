//! Running the binary in a folder of its own, and looking at what it left there.
#![allow(dead_code, clippy::allow_attributes, reason = "each test file uses its own share")]

pub(crate) mod browser;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a run of the binary gave.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `pathline` with these arguments, with `folder` as the working directory.
pub(crate) fn pathline<S: AsRef<std::ffi::OsStr>>(folder: &Path, args: &[S]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_pathline"))
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Ran { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Runs a command given as one line; it must succeed. Gives standard output.
pub(crate) fn succeed(folder: &Path, line: &str) -> String {
    let words = words(line);
    let ran = pathline(folder, &words);
    assert_eq!(ran.code, Some(0), "`{line}` said: {}{}", ran.stdout, ran.stderr);
    ran.stdout
}

/// The words of a command line, as a shell would see them; `pathline` itself and what follows `>` are
/// left out.
pub(crate) fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut any) = (Vec::new(), String::new(), false, false);
    for c in line.chars() {
        match c {
            '\'' => (quoted, any) = (!quoted, true),
            ' ' if !quoted => {
                if any {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            _ => {
                word.push(c);
                any = true;
            }
        }
    }
    if any {
        words.push(word);
    }
    let end = words.iter().position(|w| w == ">").unwrap_or(words.len());
    words.truncate(end);
    words.into_iter().skip_while(|w| w == "pathline").collect()
}

/// Every file below `folder`, by its path there, with its bytes; folders end in `/`.
pub(crate) fn listing(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_path_buf()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if path.is_dir() {
                found.insert(format!("{name}/"), Vec::new());
                left.push(path);
            } else {
                found.insert(name, std::fs::read(&path).unwrap_or_default());
            }
        }
    }
    found
}

/// A folder of real checkpoints and data, if this machine has it.
pub(crate) fn shared(inside: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PATHLINE_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join(inside);
    path.exists().then_some(path)
}
