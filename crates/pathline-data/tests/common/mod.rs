//! What several tests need.

use std::path::{Path, PathBuf};

/// A reference file by its name.
pub(crate) fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}
