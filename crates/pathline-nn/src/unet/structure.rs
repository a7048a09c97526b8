//! The names, shapes, beginnings and operations of a U-Net.

use pathline::{Error, Purpose, Seed};

use super::UNetConfig;
use super::layout::{self, Block, GROUPS, Kind, Piece, Side};
use crate::graph::run::MOST_AHEAD;
use crate::graph::{Builder, Graph, Value};
use crate::layers::Layers;
use crate::ops::activate::Activate;
use crate::ops::activation::Activation;
use crate::ops::attention::Attention;
use crate::ops::concatenate::Concatenate;
use crate::ops::image::Image;
use crate::ops::label_embedding::LabelEmbedding;
use crate::ops::permute::Permute;
use crate::ops::resample::Double;
use crate::ops::time_embedding::TimeEmbedding;
use crate::parameters::{Parameters, Tensors};

/// Width of the embedding of time and class, over `model_channels`.
const EMBEDDING: usize = 4;
/// Most parameters (8 GiB of them): beyond it, a width is taken for a mistake.
const MOST_VALUES: usize = 1 << 31;
/// Samples that go through the network together: few, for their values to stay in cache, but the smallest
/// images have few pixels; more where weights are packed once a block.
const BLOCKS: [usize; 2] = [4, 8];
/// Fewest samples of a part: each has a gradient of its own, which has to be added to the others.
const FEWEST: usize = 8;

/// How a parameter begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// Uniform in `±1/sqrt(n)`, for `n` inputs of one output.
    Uniform(usize),
    /// Standard normal.
    Normal,
    One,
    Zero,
}

/// A parameter: its name, shape and beginning.
type Named = (String, Vec<usize>, Start);

/// The parameters of one network under construction.
struct List(Vec<Named>);

impl List {
    fn weight_and_bias(&mut self, name: &str, shape: Vec<usize>, zero: bool) {
        let outputs = shape[0];
        let inputs = shape.iter().product::<usize>() / outputs.max(1);
        let start = if zero { Start::Zero } else { Start::Uniform(inputs) };
        self.0.push((format!("{name}.weight"), shape, start));
        self.0.push((format!("{name}.bias"), vec![outputs], start));
    }

    fn norm(&mut self, name: &str, width: usize) {
        self.0.push((format!("{name}.weight"), vec![width], Start::One));
        self.0.push((format!("{name}.bias"), vec![width], Start::Zero));
    }

    fn piece(&mut self, piece: &Piece, embedding: usize) {
        let Piece { inputs, outputs, .. } = *piece;
        let name = |rest: &str| format!("{}{rest}", piece.name);
        let kernel = |inputs| vec![outputs, inputs, 3, 3];
        match piece.kind {
            Kind::Entry => self.weight_and_bias(&piece.name, kernel(inputs), false),
            Kind::Halve => self.weight_and_bias(&name(".op"), kernel(inputs), false),
            Kind::Double => self.weight_and_bias(&name(".conv"), kernel(inputs), false),
            Kind::Residual => {
                self.norm(&name(".in_layers.0"), inputs);
                self.weight_and_bias(&name(".in_layers.2"), kernel(inputs), false);
                self.weight_and_bias(&name(".emb_layers.1"), vec![outputs, embedding], false);
                self.norm(&name(".out_layers.0"), outputs);
                self.weight_and_bias(&name(".out_layers.3"), kernel(outputs), true);
                if inputs != outputs {
                    let shape = vec![outputs, inputs, 1, 1];
                    self.weight_and_bias(&name(".skip_connection"), shape, false);
                }
            }
            Kind::Attention => {
                self.norm(&name(".norm"), inputs);
                self.weight_and_bias(&name(".qkv"), vec![3 * inputs, inputs, 1], false);
                self.weight_and_bias(&name(".proj_out"), vec![inputs, inputs, 1], true);
            }
        }
    }
}

fn parameters(config: &UNetConfig) -> Result<Vec<Named>, Error> {
    let blocks = layout::blocks(config)?;
    let (base, embedding) = (config.model_channels, EMBEDDING * config.model_channels);
    let mut list = List(Vec::new());
    list.weight_and_bias("time_embed.0", vec![embedding, base], false);
    list.weight_and_bias("time_embed.2", vec![embedding, embedding], false);
    if let Some(rows) = config.labels() {
        list.0.push(("label_emb.weight".to_owned(), vec![rows, embedding], Start::Normal));
    }
    for piece in blocks.iter().flat_map(|block| &block.pieces) {
        list.piece(piece, embedding);
    }
    let first = base * config.channel_mult[0];
    list.norm("out.0", first);
    list.weight_and_bias("out.2", vec![config.shape.extents()[0], first, 3, 3], true);
    let values = |(_, shape, _): &Named| shape.iter().map(|&e| e as f64).product::<f64>();
    let values: f64 = list.0.iter().map(values).sum();
    if values > MOST_VALUES as f64 {
        let what = format!("about {values:.1e} parameters");
        return Err(Error::invalid("U-Net", what, "use at most 2^31"));
    }
    Ok(list.0)
}

/// Every parameter's name and shape.
pub(super) fn shapes(config: &UNetConfig) -> Result<Vec<(String, Vec<usize>)>, Error> {
    Ok(parameters(config)?.into_iter().map(|(name, shape, _)| (name, shape)).collect())
}

/// Fresh parameters; parameter `i` of [`shapes`] draws from the stream of sample `i`.
pub(super) fn fresh(config: &UNetConfig, seed: Seed) -> Result<Tensors, Error> {
    let mut tensors = Tensors::new();
    for (i, (name, shape, start)) in parameters(config)?.into_iter().enumerate() {
        let mut values = vec![0.0_f32; shape.iter().product()];
        let mut stream = seed.stream(Purpose::Parameters, i as u64, 0);
        match start {
            Start::Zero => {}
            Start::One => values.fill(1.0),
            Start::Normal => stream.fill_normal(&mut values),
            Start::Uniform(inputs) => {
                let bound = 1.0 / (inputs as f64).sqrt();
                values.fill_with(|| ((2.0 * stream.uniform() - 1.0) * bound) as f32);
            }
        }
        tensors.insert(name, (shape, values));
    }
    Ok(tensors)
}

/// A graph under construction, and the network that it is to be.
struct Build<'a> {
    layers: Layers<'a>,
    config: &'a UNetConfig,
}

impl Build<'_> {
    fn piece(&mut self, piece: &Piece, x: Value, embedding: Value) -> Result<Value, Error> {
        let Piece { image, inputs, outputs, .. } = *piece;
        let name = |rest: &str| format!("{}{rest}", piece.name);
        match piece.kind {
            Kind::Entry => self.layers.convolution(&piece.name, (image, 1), x, outputs),
            Kind::Halve => self.layers.convolution(&name(".op"), (image, 2), x, outputs),
            Kind::Double => {
                let double = Double { image, channels: inputs };
                let image = Image { height: 2 * image.height, width: 2 * image.width };
                let x = self.layers.builder.add(double, [x], [image.pixels(), inputs]);
                self.layers.convolution(&name(".conv"), (image, 1), x, outputs)
            }
            Kind::Residual => {
                let h = self.layers.norm(&name(".in_layers.0"), [x], GROUPS, true)?;
                let h = self.layers.convolution(&name(".in_layers.2"), (image, 1), h, outputs)?;
                let e = self.layers.linear(&name(".emb_layers.1"), embedding, outputs, None)?;
                let h = self.layers.norm(&name(".out_layers.0"), [h, e], GROUPS, true)?;
                let h = self.layers.convolution(&name(".out_layers.3"), (image, 1), h, outputs)?;
                let x = if inputs == outputs {
                    x
                } else {
                    self.layers.linear(&name(".skip_connection"), x, outputs, None)?
                };
                Ok(self.layers.sum(x, h))
            }
            Kind::Attention => {
                let (rows, heads) = (image.pixels(), self.config.heads_of(inputs));
                let h = self.layers.norm(&name(".norm"), [x], GROUPS, false)?;
                let qkv = self.layers.linear(&name(".qkv"), h, 3 * inputs, None)?;
                let attention = Attention { rows, heads, width: inputs, heads_first: true };
                let h = self.layers.builder.add(attention, [qkv], [rows, inputs]);
                let h = self.layers.linear(&name(".proj_out"), h, inputs, None)?;
                Ok(self.layers.sum(x, h))
            }
        }
    }

    /// SiLU of the embedded time and class.
    fn embedding(&mut self) -> Result<Value, Error> {
        let base = self.config.model_channels;
        let width = EMBEDDING * base;
        let t = self.layers.builder.add(TimeEmbedding::new(base, 1.0), [], [1, base]);
        let t = self.layers.linear("time_embed.0", t, width, Some(Activation::Silu))?;
        let mut t = self.layers.linear("time_embed.2", t, width, None)?;
        if let Some(classes) = self.config.classes {
            let table = self.layers.range("label_emb.weight")?;
            t = self.layers.builder.add(LabelEmbedding { width, classes, table }, [t], [1, width]);
        }
        Ok(self.layers.builder.add(Activate::new(Activation::Silu, width), [t], [1, width]))
    }

    fn block(
        &mut self,
        block: &Block,
        mut x: Value,
        embedding: Value,
        across: &mut Vec<Value>,
    ) -> Result<Value, Error> {
        if let Some(other) = across.pop_if(|_| block.side == Side::Up) {
            let (rows, widths) = (x.extent.rows, [x.extent.width, other.extent.width]);
            let joined = Concatenate { rows, widths };
            x = self.layers.builder.add(joined, [x, other], [rows, widths[0] + widths[1]]);
        }
        for piece in &block.pieces {
            x = self.piece(piece, x, embedding)?;
        }
        if block.side == Side::Down {
            across.push(x);
        }
        Ok(x)
    }
}

/// The operations, on parameters that were checked against [`shapes`].
pub(super) fn graph(config: &UNetConfig, parameters: &Parameters) -> Result<Graph, Error> {
    let blocks = layout::blocks(config)?;
    let &[channels, height, width] = config.shape.extents() else {
        return Err(Error::invalid("U-Net", config.shape.to_string(), "needs three extents"));
    };
    let image = Image { height, width };
    let (builder, states) = Builder::new(config.shape.elements());
    let mut build = Build { layers: Layers { builder, parameters }, config };
    let embedding = build.embedding()?;
    let pixels = Permute::patches([channels, height, width], 1);
    let mut x = build.layers.builder.add(pixels, [states], [image.pixels(), channels]);
    let mut across = Vec::new();
    for block in &blocks {
        x = build.block(block, x, embedding, &mut across)?;
    }
    let x = build.layers.norm("out.0", [x], GROUPS, true)?;
    let x = build.layers.convolution("out.2", (image, 1), x, channels)?;
    let planes = Permute::image([channels, height, width], 1, channels);
    build.layers.builder.add(planes, [x], [1, config.shape.elements()]);
    let [few, more] = BLOCKS;
    let block = if parameters.len() <= MOST_AHEAD { few } else { more };
    Ok(build.layers.builder.finish().in_blocks_of(block, FEWEST))
}
