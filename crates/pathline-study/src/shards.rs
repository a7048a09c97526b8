//! Samples that take long to draw, kept on disk piece by piece: drawing them again after being stopped goes on
//! with the first piece that is missing.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use pathline::{Batch, Shape};
use pathline_data::{Array, Values, atomic, npy};

use crate::error::Error;

/// Samples of a piece.
const SHARD: usize = 500;

/// Where pieces are kept.
#[derive(Debug, Clone)]
pub(crate) struct Shards {
    folder: PathBuf,
    /// What all samples in the folder have in common; others are not mistaken for them.
    of: String,
}

impl Shards {
    /// A folder beside `file`, for samples of a model, a number of bits, ... named by `of`.
    pub(crate) fn beside(file: &Path, of: String) -> Self {
        Self { folder: file.with_extension("samples"), of }
    }

    /// The first `samples` samples of the way called `name`, by `draw` where they are not yet on disk; `told`
    /// hears how many there are.
    pub(crate) fn all(
        &self,
        (name, shape): (&str, &Shape),
        samples: usize,
        draw: &mut dyn FnMut(Range<usize>) -> Result<Batch, Error>,
        told: &mut dyn FnMut(usize),
    ) -> Result<Batch, Error> {
        fs::create_dir_all(&self.folder).map_err(|e| self.failed(&e))?;
        let mut all = Batch::zeros(0, shape.clone());
        for from in (0..samples).step_by(SHARD) {
            let range = from..samples.min(from + SHARD);
            let file = format!("{}-{name}-{}-{}.npy", self.of, range.start, range.end);
            let path = self.folder.join(file.replace(' ', "-"));
            let piece = match kept(&path, shape).filter(|piece| piece.len() == range.len()) {
                Some(piece) => piece,
                None => {
                    let piece = draw(range.clone())?;
                    let extents = [&[piece.len()], shape.extents()].concat();
                    let values = Values::F32(piece.as_slice().to_vec());
                    let bytes = Array::new(extents, values).map(|array| npy::encode(&array));
                    atomic::replace(&path, &bytes.unwrap_or_default())?;
                    piece
                }
            };
            all.append(&piece)?;
            told(range.end);
        }
        Ok(all)
    }

    /// Forgets all pieces.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        match fs::remove_dir_all(&self.folder) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(self.failed(&e)),
            _ => Ok(()),
        }
    }

    fn failed(&self, e: &std::io::Error) -> Error {
        let remedy = "make the folder writable, or choose another --out";
        Error::usage(self.folder.display().to_string(), e.to_string(), remedy)
    }
}

/// The samples of this shape in a file, if it has such.
fn kept(path: &Path, shape: &Shape) -> Option<Batch> {
    let array = npy::read(path).ok()?;
    let Values::F32(values) = array.into_values() else { return None };
    Batch::from_vec(values, shape.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pathline::{Seed, Source};

    #[test]
    fn what_was_drawn_is_not_drawn_again_and_comes_back_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let shards = Shards::beside(&folder.path().join("table.json"), "model".to_owned());
        let shape = Shape::new([1, 2, 3]).unwrap();
        let (mut drawn, mut told) = (Vec::new(), 0);
        let mut draw = |samples: usize, fail: bool| {
            let mut some = |range: Range<usize>| {
                if fail && range.start > 0 {
                    return Err(Error::usage("drawing", "stopped", "go on"));
                }
                drawn.push(range.clone());
                let source =
                    Source { first: range.start as u64, ..Source::new(Seed(1), range.len()) };
                Ok(source.noise(&shape))
            };
            shards.all(("a way", &shape), samples, &mut some, &mut |n| told = n)
        };
        assert!(draw(2 * SHARD + 7, true).is_err());
        let all = draw(2 * SHARD + 7, false).unwrap();
        assert_eq!(all, draw(2 * SHARD + 7, true).unwrap());
        assert_eq!(all, Source::new(Seed(1), 2 * SHARD + 7).noise(&shape));
        assert_eq!(drawn, [0..SHARD, SHARD..2 * SHARD, 2 * SHARD..2 * SHARD + 7]);
        assert_eq!(told, 2 * SHARD + 7);
        shards.remove().unwrap();
        shards.remove().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
