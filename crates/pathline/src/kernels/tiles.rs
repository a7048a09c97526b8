//! Products of matrices of `bf16` numbers by a processor's tile unit (AMX), by its instructions for pairs of such
//! numbers, or by plain loops.
//!
//! A step multiplies 32 rows of the left matrix, 32 numbers of each, by a packed 32 x 32 piece of the right
//! one and adds to 32 x 32 sums in `f32`. Where the 32 numbers of each step begin is a list, so that the same
//! loop serves a product (they follow one another) and a convolution (they lie under one tap after another).
//!
//! # References
//! Intel (2024), "Intel 64 and IA-32 Architectures Software Developer's Manual", volume 2, `TDPBF16PS`.

#[cfg(target_arch = "x86_64")]
use super::dots;

/// Rows, columns, and numbers of a row that one step takes.
pub const SIDE: usize = 32;
/// Numbers in a packed piece of the right matrix.
pub const PIECE: usize = SIDE * SIDE;

/// A left matrix as lists of places: row `i` of step `s` is
/// `values[steps[s] + i * row..][..32]`.
#[derive(Debug, Clone, Copy)]
pub struct Left<'a> {
    values: &'a [u16],
    row: usize,
    steps: &'a [usize],
    /// The largest of the steps.
    last: usize,
}

impl<'a> Left<'a> {
    /// The matrix in `values` (in `bf16`) whose neighbours in a column are `row` apart, and whose first row's 32
    /// numbers begin, for each step, at one of `steps`.
    #[must_use]
    pub fn new(values: &'a [u16], row: usize, steps: &'a [usize]) -> Self {
        Self { values, row, steps, last: steps.iter().copied().max().unwrap_or(0) }
    }

    /// How many steps there are.
    pub(super) fn steps(&self) -> usize {
        self.steps.len()
    }

    /// What step `step` takes of row `row`. Panics where [`Left::holds`] says no.
    #[inline]
    pub(super) fn numbers(&self, step: usize, row: usize) -> &'a [u16; SIDE] {
        let from = &self.values[self.steps[step] + row * self.row..][..SIDE];
        from.first_chunk().unwrap_or(&[0; SIDE])
    }

    /// Whether every number of `rows` rows lies inside the slice.
    fn holds(&self, rows: usize) -> bool {
        let last = rows.saturating_sub(1).checked_mul(self.row);
        let last = last.and_then(|down| down.checked_add(self.last)?.checked_add(SIDE));
        self.steps.is_empty() || rows == 0 || last.is_some_and(|last| last <= self.values.len())
    }
}

/// `out = scale * left * right + keep * out` for `rows` x `columns` sums whose rows begin `row` values apart,
/// where `right` holds, for every 32 columns, a packed piece a step. Does nothing when a slice is too short.
pub fn tile_product(
    left: Left<'_>,
    right: &[u16],
    [rows, columns]: [usize; 2],
    [scale, keep]: [f32; 2],
    (out, row): (&mut [f32], usize),
) {
    let panel = left.steps.len() * PIECE;
    let last = rows.checked_sub(1).and_then(|last| last.checked_mul(row)?.checked_add(columns));
    let fits = left.holds(rows.next_multiple_of(SIDE))
        && right.len() >= columns.div_ceil(SIDE) * panel
        && row >= columns
        && last.is_none_or(|last| last <= out.len());
    debug_assert!(fits, "tiles do not lie in their slices");
    if !fits {
        return;
    }
    let unit = Unit::open();
    let mut spare = [0.0; PIECE];
    for across in (0..columns).step_by(SIDE) {
        let piece = &right[across / SIDE * panel..][..panel];
        let width = SIDE.min(columns - across);
        for down in (0..rows).step_by(SIDE) {
            let height = SIDE.min(rows - down);
            let out = &mut out[down * row + across..];
            if width == SIDE && height == SIDE && scale == 1.0 && (keep == 0.0 || keep == 1.0) {
                unit.block(left, down, piece, keep == 1.0, (out, row));
                continue;
            }
            unit.block(left, down, piece, false, (&mut spare, SIDE));
            for (out, sums) in out.chunks_mut(row).zip(spare.chunks_exact(SIDE)).take(height) {
                for (out, sum) in out.iter_mut().zip(&sums[..width]) {
                    let kept = if keep == 0.0 { 0.0 } else { keep * *out };
                    *out = scale * sum + kept;
                }
            }
        }
    }
}

/// What multiplies.
enum Unit {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Tiles(amx::Tiles),
    #[cfg(target_arch = "x86_64")]
    Dots,
    Loops,
}

impl Unit {
    fn open() -> Self {
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        if let Some(tiles) = amx::Tiles::open() {
            return Self::Tiles(tiles);
        }
        #[cfg(target_arch = "x86_64")]
        if dots::available() {
            return Self::Dots;
        }
        Self::Loops
    }

    /// `sums = keep * sums + left * right` for the 32 rows from `first` on and 32 columns; row `i` of the
    /// sums is `sums[i * row..][..32]`. Panics when a slice is too short.
    fn block(
        &self,
        left: Left<'_>,
        first: usize,
        right: &[u16],
        keep: bool,
        (sums, row): (&mut [f32], usize),
    ) {
        assert!(left.holds(first + SIDE) && right.len() >= left.steps.len() * PIECE);
        assert!(row >= SIDE && sums.len() >= (SIDE - 1) * row + SIDE);
        match self {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Self::Tiles(tiles) => tiles.block(left, first, right, keep, (sums, row)),
            #[cfg(target_arch = "x86_64")]
            Self::Dots => dots::block(left, first, right, keep, (sums, row)),
            Self::Loops => plain(left, first, right, keep, (sums, row)),
        }
    }
}

/// Whether the processor multiplies such numbers itself: if not, products are as right, and slower than those of
/// `f32`.
#[must_use]
pub fn has_bf16_unit() -> bool {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if amx::available() {
        return true;
    }
    #[cfg(target_arch = "x86_64")]
    if dots::available() {
        return true;
    }
    false
}

/// [`Unit::block`] by plain loops.
fn plain(
    left: Left<'_>,
    first: usize,
    right: &[u16],
    keep: bool,
    (sums, row): (&mut [f32], usize),
) {
    let wide = |half: u16| f32::from_bits(u32::from(half) << 16);
    for i in 0..SIDE {
        let sums = &mut sums[i * row..i * row + SIDE];
        if !keep {
            sums.fill(0.0);
        }
        for (&at, piece) in left.steps.iter().zip(right.chunks_exact(PIECE)) {
            let numbers = &left.values[at + (first + i) * left.row..][..SIDE];
            for (half, sums) in piece.chunks_exact(PIECE / 2).zip(sums.chunks_exact_mut(SIDE / 2)) {
                for (pair, line) in numbers.chunks_exact(2).zip(half.chunks_exact(SIDE)) {
                    for (sum, of) in sums.iter_mut().zip(line.chunks_exact(2)) {
                        *sum += wide(pair[0]) * wide(of[0]) + wide(pair[1]) * wide(of[1]);
                    }
                }
            }
        }
    }
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod amx {
    use std::arch::asm;
    use std::arch::x86_64::{__cpuid_count, _xgetbv, CpuidResult};
    use std::marker::PhantomData;
    use std::sync::OnceLock;

    use super::{Left, SIDE};

    /// Asks for eight cache lines of the next step's right piece, from so many bytes into it: loads do not overlap with
    /// products by themselves.
    macro_rules! ahead {
        ($further:literal) => {
            concat!(
                ".irp line, 0, 64, 128, 192, 256, 320, 384, 448\n",
                "prefetcht0 [{right} + 2048 + ",
                $further,
                " + \\line]\n",
                ".endr\n",
            )
        };
    }

    /// What `ldtilecfg` reads: eight tiles of 16 rows of 64 bytes.
    #[repr(C, align(64))]
    struct Shapes([u8; 64]);

    static SHAPES: Shapes = {
        let mut bytes = [0; 64];
        bytes[0] = 1;
        let mut tile = 0;
        while tile < 8 {
            bytes[16 + 2 * tile] = 64;
            bytes[48 + tile] = 16;
            tile += 1;
        }
        Shapes(bytes)
    };

    /// Whether the processor has the unit and the system lets this process use it.
    pub(super) fn available() -> bool {
        static AVAILABLE: OnceLock<bool> = OnceLock::new();
        *AVAILABLE.get_or_init(|| {
            is_x86_feature_detected!("avx512bw") && processor_has_tiles() && system_allows_tiles()
        })
    }

    fn processor_has_tiles() -> bool {
        const BF16: u32 = 1 << 22;
        const TILE: u32 = 1 << 24;
        const SAVED_BY_SYSTEM: u64 = 0b11 << 17;
        // As a pointer, since newer compilers hold the instruction itself to be safe.
        let ask: unsafe fn(u32, u32) -> CpuidResult = __cpuid_count;
        #[expect(unsafe_code, reason = "the processor is asked what it has")]
        // SAFETY: every processor with AVX-512 (just found) has these instructions and this leaf; the one
        // that reads what the system saves may be run, since AVX-512 is only found where it may.
        unsafe {
            let features = ask(7, 0).edx;
            features & (BF16 | TILE) == BF16 | TILE && saved() & SAVED_BY_SYSTEM == SAVED_BY_SYSTEM
        }
    }

    #[target_feature(enable = "xsave")]
    fn saved() -> u64 {
        #[expect(unsafe_code, reason = "the processor is asked what the system saves")]
        // SAFETY: register 0 exists wherever the instruction does.
        unsafe {
            _xgetbv(0)
        }
    }

    /// Asks Linux for the tile registers, which it gives to a process and all its threads on request.
    fn system_allows_tiles() -> bool {
        const ARCH_PRCTL: isize = 158;
        const REQUEST: usize = 0x1023;
        const TILE_DATA: usize = 18;
        let answer: isize;
        #[expect(unsafe_code, reason = "a system call that the standard library does not have")]
        // SAFETY: the call takes two numbers and touches no memory of ours; a kernel that does not know it
        // gives an error.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") ARCH_PRCTL => answer,
                in("rdi") REQUEST,
                in("rsi") TILE_DATA,
                out("rcx") _,
                out("r11") _,
                options(nostack),
            );
        }
        answer == 0
    }

    /// This thread's tile registers, set up for eight tiles of 16 x 64 bytes until it is dropped. No other code
    /// keeps anything in them: compilers do not use them on their own.
    pub(super) struct Tiles(PhantomData<*const ()>);

    impl Tiles {
        pub(super) fn open() -> Option<Self> {
            if !available() {
                return None;
            }
            #[expect(unsafe_code, reason = "the compiler has no stable form of this instruction")]
            // SAFETY: the unit is there and may be used, and the configuration is 64 valid bytes.
            unsafe {
                asm!("ldtilecfg [{}]", in(reg) SHAPES.0.as_ptr(), options(nostack, readonly));
            }
            Some(Self(PhantomData))
        }

        /// [`super::Unit::block`], which has checked that everything lies in its slice.
        pub(super) fn block(
            &self,
            left: Left<'_>,
            first: usize,
            right: &[u16],
            keep: bool,
            (sums, row): (&mut [f32], usize),
        ) {
            let row_bytes = left.row * size_of::<u16>();
            let low = left.values.as_ptr().wrapping_add(first * left.row);
            let high = low.wrapping_add(SIDE / 2 * left.row);
            let sums_row = row * size_of::<f32>();
            let below = sums.as_mut_ptr().wrapping_add(SIDE / 2 * row);
            let sums = sums.as_mut_ptr();
            #[expect(unsafe_code, reason = "the compiler has no stable form of these instructions")]
            // SAFETY: the unit is set up while `self` lives. Every step reads 32 rows of 32 numbers of `left`
            // and one piece of `right`, and `sums` is read and written as 32 rows of 32; all of them lie
            // inside the slices (checked by the only caller).
            unsafe {
                if keep {
                    asm!(
                        "tileloadd tmm0, [{sums} + {row}*1]",
                        "tileloadd tmm1, [{sums} + {row}*1 + 64]",
                        "tileloadd tmm2, [{below} + {row}*1]",
                        "tileloadd tmm3, [{below} + {row}*1 + 64]",
                        sums = in(reg) sums,
                        below = in(reg) below,
                        row = in(reg) sums_row,
                        options(nostack, readonly),
                    );
                } else {
                    asm!(
                        "tilezero tmm0",
                        "tilezero tmm1",
                        "tilezero tmm2",
                        "tilezero tmm3",
                        options(nostack, nomem),
                    );
                }
                if !left.steps.is_empty() {
                    asm!(
                        "2:",
                        "mov {place}, [{at}]",
                        "add {at}, 8",
                        "lea {from}, [{low} + {place}*2]",
                        "tileloadd tmm4, [{from} + {row}*1]",
                        "tileloadd tmm6, [{right} + {line}*1]",
                        "tdpbf16ps tmm0, tmm4, tmm6",
                        ahead!("0"),
                        "tileloadd tmm7, [{right} + {line}*1 + 1024]",
                        "tdpbf16ps tmm1, tmm4, tmm7",
                        ahead!("512"),
                        "lea {from}, [{high} + {place}*2]",
                        "tileloadd tmm5, [{from} + {row}*1]",
                        "tdpbf16ps tmm2, tmm5, tmm6",
                        ahead!("1024"),
                        "tdpbf16ps tmm3, tmm5, tmm7",
                        ahead!("1536"),
                        "add {right}, 2048",
                        "dec {steps}",
                        "jnz 2b",
                        steps = inout(reg) left.steps.len() => _,
                        at = inout(reg) left.steps.as_ptr() => _,
                        low = in(reg) low,
                        high = in(reg) high,
                        row = in(reg) row_bytes,
                        right = inout(reg) right.as_ptr() => _,
                        line = in(reg) 64_usize,
                        place = out(reg) _,
                        from = out(reg) _,
                        options(nostack, readonly),
                    );
                }
                asm!(
                    "tilestored [{sums} + {row}*1], tmm0",
                    "tilestored [{sums} + {row}*1 + 64], tmm1",
                    "tilestored [{below} + {row}*1], tmm2",
                    "tilestored [{below} + {row}*1 + 64], tmm3",
                    sums = in(reg) sums,
                    below = in(reg) below,
                    row = in(reg) sums_row,
                    options(nostack),
                );
            }
        }
    }

    impl Drop for Tiles {
        fn drop(&mut self) {
            #[expect(unsafe_code, reason = "the compiler has no stable form of this instruction")]
            // SAFETY: the unit is there: it was opened.
            unsafe {
                asm!("tilerelease", options(nostack, nomem));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Purpose, Seed};

    /// Small numbers in `bf16`: their high halves.
    fn halves(n: usize, tag: u64) -> Vec<u16> {
        let mut out = vec![0.0; n];
        Seed(1).normal(Purpose::Data, tag, 0, &mut out);
        out.iter().map(|x| (x.to_bits() >> 16) as u16).collect()
    }

    #[test]
    fn the_unit_and_plain_loops_agree() {
        if !has_bf16_unit() {
            eprintln!("SKIPPED: this processor does not multiply such numbers itself");
            return;
        }
        let steps = [0, 7, 40, 33, 64];
        let (left, right) = (halves(40 * 100, 2), halves(steps.len() * PIECE, 3));
        let left = Left::new(&left, 40, &steps);
        // A processor with tiles has the instructions for pairs as well.
        let mut units = vec![Unit::open()];
        #[cfg(target_arch = "x86_64")]
        units.extend(dots::available().then_some(Unit::Dots));
        for (unit, keep) in units.iter().flat_map(|unit| [(unit, false), (unit, true)]) {
            let (mut sums, mut loops) = (vec![1.5; 32 * 40], vec![1.5; 32 * 40]);
            unit.block(left, 3, &right, keep, (&mut sums, 40));
            Unit::Loops.block(left, 3, &right, keep, (&mut loops, 40));
            for (i, (a, b)) in sums.iter().zip(&loops).enumerate() {
                assert!((a - b).abs() < 1e-4, "{i}: {a} {b}");
            }
            assert!((sums[39] - 1.5).abs() < 1e-9, "what lies between rows is left alone");
        }
    }

    #[test]
    fn what_does_not_lie_in_its_slice_is_refused() {
        let (values, steps) = (vec![0; 40 * 32], [0, 9]);
        assert!(!Left::new(&values, 40, &steps).holds(32));
        assert!(Left::new(&values, 40, &steps[..1]).holds(32));
        assert!(!Left::new(&values, usize::MAX, &steps).holds(3));
    }
}
