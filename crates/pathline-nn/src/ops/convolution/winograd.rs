//! A 3x3 convolution of stride 1 with 4/9 of the products: Winograd's `F(2x2, 3x3)`.
//!
//! The output is cut into tiles of 2x2 pixels. With a 4x4 patch `d` of the input around a tile, a
//! kernel `g`, and the constant matrices
//! `B^T = [1 0 -1 0; 0 1 1 0; 0 -1 1 0; 0 1 0 -1]`, `G = [1 0 0; 1/2 1/2 1/2; 1/2 -1/2 1/2; 0 0 1]`,
//! `A^T = [1 1 1 0; 0 1 -1 -1]`, the tile is `A^T (sum_c (G g G^T) * (B^T d B)) A`, where `*` is by
//! element. Each of the 16 elements is then a matrix product over tiles and channels. All constants
//! are 0, 1 and 1/2, so that rounding stays that of a direct sum.
//!
//! Everything but the product by element is linear; backward is the transpose of each step in turn:
//! `dM = A dy A^T`, `dg = G^T (sum over tiles V^T dM) G`, `dx = B (dM U^T) B^T`, overlaps added.
//!
//! # References
//! Lavin and Gray (2016), "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308,
//! section 4.1, equations 7 and 8.

use std::array::from_fn;

use pathline::kernels::{Layout, add_transposed_product, product, vectorised};

use super::lane::{LANES, Lane};
use crate::graph::operation::{ROW_MULTIPLE, Work};
use crate::ops::image::Image;

/// Elements of a 4x4 patch.
const PLANES: usize = 16;
/// Weights of one pair of channels.
const TAPS: usize = 9;
/// Values of transformed tiles that are in work together: half of a second-level cache of 2 MiB.
const BLOCK_VALUES: usize = 1 << 18;

/// Which convolution it is. Both channel counts are multiples of [`LANES`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiled {
    pub(super) image: Image,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

/// The tiles `from..from + count` of a block of samples.
#[derive(Debug, Clone, Copy)]
struct Tiles {
    from: usize,
    count: usize,
    /// Rows of a plane: `count`, or more where planes are padded.
    rows: usize,
}

/// The four values of a patch's side from the four of an input's side: `B^T`.
#[inline(always)]
fn patch([a, b, c, d]: [Lane; 4]) -> [Lane; 4] {
    [a - c, b + c, c - b, b - d]
}

/// `B`, the transpose of [`patch`].
#[inline(always)]
fn patch_back([a, b, c, d]: [Lane; 4]) -> [Lane; 4] {
    [a, b - c + d, b + c - a, Lane::ZERO - d]
}

/// `A^T`.
#[inline(always)]
fn tile([a, b, c, d]: [Lane; 4]) -> [Lane; 2] {
    [a + b + c, b - c - d]
}

/// `A`, the transpose of [`tile`].
#[inline(always)]
fn tile_back([a, b]: [Lane; 2]) -> [Lane; 4] {
    [a, a + b, a - b, Lane::ZERO - b]
}

/// `G`.
#[inline(always)]
fn kernel([a, b, c]: [Lane; 3]) -> [Lane; 4] {
    let (sum, b) = ((a + c) * 0.5, b * 0.5);
    [a, sum + b, sum - b, c]
}

/// `G^T`, the transpose of [`kernel`].
#[inline(always)]
fn kernel_back([a, b, c, d]: [Lane; 4]) -> [Lane; 3] {
    let half = (b + c) * 0.5;
    [a + half, (b - c) * 0.5, half + d]
}

/// A transform of columns, then of rows.
#[inline(always)]
fn both<const N: usize, const M: usize>(
    values: [[Lane; N]; N],
    side: impl Fn([Lane; N]) -> [Lane; M],
) -> [[Lane; M]; M] {
    // Loops, since the library's array functions are not compiled for wide vectors.
    let mut half = [[Lane::ZERO; N]; M];
    for x in 0..N {
        let mut column = [Lane::ZERO; N];
        for y in 0..N {
            column[y] = values[y][x];
        }
        let column = side(column);
        for y in 0..M {
            half[y][x] = column[y];
        }
    }
    let mut whole = [[Lane::ZERO; M]; M];
    for y in 0..M {
        whole[y] = side(half[y]);
    }
    whole
}

/// The 16 planes of a buffer, each as long as `plane`.
fn planes(buffer: &mut [f32], plane: usize) -> [&mut [f32]; PLANES] {
    let mut planes = buffer.chunks_exact_mut(plane);
    from_fn(|_| planes.next().unwrap_or_default())
}

/// The same place of each plane.
#[inline(always)]
fn load(planes: &[&mut [f32]; PLANES], at: usize) -> [[Lane; 4]; 4] {
    let mut values = [[Lane::ZERO; 4]; 4];
    for p in 0..PLANES {
        values[p / 4][p % 4] = Lane::load(planes[p], at);
    }
    values
}

#[inline(always)]
fn store(values: &[[Lane; 4]; 4], planes: &mut [&mut [f32]; PLANES], at: usize) {
    for p in 0..PLANES {
        values[p / 4][p % 4].store(planes[p], at);
    }
}

impl Tiled {
    fn across(&self) -> usize {
        self.image.width.div_ceil(2)
    }

    /// Tiles of one sample.
    fn tiles(&self) -> usize {
        self.across() * self.image.height.div_ceil(2)
    }

    /// Tiles that are in work together.
    fn block(&self) -> usize {
        let tiles = BLOCK_VALUES / (PLANES * (self.inputs + self.outputs));
        (tiles / ROW_MULTIPLE).clamp(1, 4) * ROW_MULTIPLE
    }

    /// Where the patch's pixels begin in a value of `width` channels.
    #[inline(always)]
    fn pixels(&self, index: usize, width: usize) -> [[Option<usize>; 4]; 4] {
        let (sample, place) = (index / self.tiles(), index % self.tiles());
        let [top, left] = [place / self.across(), place % self.across()];
        let mut pixels = [[None; 4]; 4];
        for (i, row) in pixels.iter_mut().enumerate() {
            // Above and to the left of the image this wraps round, and so is outside as well.
            let y = (2 * top + i).wrapping_sub(1);
            for (j, pixel) in row.iter_mut().enumerate() {
                let x = (2 * left + j).wrapping_sub(1);
                if y < self.image.height && x < self.image.width {
                    *pixel = Some((sample * self.image.pixels() + y * self.image.width + x) * width);
                }
            }
        }
        pixels
    }

    /// `V = B^T d B` of every tile.
    fn gather(&self, tiles: Tiles, from: &[f32], v: &mut [f32]) {
        let width = self.inputs;
        let mut planes = planes(v, tiles.rows * width);
        vectorised(
            #[inline(always)]
            || {
                for i in 0..tiles.count {
                    let pixels = self.pixels(tiles.from + i, width);
                    for lane in (0..width).step_by(LANES) {
                        let mut values = [[Lane::ZERO; 4]; 4];
                        for y in 0..4 {
                            for x in 0..4 {
                                if let Some(at) = pixels[y][x] {
                                    values[y][x] = Lane::load(from, at + lane);
                                }
                            }
                        }
                        store(&both(values, patch), &mut planes, i * width + lane);
                    }
                }
            },
        );
    }

    /// Adds `B dV B^T` of every tile to `dx`.
    fn scatter(&self, tiles: Tiles, dv: &mut [f32], dx: &mut [f32]) {
        let width = self.inputs;
        let planes = planes(dv, tiles.rows * width);
        vectorised(
            #[inline(always)]
            || {
                for i in 0..tiles.count {
                    let pixels = self.pixels(tiles.from + i, width);
                    for lane in (0..width).step_by(LANES) {
                        let values = both(load(&planes, i * width + lane), patch_back);
                        for y in 0..4 {
                            for x in 0..4 {
                                if let Some(at) = pixels[y][x] {
                                    let sum = Lane::load(dx, at + lane) + values[y][x];
                                    sum.store(dx, at + lane);
                                }
                            }
                        }
                    }
                }
            },
        );
    }

    /// `y = A^T M A + bias` of every tile.
    fn write(&self, tiles: Tiles, m: &mut [f32], bias: &[f32], into: &mut [f32]) {
        let width = self.outputs;
        let planes = planes(m, tiles.rows * width);
        vectorised(
            #[inline(always)]
            || {
                for i in 0..tiles.count {
                    let pixels = self.pixels(tiles.from + i, width);
                    for lane in (0..width).step_by(LANES) {
                        let bias = Lane::load(bias, lane);
                        let values = both(load(&planes, i * width + lane), tile);
                        for y in 0..2 {
                            for x in 0..2 {
                                if let Some(at) = pixels[y + 1][x + 1] {
                                    (values[y][x] + bias).store(into, at + lane);
                                }
                            }
                        }
                    }
                }
            },
        );
    }

    /// `dM = A dy A^T` of every tile.
    fn read(&self, tiles: Tiles, dy: &[f32], dm: &mut [f32]) {
        let width = self.outputs;
        let mut planes = planes(dm, tiles.rows * width);
        vectorised(
            #[inline(always)]
            || {
                for i in 0..tiles.count {
                    let pixels = self.pixels(tiles.from + i, width);
                    for lane in (0..width).step_by(LANES) {
                        let mut values = [[Lane::ZERO; 2]; 2];
                        for y in 0..2 {
                            for x in 0..2 {
                                if let Some(at) = pixels[y + 1][x + 1] {
                                    values[y][x] = Lane::load(dy, at + lane);
                                }
                            }
                        }
                        store(&both(values, tile_back), &mut planes, i * width + lane);
                    }
                }
            },
        );
    }

    /// `U = G g G^T`, a plane being `inputs x outputs`.
    fn transform(&self, weight: &[f32], u: &mut [f32]) {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let mut planes = planes(u, inputs * outputs);
        vectorised(
            #[inline(always)]
            || {
                for o in (0..outputs).step_by(LANES) {
                    for c in 0..inputs {
                        let mut taps = [[Lane::ZERO; 3]; 3];
                        for l in 0..LANES {
                            let weight = &weight[((o + l) * inputs + c) * TAPS..][..TAPS];
                            for tap in 0..TAPS {
                                taps[tap / 3][tap % 3].0[l] = weight[tap];
                            }
                        }
                        store(&both(taps, kernel), &mut planes, c * outputs + o);
                    }
                }
            },
        );
    }

    /// Adds `G^T dU G` to the weights' gradient.
    fn transform_back(&self, du: &mut [f32], gradient: &mut [f32]) {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let planes = planes(du, inputs * outputs);
        vectorised(
            #[inline(always)]
            || {
                for o in (0..outputs).step_by(LANES) {
                    for c in 0..inputs {
                        let taps = both(load(&planes, c * outputs + o), kernel_back);
                        for l in 0..LANES {
                            let gradient = &mut gradient[((o + l) * inputs + c) * TAPS..][..TAPS];
                            for tap in 0..TAPS {
                                gradient[tap] += taps[tap / 3][tap % 3].0[l];
                            }
                        }
                    }
                }
            },
        );
    }
}

/// One block of tiles after the other: the matrix products between the transforms.
impl Tiled {
    /// Writes the convolution of `samples` images. Where planes are `padded`, a product sees a number
    /// of rows at which the product library gives each row the same bytes as at any other such number.
    pub(super) fn forward(
        &self,
        (samples, padded): (usize, bool),
        (weight, bias): (&[f32], &[f32]),
        x: &[f32],
        y: &mut [f32],
        work: &mut Work,
    ) {
        let (inputs, outputs, block) = (self.inputs, self.outputs, self.block());
        let [u, values] = work.take(PLANES * inputs * outputs, PLANES * block * (inputs + outputs));
        self.transform(weight, u);
        let (v, m) = values.split_at_mut(PLANES * block * inputs);
        for tiles in self.blocks(samples, padded) {
            let rows = tiles.rows;
            let v = &mut v[..PLANES * rows * inputs];
            let m = &mut m[..PLANES * rows * outputs];
            self.gather(tiles, x, v);
            for p in 0..PLANES {
                let left = &v[p * rows * inputs..][..rows * inputs];
                let right = &u[p * inputs * outputs..][..inputs * outputs];
                let out = &mut m[p * rows * outputs..][..rows * outputs];
                product([rows, outputs, inputs], left, right, Layout::Plain, 0.0, out);
            }
            self.write(tiles, m, bias, y);
        }
    }

    /// Adds to the weights' gradient, and to `dx` where asked.
    pub(super) fn backward(
        &self,
        samples: usize,
        (x, weight): (&[f32], &[f32]),
        dy: &[f32],
        (gradient, mut dx): (&mut [f32], Option<&mut [f32]>),
        work: &mut Work,
    ) {
        let (inputs, outputs, block) = (self.inputs, self.outputs, self.block());
        let kernel = inputs * outputs;
        let [kernels, values] =
            work.take(2 * PLANES * kernel, PLANES * block * (inputs + outputs));
        let (u, du) = kernels.split_at_mut(PLANES * kernel);
        self.transform(weight, u);
        du.fill(0.0);
        let (v, dm) = values.split_at_mut(PLANES * block * inputs);
        for tiles in self.blocks(samples, false) {
            let rows = tiles.rows;
            let v = &mut v[..PLANES * rows * inputs];
            let dm = &mut dm[..PLANES * rows * outputs];
            self.gather(tiles, x, v);
            self.read(tiles, dy, dm);
            for p in 0..PLANES {
                let v = &mut v[p * rows * inputs..][..rows * inputs];
                let dm = &dm[p * rows * outputs..][..rows * outputs];
                let du = &mut du[p * kernel..][..kernel];
                add_transposed_product([inputs, outputs, rows], v, dm, du);
                if dx.is_some() {
                    let u = &u[p * kernel..][..kernel];
                    product([rows, inputs, outputs], dm, u, Layout::Transposed, 0.0, v);
                }
            }
            if let Some(dx) = &mut dx {
                self.scatter(tiles, v, dx);
            }
        }
        self.transform_back(du, gradient);
    }

    fn blocks(&self, samples: usize, padded: bool) -> impl Iterator<Item = Tiles> {
        let (total, block) = (samples * self.tiles(), self.block());
        (0..total).step_by(block).map(move |from| {
            let count = block.min(total - from);
            let rows = if padded { count.next_multiple_of(ROW_MULTIPLE) } else { count };
            Tiles { from, count, rows }
        })
    }
}
