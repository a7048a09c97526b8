//! Which blocks a U-Net has, in the order in which they run, and what each is called.

use pathline::Error;

use super::UNetConfig;
use crate::ops::image::Image;

/// Bounds beyond which a number is taken for a mistake.
const MOST_CHANNELS: usize = 1 << 14;
const MOST_MULTIPLIER: usize = 64;
const MOST_LEVELS: usize = 12;
const MOST_BLOCKS: usize = 64;
/// Attention takes the square of the pixels.
const MOST_ATTENDED: usize = 1 << 16;
/// Pixels and channels are counted in 32 bits.
const MOST_ELEMENTS: usize = 1 << 28;
/// Groups of every normalisation.
pub(super) const GROUPS: usize = 32;

/// What a piece does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A convolution of the states.
    Entry,
    /// Two convolutions around a residual, told the time and class.
    Residual,
    /// Attention between pixels around a residual.
    Attention,
    /// A convolution of stride 2.
    Halve,
    /// A convolution of the image at twice its size.
    Double,
}

/// One piece: the beginning of its parameters' names, and its extents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The image that comes in.
    pub(super) image: Image,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

/// Pieces in sequence, and what the sequence has to do with the way across.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) pieces: Vec<Piece>,
    pub(super) side: Side,
}

/// The way down keeps what each block makes, the way up joins it again, the last first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Down,
    Middle,
    Up,
}

/// The blocks under construction.
struct Walk<'a> {
    config: &'a UNetConfig,
    image: Image,
    /// How much smaller than the states the image is.
    factor: usize,
    channels: usize,
    blocks: Vec<Block>,
}

impl Walk<'_> {
    fn piece(&mut self, name: String, kind: Kind, [inputs, outputs]: [usize; 2]) -> Piece {
        let image = self.image;
        match kind {
            Kind::Halve => {
                self.image = image.halved();
                self.factor *= 2;
            }
            Kind::Double => {
                self.image = Image { height: 2 * image.height, width: 2 * image.width };
                self.factor /= 2;
            }
            Kind::Entry | Kind::Residual | Kind::Attention => {}
        }
        self.channels = outputs;
        Piece { name, kind, image, inputs, outputs }
    }

    /// A residual block, and attention where this level has it.
    fn level(&mut self, name: &str, extents: [usize; 2]) -> Vec<Piece> {
        let mut pieces = vec![self.piece(format!("{name}.0"), Kind::Residual, extents)];
        if self.config.attention.contains(&self.factor) {
            let same = [extents[1]; 2];
            pieces.push(self.piece(format!("{name}.1"), Kind::Attention, same));
        }
        pieces
    }

    /// Appends a block of one piece that is no residual block; gives its channels.
    fn down(&mut self, kind: Kind, extents: [usize; 2]) -> usize {
        let name = format!("input_blocks.{}.0", self.blocks.len());
        let pieces = vec![self.piece(name, kind, extents)];
        self.blocks.push(Block { pieces, side: Side::Down });
        extents[1]
    }
}

/// Every block in order.
pub(super) fn blocks(config: &UNetConfig) -> Result<Vec<Block>, Error> {
    let [channels, height, width] = check(config)?;
    let levels: Vec<usize> =
        config.channel_mult.iter().map(|m| m * config.model_channels).collect();
    let image = Image { height, width };
    let mut walk = Walk { config, image, factor: 1, channels: 0, blocks: Vec::new() };
    let mut across = vec![walk.down(Kind::Entry, [channels, levels[0]])];
    for (l, &outputs) in levels.iter().enumerate() {
        for _ in 0..config.res_blocks {
            let name = format!("input_blocks.{}", walk.blocks.len());
            let pieces = walk.level(&name, [walk.channels, outputs]);
            walk.blocks.push(Block { pieces, side: Side::Down });
            across.push(outputs);
        }
        if l + 1 < levels.len() {
            across.push(walk.down(Kind::Halve, [outputs; 2]));
        }
    }
    let same = [walk.channels; 2];
    let middle = [Kind::Residual, Kind::Attention, Kind::Residual].into_iter().enumerate();
    let pieces =
        middle.map(|(i, kind)| walk.piece(format!("middle_block.{i}"), kind, same)).collect();
    walk.blocks.push(Block { pieces, side: Side::Middle });
    let before = walk.blocks.len();
    for (l, &outputs) in levels.iter().enumerate().rev() {
        for i in 0..=config.res_blocks {
            let name = format!("output_blocks.{}", walk.blocks.len() - before);
            let inputs = walk.channels + across.pop().unwrap_or(0);
            let mut pieces = walk.level(&name, [inputs, outputs]);
            if l > 0 && i == config.res_blocks {
                let name = format!("{name}.{}", pieces.len());
                pieces.push(walk.piece(name, Kind::Double, [outputs; 2]));
            }
            walk.blocks.push(Block { pieces, side: Side::Up });
        }
    }
    check_attention(config, &walk.blocks)?;
    Ok(walk.blocks)
}

fn invalid(what: &str, remedy: &str) -> Error {
    Error::invalid("U-Net", what, remedy)
}

/// The states' channels, height and width, if nothing but attention can be wrong.
fn check(config: &UNetConfig) -> Result<[usize; 3], Error> {
    let &[channels, height, width] = config.shape.extents() else {
        let what = format!("states of shape {}", config.shape);
        return Err(invalid(&what, "needs states of shape [channels, height, width]"));
    };
    if config.shape.elements() > MOST_ELEMENTS || channels > MOST_CHANNELS {
        return Err(invalid(&format!("{}", config.shape), "use states of at most 2^28 values"));
    }
    let base = config.model_channels;
    if base == 0 || base % GROUPS != 0 || base > MOST_CHANNELS {
        let remedy =
            "must be a multiple of 32, the groups of each normalisation, and at most 16384";
        return Err(invalid(&format!("model_channels {base}"), remedy));
    }
    let levels = config.channel_mult.len();
    let bad = |m: &usize| *m == 0 || *m > MOST_MULTIPLIER;
    if levels == 0 || levels > MOST_LEVELS || config.channel_mult.iter().any(bad) {
        let what = format!("channel_mult {:?}", config.channel_mult);
        return Err(invalid(&what, "needs 1 to 12 levels, each from 1 to 64"));
    }
    let smallest = 1 << (levels - 1);
    if height % smallest != 0 || width % smallest != 0 {
        let remedy =
            format!("height and width must be multiples of {smallest} for {levels} levels");
        return Err(invalid(&format!("{height} x {width} images"), &remedy));
    }
    if config.res_blocks == 0 || config.res_blocks > MOST_BLOCKS {
        return Err(invalid(&format!("res_blocks {}", config.res_blocks), "must be 1 to 64"));
    }
    if config.classes.is_some_and(|classes| classes == 0 || classes > u32::MAX as usize) {
        return Err(invalid("classes 0 or beyond 2^32", "leave classes out for none"));
    }
    Ok([channels, height, width])
}

fn check_attention(config: &UNetConfig, blocks: &[Block]) -> Result<(), Error> {
    for piece in blocks.iter().flat_map(|block| &block.pieces) {
        if piece.kind != Kind::Attention {
            continue;
        }
        let heads = config.heads_of(piece.outputs);
        let head = config.head_width.unwrap_or(1);
        let divides = |n: usize| n != 0 && piece.outputs.is_multiple_of(n);
        if !divides(heads) || !divides(head) {
            let what =
                format!("{heads} heads for the {} channels of {}", piece.outputs, piece.name);
            return Err(invalid(&what, "the heads must divide the channels"));
        }
        if piece.image.pixels() > MOST_ATTENDED {
            let what = format!("attention between {} pixels", piece.image.pixels());
            return Err(invalid(&what, "attend at larger factors only"));
        }
    }
    Ok(())
}
