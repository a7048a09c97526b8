//! The hot loops: matrix products in fixed-size row blocks, sums in a fixed order.
//!
//! This is the only module with `unsafe` code, and it exports only safe functions. Two rules make
//! a row's bytes independent of the batch it came in and of the number of threads:
//!
//! 1. Where a row's result must not depend on its batch, matrix products are asked for in whole blocks of
//!    [`ROW_BLOCK`] rows, the last one padded with zeros. The product library picks other kernels (and so
//!    another order of summation) for small row counts; it never sees one here. How many blocks go together
//!    changes nothing where [`blocks_product`] is asked.
//! 2. Sums over rows run over a fixed number of rows at a time, never over "one part a thread".

pub mod bf16;
#[cfg(target_arch = "x86_64")]
mod dots;
mod doubles;
mod exponential;
mod idle;
mod product;
mod product_precision;
mod round;
mod tiles;
mod turn;
mod update;
mod vector;
mod wide;

pub use bf16::{has_bf16_unit, multiply_bf16};
pub use doubles::{add_doubles, add_doubles_wide, dot_doubles, dot_doubles_wide};
pub use exponential::exp_of_negative;
pub use idle::Idle;
pub use product::{
    Layout, ROW_BLOCK, Strided, add_transposed_product, blocks_product, multiply, product,
    rows_at_once, rows_times,
};
pub use product_precision::ProductPrecision;
pub use update::add_scaled;
pub use vector::{dot, squared_distance, squared_norm};
pub use wide::vectorised;
