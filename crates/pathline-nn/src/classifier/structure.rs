//! The names, shapes, beginnings and operations of a classifier.

use std::ops::Range;

use pathline::{Error, Purpose, Seed};

use super::ClassifierConfig;
use crate::graph::{Builder, Graph};
use crate::ops::activation::Activation;
use crate::ops::concatenate::Concatenate;
use crate::ops::convolution::Convolution;
use crate::ops::dense::Dense;
use crate::ops::group_norm::GroupNorm;
use crate::ops::image::Image;
use crate::ops::permute::Permute;
use crate::parameters::{Parameters, Tensors};
use crate::tensors;

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
    let places = |name: &str| -> Result<[Range<usize>; 2], Error> {
        let range = |rest: &str| {
            let name = format!("{name}.{rest}");
            parameters.range(&name).ok_or_else(|| tensors::error(&name, "missing"))
        };
        Ok([range("weight")?, range("bias")?])
    };
    let convolutions = convolutions(config)?;
    let (mut builder, states) = Builder::new(config.shape.elements());
    let (mut image, channels) = (image(config), convolutions[0][0]);
    // Channels last: one square a pixel.
    let order = Permute::patches([channels, image.height, image.width], 1);
    let mut x = builder.add(order, [states], [image.pixels(), channels]);
    for (i, [inputs, outputs, stride]) in convolutions.into_iter().enumerate() {
        let [weight, bias] = places(&format!("convolutions.{i}"))?;
        let convolution = Convolution { image, inputs, outputs, stride, weight, bias };
        image = convolution.output();
        let rows = image.pixels();
        x = builder.add(convolution, [x], [rows, outputs]);
        let [weight, bias] = places(&format!("norms.{i}"))?;
        let groups = outputs / GROUP;
        let norm = GroupNorm { rows, width: outputs, groups, silu: true, weight, bias };
        x = builder.add(norm, [x], [rows, outputs]);
    }
    let flat = x.extent.elements();
    let row = Permute { inputs: flat, order: (0..flat as u32).collect() };
    let x = builder.add(row, [x], [1, flat]);
    let [weight, bias] = places("features")?;
    let (outputs, activation) = (config.features, Some(Activation::Silu));
    let dense = Dense { rows: 1, inputs: flat, outputs, weight, bias, activation };
    let features = builder.add(dense, [x], [1, outputs]);
    let [weight, bias] = places("logits")?;
    let (inputs, outputs) = (config.features, config.classes);
    let dense = Dense { rows: 1, inputs, outputs, weight, bias, activation: None };
    let logits = builder.add(dense, [features], [1, outputs]);
    let both = Concatenate { rows: 1, widths: [inputs, outputs] };
    builder.add(both, [features, logits], [1, inputs + outputs]);
    Ok(builder.finish())
}
