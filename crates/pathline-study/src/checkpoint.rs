//! Networks from files: Pathline's own, SiT's, torchcfm's U-Net and perceptrons.
//!
//! DiT's checkpoints have SiT's names, but predict noise on another clock, and nothing in the file says
//! so: read as SiT's they give no velocity.
//!
//! What a file holds is told by the names of its tensors. A training checkpoint with an average of the
//! weights (`ema.*`) gives the average, one without gives `model.*`; a bare state dictionary is taken as
//! it is.

use std::collections::BTreeMap;
use std::path::Path;

use pathline::Shape;
use pathline_data::{file, safetensors, torch};
use pathline_nn::{Activation, Dit, Mlp, Network, Output, Tensors, UNet, model_from_bytes};

use crate::error::Error;

/// Largest checkpoint that is read, in bytes.
const LARGEST: u64 = 8 << 30;

/// Names under which training scripts keep a network's weights, the one to sample from first.
const PLACES: [&str; 5] = ["ema.", "ema_model.", "model.", "net_model.", "state_dict."];

/// The network in a file, and what it was trained to give (files of others: a velocity).
///
/// # Errors
/// [`Error::Data`] if the file cannot be read, [`Error::Usage`] naming the file, the tensor and the
/// remedy if it holds no network that is known here.
pub fn read_network(path: &Path) -> Result<(Box<dyn Network>, Output), Error> {
    read_network_with(path, &Hints::default())
}

/// What the tensors of a foreign checkpoint do not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hints {
    /// Heads of attention. SiT's published sizes go without.
    pub heads: Option<usize>,
    /// The shape of a state, which a U-Net's tensors leave open, and a transformer's unless it is square.
    pub shape: Option<Shape>,
}

/// [`read_network`] for a checkpoint that leaves something open.
///
/// # Errors
/// As [`read_network`].
pub fn read_network_with(path: &Path, hints: &Hints) -> Result<(Box<dyn Network>, Output), Error> {
    let bytes = file::read_capped(path, LARGEST)?;
    let name = path.display().to_string();
    if is_recording(&bytes) {
        let remedy = "look at it with `pathline view` or `pathline measure`, or give a checkpoint";
        return Err(Error::usage(name, "a recording, not a network", remedy));
    }
    let at = |e: pathline::Error| {
        let remedy = "give a checkpoint that Pathline wrote, one of SiT, torchcfm's U-Net, or a perceptron \
                      with tensors net.0.weight, net.2.weight, ...";
        Error::usage(&name, e.to_string(), remedy)
    };
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
    if ending == "safetensors" {
        let file = safetensors::decode(&bytes, path)?;
        if file.metadata.contains_key("pathline") {
            return model_from_bytes(&bytes).map_err(at);
        }
        let network = from_tensors(plain(file.tensors), Activation::Selu, hints).map_err(at)?;
        return Ok((network, Output::default()));
    }
    let file = torch::decode(&bytes, path)?;
    if let Some(class) = potential(&file.classes) {
        return Err(Error::usage(
            name,
            format!("a {class}: it stores a potential, whose gradient is the velocity"),
            "gradients of potentials (action matching) are not taken here; give a checkpoint that \
             stores the velocity itself",
        ));
    }
    let activation = activation(&file.classes).map_err(at)?;
    let network = from_tensors(plain(file.tensors), activation, hints).map_err(at)?;
    Ok((network, Output::default()))
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

/// Tensors by name as shapes and values.
pub(crate) fn plain(tensors: BTreeMap<String, pathline_data::Tensor>) -> Tensors {
    tensors.into_iter().map(|(name, t)| (name, (t.shape().to_vec(), t.into_data()))).collect()
}

/// What wrappers of modules put before names.
const WRAPPERS: [&str; 2] = ["_orig_mod.", "module."];

/// The network whose names these are.
fn from_tensors(
    all: Tensors,
    activation: Activation,
    hints: &Hints,
) -> Result<Box<dyn Network>, pathline::Error> {
    let place = PLACES.iter().find(|place| all.keys().any(|name| name.starts_with(**place)));
    let strip = |(name, tensor): (String, _)| {
        let mut name = name.strip_prefix(place.copied().unwrap_or_default())?;
        // What PyTorch's data-parallel wrapper and its compiler put before a name, in either order.
        let wrapped = |name: &str| WRAPPERS.iter().find(|wrapper| name.starts_with(**wrapper));
        while let Some(wrapper) = wrapped(name) {
            name = &name[wrapper.len()..];
        }
        Some((name.to_owned(), tensor))
    };
    let tensors: Tensors = all.into_iter().filter_map(strip).collect();
    if tensors.contains_key("x_embedder.proj.weight") {
        return Ok(Box::new(Dit::from_tensors(&tensors, hints.heads, hints.shape.as_ref())?));
    }
    if tensors.contains_key("input_blocks.0.0.weight") {
        let Some(shape) = &hints.shape else {
            return Err(pathline::Error::Spec {
                place: "tensor `input_blocks.0.0.weight`".to_owned(),
                problem:
                    "a U-Net's tensors do not say the size of its images: make a file that does \
                          with `pathline convert IN OUT --shape 3,32,32 --heads 4`"
                        .to_owned(),
            });
        };
        let attends = tensors.keys().any(|name| name.ends_with(".proj_out.weight"));
        let Some(heads) = hints.heads.or((!attends).then_some(1)) else {
            return Err(pathline::Error::Spec {
                place: "tensor `middle_block.1.proj_out.weight`".to_owned(),
                problem:
                    "a U-Net's tensors do not say how many heads attend: give the number with \
                          `pathline convert IN OUT --shape 3,32,32 --heads 4`"
                        .to_owned(),
            });
        };
        return Ok(Box::new(UNet::from_tensors(&tensors, shape, heads)?));
    }
    Ok(Box::new(Mlp::from_tensors(&tensors, activation)?))
}

/// The class of a pickled module that stores a potential, if one does: torchcfm's `GradModel` wraps
/// the network whose gradient is the velocity.
fn potential(classes: &BTreeMap<String, String>) -> Option<&str> {
    let last = |class: &'_ str| class.rsplit('.').next() == Some("GradModel");
    classes.values().map(String::as_str).find(|class| last(class))
}

/// The activation between the layers, from the classes in a pickled module. A bare state dictionary
/// does not say: then it is taken to be SELU, torchcfm's. PyTorch's GELU is the erf form unless asked
/// otherwise, which the classes do not say; the tanh form is up to `5e-4` away.
fn activation(classes: &BTreeMap<String, String>) -> Result<Activation, pathline::Error> {
    let named = |class: &str| match class {
        "SELU" => Some(Activation::Selu),
        "SiLU" => Some(Activation::Silu),
        "GELU" => Some(Activation::GeluErf),
        "ReLU" => Some(Activation::Relu),
        "Tanh" => Some(Activation::Tanh),
        _ => None,
    };
    let mut found = None;
    for (place, class) in classes {
        let Some(name) = class.strip_prefix("torch.nn.modules.activation.") else { continue };
        let one = named(name);
        if one.is_none() || found.is_some_and(|found| Some(found) != one) {
            let problem = format!(
                "activation {name}: a perceptron here has one activation after every hidden layer, of \
                 SELU, SiLU, GELU, ReLU and Tanh"
            );
            return Err(pathline::Error::Spec { place: format!("module `{place}`"), problem });
        }
        found = one;
    }
    Ok(found.unwrap_or(Activation::Selu))
}
