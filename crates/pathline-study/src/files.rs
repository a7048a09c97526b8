//! Finds data sets and checkpoints by name: embedded, generated, or on disk.

use std::path::Path;
use std::sync::Arc;

use pathline::field::Conditions;
use pathline::kernels::ProductPrecision;
use pathline::spec::{Data, Resolver, SourceSpec};
use pathline::{Batch, Seed, Shape, Source, VelocityField};
use pathline_data::{DataSet, PointSet, fashion_mnist, load};
use pathline_nn::NetworkField;

use crate::error::Error;
use crate::shared_network::shared_network;

/// Points of a generated set when its name gives no number.
const GENERATED: usize = 2000;

/// Most points of a generated set.
const MOST_GENERATED: usize = 10_000_000;

/// Resolves names: `fashion-mnist` and `fashion-mnist-test` are embedded; the 2-D sets (`moons`,
/// `checkerboard`, ...) are generated, `moons:500` with 500 points; anything else is a path.
#[derive(Debug, Clone, Copy, Default)]
pub struct Files;

impl Files {
    /// A data set by name.
    ///
    /// # Errors
    /// [`Error::Data`] naming the file, the place and the remedy.
    pub fn data_set(&self, name: &str) -> Result<DataSet, Error> {
        match name {
            "fashion-mnist" => return Ok(fashion_mnist::train()?),
            "fashion-mnist-test" => return Ok(fashion_mnist::held_out()?),
            _ => {}
        }
        let (set, count) = name.split_once(':').unwrap_or((name, ""));
        if let Ok(set) = set.parse::<PointSet>() {
            let count = if count.is_empty() { Ok(GENERATED) } else { count.parse() };
            let count =
                count.ok().filter(|n| (1..=MOST_GENERATED).contains(n)).ok_or_else(|| {
                    let problem = format!("`{name}` does not end in a number of points");
                    let remedy = format!("write for example moons:500, at most {MOST_GENERATED}");
                    Error::usage("data set", problem, remedy)
                })?;
            return Ok(set.data_set(count, Seed(0)));
        }
        let path = Path::new(name);
        if !path.exists() {
            let sets = PointSet::ALL.map(PointSet::name).join(", ");
            let problem = format!("there is no file or built-in set `{name}`");
            let remedy =
                format!("give a path, or one of fashion-mnist, fashion-mnist-test, {sets}");
            return Err(Error::usage("data set", problem, remedy));
        }
        Ok(load(path)?)
    }

    /// Where samples `source.first..` start.
    ///
    /// # Errors
    /// [`Error::Library`] for an unknown set or a field that is not of the plane.
    pub fn start(&self, from: &SourceSpec, source: &Source, shape: &Shape) -> Result<Batch, Error> {
        match from {
            SourceSpec::Normal {} => Ok(source.noise(shape)),
            SourceSpec::Points { name } => {
                let set: PointSet = name.parse()?;
                pathline::Error::check_shape("source points", shape, &Shape::vector(2))?;
                Ok(set.share(source.first, source.count, source.seed))
            }
        }
    }
}

impl Resolver for Files {
    fn data(&self, name: &str) -> Result<Data, pathline::Error> {
        let set = self.data_set(name).map_err(foreign)?;
        Ok(Data { points: set.batch, labels: set.labels })
    }

    fn network(
        &self,
        checkpoint: &str,
        of: Conditions,
        precision: ProductPrecision,
    ) -> Result<Arc<dyn VelocityField>, pathline::Error> {
        let (network, output) = shared_network(Path::new(checkpoint)).map_err(foreign)?;
        let field = NetworkField::conditioned(network, of).predicting(output);
        Ok(Arc::new(field.in_precision(precision)))
    }
}

fn foreign(error: impl std::error::Error + Send + Sync + 'static) -> pathline::Error {
    pathline::Error::Field(Box::new(error))
}
