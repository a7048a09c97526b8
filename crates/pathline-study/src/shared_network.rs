//! One copy in memory of a network that several fields of a run are made of.
//!
//! Guidance and switching ask for the same checkpoint once a class; large ones must neither be read nor be
//! held twice.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use pathline_nn::{Network, Output};

use crate::checkpoint::read_network;
use crate::error::Error;

/// Which file it was, and in which state.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    path: PathBuf,
    bytes: u64,
    changed: SystemTime,
}

impl Version {
    /// `None` where the system does not say.
    fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        let path = path.canonicalize().ok()?;
        Some(Self { path, bytes: metadata.len(), changed: metadata.modified().ok()? })
    }
}

/// A network that was read, for as long as some field has it.
struct Read {
    version: Version,
    network: Weak<dyn Network>,
    output: Output,
}

/// The last one.
static LAST: Mutex<Option<Read>> = Mutex::new(None);

/// The network in a file, the same one as last time if a field still has it and the file did not change.
///
/// # Errors
/// As [`read_network`].
pub(crate) fn shared_network(path: &Path) -> Result<(Arc<dyn Network>, Output), Error> {
    let version = Version::of(path);
    // What is kept is replaced whole, so that it is as good after a panic.
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let (Some(now), Some(read)) = (&version, &*last)
        && *now == read.version
        && let Some(network) = read.network.upgrade()
    {
        return Ok((network, read.output));
    }
    let (network, output) = read_network(path)?;
    let network: Arc<dyn Network> = Arc::from(network);
    let weak = Arc::downgrade(&network);
    *last = version.map(|version| Read { version, network: weak, output });
    Ok((network, output))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pathline::{Seed, Shape};
    use pathline_nn::{Activation, Mlp, MlpConfig, model_to_bytes};

    #[test]
    fn a_network_is_read_once_while_it_is_in_use_and_anew_when_its_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let save = |width: usize| {
            let (shape, hidden) = (Shape::vector(2), vec![width]);
            let mlp = Mlp::new(&MlpConfig { shape, hidden, activation: Activation::Silu }, Seed(1));
            std::fs::write(&path, model_to_bytes(&mlp.unwrap(), Output::default()).unwrap())
                .unwrap();
        };
        save(3);
        let first = shared_network(&path).unwrap().0;
        assert!(Arc::ptr_eq(&first, &shared_network(&path).unwrap().0));
        save(5);
        let second = shared_network(&path).unwrap().0;
        assert!(second.parameters().len() > first.parameters().len());
    }
}
