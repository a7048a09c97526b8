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

use pathline::kernels::{Strided, multiply, vectorised};

use super::sides::{kernel, kernel_back, patch, patch_back, tile, tile_back};
use super::weights::{TAPS, add_arranged, arrange};
use crate::graph::operation::{Packed, ROW_MULTIPLE, Work};
use crate::ops::image::Image;
use crate::ops::lane::{LANES, Lane};
use crate::scratch::warm;

/// Side of a patch.
const SIDE: usize = 4;
/// Elements of a patch.
const PLANES: usize = SIDE * SIDE;
/// Elements of a kernel's half-transformed 4x3.
const HALF: usize = 12;
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
    /// Tiles that there is room for: `count`, or more where products are padded.
    rows: usize,
}

impl Tiles {
    /// Distance between the lines of all tiles: a little more than their values, because at a power of
    /// two the four lines of a tile would fall into the same places of a cache.
    fn pitch(self, width: usize) -> usize {
        self.rows * SIDE * width + LANES
    }

    /// Where line `y` of tile `i` begins.
    #[inline(always)]
    fn at(self, i: usize, y: usize, width: usize) -> usize {
        y * self.pitch(width) + i * SIDE * width
    }

    /// Element `p` of all tiles, a row each.
    fn matrix(self, values: &[f32], p: usize, width: usize) -> Strided<'_> {
        Strided { values: &values[self.element(p, width)..], row: SIDE * width, column: 1 }
    }

    /// Where element `p` of the first tile begins; that of the next is [`SIDE`] widths on.
    fn element(self, p: usize, width: usize) -> usize {
        self.at(0, p / SIDE, width) + p % SIDE * width
    }
}

/// One pass over `len` values a side: reads the side's elements, transforms them, writes what comes out.
///
/// Two passes through memory make a transform, columns and then rows: all of it at once is more than
/// the machine's registers hold.
#[expect(clippy::needless_range_loop, reason = "these loops stay in registers, iterators do not")]
#[inline(always)]
fn pass<const N: usize, const M: usize>(
    len: usize,
    read: impl Fn(usize, usize) -> Lane,
    side: impl Fn([Lane; N]) -> [Lane; M],
    mut write: impl FnMut(usize, usize, Lane),
) {
    for at in (0..len).step_by(LANES) {
        let mut values = [Lane::ZERO; N];
        for n in 0..N {
            values[n] = read(n, at);
        }
        let values = side(values);
        for m in 0..M {
            write(m, at, values[m]);
        }
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
                    *pixel =
                        Some((sample * self.image.pixels() + y * self.image.width + x) * width);
                }
            }
        }
        pixels
    }

    /// `V = B^T d B` of every tile.
    fn gather(&self, tiles: Tiles, image: &[f32], half: &mut [f32], v: &mut [f32]) {
        let width = self.inputs;
        vectorised(
            #[inline(always)]
            || {
                for i in 0..tiles.count {
                    let pixels = self.pixels(tiles.from + i, width);
                    for (y, pixels) in pixels.iter().enumerate() {
                        pass(
                            width,
                            #[inline(always)]
                            |x, at| Lane::load_inside(image, pixels[x], at),
                            patch,
                            #[inline(always)]
                            |x, at, value| value.store(half, (SIDE * y + x) * width + at),
                        );
                    }
                    pass(
                        SIDE * width,
                        #[inline(always)]
                        |y, at| Lane::load(half, SIDE * y * width + at),
                        patch,
                        #[inline(always)]
                        |y, at, value| value.store(v, tiles.at(i, y, width) + at),
                    );
                }
            },
        );
    }

    /// Adds `B dV B^T` of every tile to `image`.
    fn scatter(&self, tiles: Tiles, dv: &[f32], half: &mut [f32], image: &mut [f32]) {
        let width = self.inputs;
        vectorised(
            #[inline(always)]
            || {
                for i in 0..tiles.count {
                    let pixels = self.pixels(tiles.from + i, width);
                    pass(
                        SIDE * width,
                        #[inline(always)]
                        |y, at| Lane::load(dv, tiles.at(i, y, width) + at),
                        patch_back,
                        #[inline(always)]
                        |y, at, value| value.store(half, SIDE * y * width + at),
                    );
                    for (y, pixels) in pixels.iter().enumerate() {
                        pass(
                            width,
                            #[inline(always)]
                            |x, at| Lane::load(half, (SIDE * y + x) * width + at),
                            patch_back,
                            #[inline(always)]
                            |x, at, value| value.add_inside(image, pixels[x], at),
                        );
                    }
                }
            },
        );
    }

    /// `y = A^T M A + bias` of every tile.
    fn write(
        &self,
        tiles: Tiles,
        (m, bias): (&[f32], &[f32]),
        half: &mut [f32],
        image: &mut [f32],
    ) {
        let width = self.outputs;
        vectorised(
            #[inline(always)]
            || {
                for i in 0..tiles.count {
                    let pixels = self.pixels(tiles.from + i, width);
                    pass(
                        SIDE * width,
                        #[inline(always)]
                        |y, at| Lane::load(m, tiles.at(i, y, width) + at),
                        tile,
                        #[inline(always)]
                        |y, at, value| value.store(half, SIDE * y * width + at),
                    );
                    for y in 0..2 {
                        pass(
                            width,
                            #[inline(always)]
                            |x, at| Lane::load(half, (SIDE * y + x) * width + at),
                            tile,
                            #[inline(always)]
                            |x, at, value| {
                                let value = value + Lane::load(bias, at);
                                value.store_inside(image, pixels[y + 1][x + 1], at);
                            },
                        );
                    }
                }
            },
        );
    }

    /// `dM = A dy A^T` of every tile.
    fn read(&self, tiles: Tiles, image: &[f32], half: &mut [f32], dm: &mut [f32]) {
        let width = self.outputs;
        vectorised(
            #[inline(always)]
            || {
                for i in 0..tiles.count {
                    let pixels = self.pixels(tiles.from + i, width);
                    for y in 0..2 {
                        pass(
                            width,
                            #[inline(always)]
                            |x, at| Lane::load_inside(image, pixels[y + 1][x + 1], at),
                            tile_back,
                            #[inline(always)]
                            |x, at, value| value.store(half, (SIDE * y + x) * width + at),
                        );
                    }
                    pass(
                        SIDE * width,
                        #[inline(always)]
                        |y, at| Lane::load(half, SIDE * y * width + at),
                        tile_back,
                        #[inline(always)]
                        |y, at, value| value.store(dm, tiles.at(i, y, width) + at),
                    );
                }
            },
        );
    }

    /// `U` of the weights.
    pub(super) fn pack(&self, weight: &[f32], packed: &mut Packed) {
        let planes = PLANES * self.inputs * self.outputs;
        let (u, half) = warm(&mut packed.plain, self.sums()).split_at_mut(planes);
        self.transform(weight, half, u);
    }

    /// Values of `dU`, and of what [`Tiled::finish`] works in.
    pub(super) fn sums(&self) -> usize {
        (PLANES + HALF) * self.inputs * self.outputs
    }

    /// Adds to the weights' gradient what backward left in `dU`.
    pub(super) fn finish(&self, sums: &mut [f32], gradient: &mut [f32]) {
        let (du, half) = sums.split_at_mut(PLANES * self.inputs * self.outputs);
        self.transform_back(du, half, gradient);
    }

    /// `U = G g G^T`, a plane being `inputs x outputs`.
    fn transform(&self, weight: &[f32], half: &mut [f32], u: &mut [f32]) {
        let plane = self.inputs * self.outputs;
        arrange(self.inputs, weight, &mut u[..TAPS * plane]);
        vectorised(
            #[inline(always)]
            || {
                for x in 0..3 {
                    pass(
                        plane,
                        #[inline(always)]
                        |y, at| Lane::load(u, (3 * y + x) * plane + at),
                        kernel,
                        #[inline(always)]
                        |y, at, value| value.store(half, (3 * y + x) * plane + at),
                    );
                }
                for y in 0..4 {
                    pass(
                        plane,
                        #[inline(always)]
                        |x, at| Lane::load(half, (3 * y + x) * plane + at),
                        kernel,
                        #[inline(always)]
                        |x, at, value| value.store(u, (4 * y + x) * plane + at),
                    );
                }
            },
        );
    }

    /// Adds `G^T dU G` to the weights' gradient.
    fn transform_back(&self, du: &mut [f32], half: &mut [f32], gradient: &mut [f32]) {
        let plane = self.inputs * self.outputs;
        vectorised(
            #[inline(always)]
            || {
                for y in 0..4 {
                    pass(
                        plane,
                        #[inline(always)]
                        |x, at| Lane::load(du, (4 * y + x) * plane + at),
                        kernel_back,
                        #[inline(always)]
                        |x, at, value| value.store(half, (3 * y + x) * plane + at),
                    );
                }
                for x in 0..3 {
                    pass(
                        plane,
                        #[inline(always)]
                        |y, at| Lane::load(half, (3 * y + x) * plane + at),
                        kernel_back,
                        #[inline(always)]
                        |y, at, value| value.store(du, (3 * y + x) * plane + at),
                    );
                }
            },
        );
        add_arranged(self.inputs, &du[..TAPS * plane], gradient);
    }
}

/// One block of tiles after the other: the matrix products between the transforms.
impl Tiled {
    /// Writes the convolution of `samples` images. Where `padded`, a product sees a number of rows at
    /// which the product library gives each row the same bytes as at any other such number.
    pub(super) fn forward(
        &self,
        (samples, padded): (usize, bool),
        (packed, bias): (&Packed, &[f32]),
        x: &[f32],
        y: &mut [f32],
        work: &mut Work,
    ) {
        let (inputs, outputs, block) = (self.inputs, self.outputs, self.block());
        let kernel = inputs * outputs;
        let [values, _] = work.take(self.values(), 0);
        let u = &packed.plain[..PLANES * kernel];
        let (half, values) = values.split_at_mut(PLANES * (inputs + outputs));
        let (v, m) = values.split_at_mut(PLANES * (block * inputs + LANES));
        for tiles in self.blocks(samples, padded) {
            self.gather(tiles, x, half, v);
            for (p, u) in u.chunks_exact(kernel).enumerate() {
                let left = tiles.matrix(v, p, inputs);
                let right = Strided { values: u, row: outputs, column: 1 };
                let out = (&mut m[tiles.element(p, outputs)..], SIDE * outputs);
                multiply([tiles.rows, outputs, inputs], left, right, [1.0, 0.0], out);
            }
            self.write(tiles, (m, bias), half, y);
        }
    }

    /// Adds to `dU`, and to `dx` where asked.
    pub(super) fn backward(
        &self,
        samples: usize,
        (x, packed): (&[f32], &Packed),
        dy: &[f32],
        (du, mut dx): (&mut [f32], Option<&mut [f32]>),
        work: &mut Work,
    ) {
        let (inputs, outputs, block) = (self.inputs, self.outputs, self.block());
        let kernel = inputs * outputs;
        let [values, _] = work.take(self.values(), 0);
        let u = &packed.plain[..PLANES * kernel];
        let (half, values) = values.split_at_mut(PLANES * (inputs + outputs));
        let (v, dm) = values.split_at_mut(PLANES * (block * inputs + LANES));
        for tiles in self.blocks(samples, false) {
            let rows = tiles.rows;
            self.gather(tiles, x, half, v);
            self.read(tiles, dy, half, dm);
            for (p, (u, du)) in u.chunks_exact(kernel).zip(du.chunks_exact_mut(kernel)).enumerate()
            {
                let dm = tiles.matrix(dm, p, outputs);
                let left = tiles.matrix(v, p, inputs);
                let left = Strided { row: left.column, column: left.row, ..left };
                multiply([inputs, outputs, rows], left, dm, [1.0; 2], (du, outputs));
                if dx.is_some() {
                    let right = Strided { values: u, row: 1, column: outputs };
                    let out = (&mut v[tiles.element(p, inputs)..], SIDE * inputs);
                    multiply([rows, inputs, outputs], dm, right, [1.0, 0.0], out);
                }
            }
            if let Some(dx) = &mut dx {
                self.scatter(tiles, v, half, dx);
            }
        }
    }

    /// Length of the buffer for planes and half-transformed tiles.
    fn values(&self) -> usize {
        PLANES * ((self.block() + 1) * (self.inputs + self.outputs) + 2 * LANES)
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
