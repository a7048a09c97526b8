//! The names, shapes, beginnings and operations of a diffusion transformer.

use pathline::{Error, Purpose, Seed, Shape};

use super::{DitConfig, POSITIONS, SitSize};
use crate::graph::{Builder, Graph, Value};
use crate::layers::Layers;
use crate::ops::activate::Activate;
use crate::ops::activation::Activation;
use crate::ops::add_table::AddTable;
use crate::ops::attention::Attention;
use crate::ops::gate::Gate;
use crate::ops::label_embedding::LabelEmbedding;
use crate::ops::modulate::Modulate;
use crate::ops::permute::Permute;
use crate::ops::time_embedding::TimeEmbedding;
use crate::parameters::{Parameters, Tensors};
use crate::tensors;

/// Cosines and sines that a time becomes.
const TIME_WIDTH: usize = 256;
/// Most parameters (8 GiB of them): beyond it, a width is taken for a mistake.
const MOST_VALUES: usize = 1 << 31;
/// Most values of one state, most squares of one (attention takes the square of their number), and most
/// blocks: beyond them, a number is taken for a mistake.
const MOST_ELEMENTS: usize = 1 << 28;
const MOST_SQUARES: usize = 1 << 14;
const MOST_BLOCKS: usize = 1 << 10;

/// Channels, height and width of a state.
fn image(config: &DitConfig) -> Result<[usize; 3], Error> {
    let invalid = |what: &str, remedy: &str| {
        let remedy = remedy.to_owned();
        Err(Error::invalid("diffusion transformer", what.to_owned(), remedy))
    };
    let &[channels, height, width] = config.shape.extents() else {
        return invalid(
            &format!("states of shape {}", config.shape),
            "needs states of shape [channels, height, width]",
        );
    };
    let patch = config.patch;
    if patch == 0 || height % patch != 0 || width % patch != 0 {
        return invalid(
            &format!("patch {patch} on {height} x {width}"),
            "the patch must divide height and width",
        );
    }
    let (row, heads) = (config.width, config.heads);
    if row == 0 || row % 4 != 0 || heads == 0 || row % heads != 0 {
        return invalid(
            &format!("width {row} with {heads} heads"),
            "the width must be a positive multiple of 4 and of the number of heads",
        );
    }
    if config.depth == 0 || config.mlp_ratio == 0 {
        return invalid("depth or mlp_ratio 0", "needs at least one block with an MLP");
    }
    let squares = (height / patch) * (width / patch);
    // In floating point, where no product wraps.
    let (w, inside) = (config.width as f64, (channels * patch * patch) as f64);
    let block = w * w * (10.0 + 2.0 * config.mlp_ratio as f64);
    let values = config.depth as f64 * block + w * (config.classes as f64 + 3.0 * inside);
    let elements = config.shape.elements();
    if elements > MOST_ELEMENTS
        || squares > MOST_SQUARES
        || config.depth > MOST_BLOCKS
        || values > MOST_VALUES as f64
    {
        return invalid(
            &format!("{squares} squares, {} blocks, about {values:.1e} parameters", config.depth),
            "use at most 16384 squares, 1024 blocks and 2^31 parameters",
        );
    }
    Ok([channels, height, width])
}

/// Channels that the last layer gives for each pixel.
fn depth_of_output(config: &DitConfig, channels: usize) -> usize {
    if config.learned_variance { 2 * channels } else { channels }
}

/// Sections of a block's modulations, and of the last layer's.
const BLOCK_SECTIONS: usize = 6;
const FINAL_SECTIONS: usize = 2;

/// Every parameter's name and shape.
pub(super) fn shapes(config: &DitConfig) -> Result<Vec<(String, Vec<usize>)>, Error> {
    let [channels, _, _] = image(config)?;
    let (w, p) = (config.width, config.patch);
    let mut shapes = vec![
        ("x_embedder.proj.weight".to_owned(), vec![w, channels, p, p]),
        ("x_embedder.proj.bias".to_owned(), vec![w]),
        ("y_embedder.embedding_table.weight".to_owned(), vec![config.classes + 1, w]),
    ];
    let mut linear = |name: String, outputs: usize, inputs: usize| {
        shapes.push((format!("{name}.weight"), vec![outputs, inputs]));
        shapes.push((format!("{name}.bias"), vec![outputs]));
    };
    linear("t_embedder.mlp.0".to_owned(), w, TIME_WIDTH);
    linear("t_embedder.mlp.2".to_owned(), w, w);
    for i in 0..config.depth {
        linear(format!("blocks.{i}.adaLN_modulation.1"), BLOCK_SECTIONS * w, w);
        linear(format!("blocks.{i}.attn.qkv"), 3 * w, w);
        linear(format!("blocks.{i}.attn.proj"), w, w);
        linear(format!("blocks.{i}.mlp.fc1"), config.mlp_ratio * w, w);
        linear(format!("blocks.{i}.mlp.fc2"), w, config.mlp_ratio * w);
    }
    linear("final_layer.adaLN_modulation.1".to_owned(), FINAL_SECTIONS * w, w);
    linear("final_layer.linear".to_owned(), p * p * depth_of_output(config, channels), w);
    Ok(shapes)
}

/// Fresh parameters; parameter `i` of [`shapes`] draws from the stream of sample `i`.
pub(super) fn fresh(config: &DitConfig, seed: Seed) -> Result<Tensors, Error> {
    let mut tensors = Tensors::new();
    for (i, (name, shape)) in shapes(config)?.into_iter().enumerate() {
        let mut values = vec![0.0_f32; shape.iter().product()];
        let mut stream = seed.stream(Purpose::Parameters, i as u64, 0);
        let zero = name.ends_with("bias")
            || name.contains("adaLN_modulation")
            || name.starts_with("final_layer");
        if name.contains("embedding_table") || name.starts_with("t_embedder") && !zero {
            stream.fill_normal(&mut values);
            values.iter_mut().for_each(|v| *v *= 0.02);
        } else if !zero {
            let (outputs, all) = (shape[0], values.len());
            let bound = (6.0 / (outputs + all / outputs) as f64).sqrt();
            values.fill_with(|| ((2.0 * stream.uniform() - 1.0) * bound) as f32);
        }
        tensors.insert(name, (shape, values));
    }
    Ok(tensors)
}

/// Squares of a state.
pub(super) fn squares(config: &DitConfig) -> Result<usize, Error> {
    let [_, height, width] = image(config)?;
    Ok((height / config.patch) * (width / config.patch))
}

/// The table of positions.
pub(super) fn positions(config: &DitConfig) -> Result<Vec<f32>, Error> {
    let [_, height, width] = image(config)?;
    let grid = [height / config.patch, width / config.patch];
    Ok(AddTable::positions(grid, config.width).table)
}

/// The config that a checkpoint's tensors are of.
pub(super) fn config_of(
    tensors: &Tensors,
    heads: Option<usize>,
    shape: Option<&Shape>,
) -> Result<DitConfig, Error> {
    let shape_of = |name: &str| match tensors.get(name) {
        Some((shape, _)) => Ok(shape.as_slice()),
        None => Err(tensors::error(name, "missing: these are not the tensors of a DiT or SiT")),
    };
    let name = "x_embedder.proj.weight";
    let &[width, channels, patch, _] = shape_of(name)? else {
        return Err(tensors::error(name, "expected shape [width, channels, patch, patch]"));
    };
    let squares = match shape_of(POSITIONS)? {
        [1, squares, _] => *squares,
        found => {
            let problem = format!("expected shape [1, squares, {width}], found {found:?}");
            return Err(tensors::error(POSITIONS, problem));
        }
    };
    let side = squares.isqrt().saturating_mul(patch);
    let depth =
        (0..).take_while(|i| tensors.contains_key(&format!("blocks.{i}.attn.qkv.weight"))).count();
    let first = |name: &str| Ok::<_, Error>(shape_of(name)?.first().copied().unwrap_or(0));
    let mlp = first("blocks.0.mlp.fc1.weight")?;
    let Some(heads) = heads.or(SitSize::of_width(width).map(SitSize::heads)) else {
        let problem = format!("no published size has width {width}: give the number of heads");
        return Err(tensors::error("blocks.0.attn.qkv.weight", problem));
    };
    Ok(DitConfig {
        shape: shape
            .map_or_else(|| Shape::new([channels, side, side]), |shape| Ok(shape.clone()))?,
        patch,
        width,
        depth,
        heads,
        mlp_ratio: mlp / width.max(1),
        classes: first("y_embedder.embedding_table.weight")?.saturating_sub(1),
        learned_variance: first("final_layer.linear.weight")?
            == [2, channels, patch, patch].into_iter().fold(1, usize::saturating_mul),
    })
}

/// One block.
fn block(
    layers: &mut Layers<'_>,
    i: usize,
    config: &DitConfig,
    x: Value,
    c: Value,
) -> Result<Value, Error> {
    let (rows, width, sections) = (x.extent.rows, x.extent.width, BLOCK_SECTIONS);
    let extent = [rows, width];
    let name = |rest: &str| format!("blocks.{i}.{rest}");
    let m = layers.linear(&name("adaLN_modulation.1"), c, sections * width, None)?;
    let modulate = |shift, scale| Modulate { rows, width, sections, shift, scale };
    let gate = |gate| Gate { rows, width, sections, gate };
    let h = layers.builder.add(modulate(0, 1), [x, m], extent);
    let qkv = layers.linear(&name("attn.qkv"), h, 3 * width, None)?;
    let attention = Attention { rows, heads: config.heads, width, heads_first: false };
    let a = layers.builder.add(attention, [qkv], extent);
    let o = layers.linear(&name("attn.proj"), a, width, None)?;
    let x = layers.builder.add(gate(2), [x, o, m], extent);
    let h = layers.builder.add(modulate(3, 4), [x, m], extent);
    let hidden = config.mlp_ratio * width;
    let h = layers.linear(&name("mlp.fc1"), h, hidden, Some(Activation::Gelu))?;
    let o = layers.linear(&name("mlp.fc2"), h, width, None)?;
    Ok(layers.builder.add(gate(5), [x, o, m], extent))
}

/// The operations, on parameters that were checked against [`shapes`].
pub(super) fn graph(config: &DitConfig, parameters: &Parameters) -> Result<Graph, Error> {
    let image @ [channels, height, width] = image(config)?;
    let (w, patch) = (config.width, config.patch);
    let squares = (height / patch) * (width / patch);
    let (builder, states) = Builder::new(config.shape.elements());
    let mut layers = Layers { builder, parameters };
    let time = TimeEmbedding::new(TIME_WIDTH, 1.0);
    let t = layers.builder.add(time, [], [1, TIME_WIDTH]);
    let t = layers.linear("t_embedder.mlp.0", t, w, Some(Activation::Silu))?;
    let t = layers.linear("t_embedder.mlp.2", t, w, None)?;
    let table = layers.range("y_embedder.embedding_table.weight")?;
    let label = LabelEmbedding { width: w, classes: config.classes, table };
    let c = layers.builder.add(label, [t], [1, w]);
    let c = layers.builder.add(Activate::new(Activation::Silu, w), [c], [1, w]);
    let inside = [squares, channels * patch * patch];
    let x = layers.builder.add(Permute::patches(image, patch), [states], inside);
    let x = layers.linear("x_embedder.proj", x, w, None)?;
    let table = AddTable::positions([height / patch, width / patch], w);
    let mut x = layers.builder.add(table, [x], [squares, w]);
    for i in 0..config.depth {
        x = block(&mut layers, i, config, x, c)?;
    }
    let m = layers.linear("final_layer.adaLN_modulation.1", c, FINAL_SECTIONS * w, None)?;
    let last = Modulate { rows: squares, width: w, sections: FINAL_SECTIONS, shift: 0, scale: 1 };
    let x = layers.builder.add(last, [x, m], [squares, w]);
    let depth = depth_of_output(config, channels);
    let x = layers.linear("final_layer.linear", x, patch * patch * depth, None)?;
    let image = Permute::image(image, patch, depth);
    layers.builder.add(image, [x], [1, config.shape.elements()]);
    Ok(layers.builder.finish())
}
