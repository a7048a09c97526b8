//! The names, shapes, beginnings and operations of a classifier.

use pathline::{Error, Purpose, Seed};

use super::ClassifierConfig;
use crate::graph::{Builder, Graph};
use crate::layers::Layers;
use crate::ops::activation::Activation;
use crate::ops::concatenate::Concatenate;
use crate::ops::image::Image;
use crate::ops::permute::Permute;
use crate::parameters::{Parameters, Tensors};

/// Channels of a group.
const GROUP: usize = 8;
/// Most values in an image, features or classes; beyond it, a number is taken for a mistake.
const MOST: usize = 1 << 20;

/// Input channels, output channels and stride of each convolution.
fn convolutions(config: &ClassifierConfig) -> Result<[[usize; 3]; 5], Error> {
    let [a, b, c] = config.channels;
    let bad = |n: usize| n == 0 || !n.is_multiple_of(GROUP) || n > MOST;
    let &[channels, height, width] = config.shape.extents() else {
        let remedy = "needs images of shape [channels, height, width]";
        return Err(Error::invalid("images of a classifier", config.shape.to_string(), remedy));
    };
    let numbers = [config.features, config.classes, channels * height * width];
    if config.channels.iter().any(|&n| bad(n)) || numbers.iter().any(|&n| n == 0 || n > MOST) {
        let what = format!("channels {:?}, {numbers:?} features, classes, values", config.channels);
        let remedy = "channels must be multiples of 8; no number may be 0 or above 2^20";
        return Err(Error::invalid("classifier", what, remedy));
    }
    Ok([[channels, a, 1], [a, b, 2], [b, b, 1], [b, c, 2], [c, c, 1]])
}

/// Every parameter's name and shape.
pub(super) fn shapes(config: &ClassifierConfig) -> Result<Vec<(String, Vec<usize>)>, Error> {
    let mut shapes = Vec::new();
    let mut image = image(config);
    for (i, [inputs, outputs, stride]) in convolutions(config)?.into_iter().enumerate() {
        shapes.push((format!("convolutions.{i}.weight"), vec![outputs, inputs, 3, 3]));
        shapes.push((format!("convolutions.{i}.bias"), vec![outputs]));
        shapes.push((format!("norms.{i}.weight"), vec![outputs]));
        shapes.push((format!("norms.{i}.bias"), vec![outputs]));
        image = if stride == 2 { image.halved() } else { image };
    }
    let flat = image.pixels() * config.channels[2];
    shapes.push(("features.weight".to_owned(), vec![config.features, flat]));
    shapes.push(("features.bias".to_owned(), vec![config.features]));
    shapes.push(("logits.weight".to_owned(), vec![config.classes, config.features]));
    shapes.push(("logits.bias".to_owned(), vec![config.classes]));
    Ok(shapes)
}

/// The image that comes in; the config was checked.
fn image(config: &ClassifierConfig) -> Image {
    let extents = config.shape.extents();
    Image {
        height: extents[1..].first().copied().unwrap_or(1),
        width: extents.last().copied().unwrap_or(1),
    }
}

/// Fresh parameters; parameter `i` of [`shapes`] draws from the stream of sample `i`.
pub(super) fn fresh(config: &ClassifierConfig, seed: Seed) -> Result<Tensors, Error> {
    let mut tensors = Tensors::new();
    for (i, (name, shape)) in shapes(config)?.into_iter().enumerate() {
        let mut values = vec![0.0_f32; shape.iter().product()];
        if name.starts_with("norms") && name.ends_with("weight") {
            values.fill(1.0);
        } else if name.ends_with("weight") {
            seed.stream(Purpose::Parameters, i as u64, 0).fill_normal(&mut values);
            let deviation = (2.0 * shape[0] as f64 / values.len() as f64).sqrt() as f32;
            values.iter_mut().for_each(|v| *v *= deviation);
        }
        tensors.insert(name, (shape, values));
    }
    Ok(tensors)
}

/// The operations; the output of a sample is its features, then its logits.
pub(super) fn graph(config: &ClassifierConfig, parameters: &Parameters) -> Result<Graph, Error> {
    let convolutions = convolutions(config)?;
    let (builder, states) = Builder::new(config.shape.elements());
    let mut layers = Layers { builder, parameters };
    let (mut image, channels) = (image(config), convolutions[0][0]);
    // Channels last: one square a pixel.
    let order = Permute::patches([channels, image.height, image.width], 1);
    let mut x = layers.builder.add(order, [states], [image.pixels(), channels]);
    for (i, [_, outputs, stride]) in convolutions.into_iter().enumerate() {
        x = layers.convolution(&format!("convolutions.{i}"), (image, stride), x, outputs)?;
        image = if stride == 2 { image.halved() } else { image };
        x = layers.norm(&format!("norms.{i}"), [x], outputs / GROUP, true)?;
    }
    let flat = x.extent.elements();
    let row = Permute { inputs: flat, order: (0..flat as u32).collect() };
    let x = layers.builder.add(row, [x], [1, flat]);
    let features = layers.linear("features", x, config.features, Some(Activation::Silu))?;
    let logits = layers.linear("logits", features, config.classes, None)?;
    let widths = [config.features, config.classes];
    layers.builder.add(
        Concatenate { rows: 1, widths },
        [features, logits],
        [1, widths[0] + widths[1]],
    );
    Ok(layers.builder.finish())
}
