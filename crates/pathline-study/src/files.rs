//! Finds data sets and checkpoints by name: embedded, generated, or on disk.

use std::path::Path;
use std::sync::Arc;

use pathline::spec::{Data, Resolver, SourceSpec};
use pathline::{Batch, Seed, Shape, Source, VelocityField};
use pathline_data::{DataSet, PointSet, fashion_mnist, file, load, safetensors, torch};
use pathline_nn::{Activation, Mlp, NetworkField, Tensors, model_from_bytes};

use crate::error::Error;

/// Points of a generated set when its name gives no number.
const GENERATED: usize = 2000;

/// Most points of a generated set.
const MOST_GENERATED: usize = 10_000_000;

/// Largest checkpoint that is read, in bytes.
const LARGEST: u64 = 8 << 30;

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

    fn network(&self, checkpoint: &str) -> Result<Arc<dyn VelocityField>, pathline::Error> {
        let path = Path::new(checkpoint);
        let bytes = file::read_capped(path, LARGEST).map_err(foreign)?;
        if is_recording(&bytes) {
            let remedy =
                "look at it with `pathline view` or `pathline measure`, or give a checkpoint";
            return Err(foreign(Error::usage(checkpoint, "a recording, not a network", remedy)));
        }
        let at = |e: pathline::Error| {
            foreign(Error::usage(
                checkpoint,
                e.to_string(),
                "give a checkpoint that Pathline wrote, or an MLP velocity network with tensors \
                 net.0.weight, net.2.weight, ...",
            ))
        };
        let known = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
        let mlp = if known == "safetensors" {
            if let Ok((network, output)) = model_from_bytes(&bytes) {
                let field = NetworkField::new(Arc::from(network));
                return Ok(Arc::new(field.predicting(output)));
            }
            let file = safetensors::decode(&bytes, path).map_err(foreign)?;
            mlp_from(file.tensors, Activation::Selu)
        } else {
            let file = torch::decode(&bytes, path).map_err(foreign)?;
            if let Some(class) = potential(&file.classes) {
                return Err(foreign(Error::usage(
                    checkpoint,
                    format!("a {class}: it stores a potential, whose gradient is the velocity"),
                    "gradients of potentials (action matching) are not taken here; give a checkpoint \
                     that stores the velocity itself",
                )));
            }
            mlp_from(file.tensors, activation(&file.classes))
        };
        Ok(Arc::new(NetworkField::new(Arc::new(mlp.map_err(at)?))))
    }
}

/// Whether bytes are those of a recording rather than of a checkpoint: a safetensors file with a tensor
/// `states`. It may still be damaged.
///
/// # Examples
/// ```
/// assert!(!pathline_study::is_recording(b"anything else"));
/// ```
#[must_use]
pub fn is_recording(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else { return false };
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let header = rest.get(..length).map(serde_json::from_slice::<serde_json::Value>);
    header
        .is_some_and(|h| h.is_ok_and(|h| h.get("states").is_some_and(serde_json::Value::is_object)))
}

fn foreign(error: impl std::error::Error + Send + Sync + 'static) -> pathline::Error {
    pathline::Error::Field(Box::new(error))
}

fn mlp_from(
    tensors: std::collections::BTreeMap<String, pathline_data::Tensor>,
    activation: Activation,
) -> Result<Mlp, pathline::Error> {
    let tensors: Tensors =
        tensors.into_iter().map(|(name, t)| (name, (t.shape().to_vec(), t.into_data()))).collect();
    Mlp::from_tensors(&tensors, activation)
}

/// The class of a pickled module that stores a potential, if one does: torchcfm's `GradModel` wraps
/// the network whose gradient is the velocity.
fn potential(classes: &std::collections::BTreeMap<String, String>) -> Option<&str> {
    let last = |class: &'_ str| class.rsplit('.').next() == Some("GradModel");
    classes.values().map(String::as_str).find(|class| last(class))
}

/// The activation between the layers, from the classes in a pickled module. A bare state dictionary
/// does not say: then it is taken to be SELU, torchcfm's.
fn activation(classes: &std::collections::BTreeMap<String, String>) -> Activation {
    let named = |class: &str| match class.rsplit('.').next().unwrap_or_default() {
        "SELU" => Some(Activation::Selu),
        "SiLU" => Some(Activation::Silu),
        "GELU" => Some(Activation::Gelu),
        "ReLU" => Some(Activation::Relu),
        "Tanh" => Some(Activation::Tanh),
        _ => None,
    };
    classes.values().find_map(|class| named(class)).unwrap_or(Activation::Selu)
}
