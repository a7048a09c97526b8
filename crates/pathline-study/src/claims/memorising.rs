//! A network that memorises in part: a perceptron on few, small images, trained for long. Real pictures at a
//! quarter of their resolution, so that it takes minutes and not days.

use std::sync::Arc;

use pathline::neighbours::{MEMORISED_RATIO, memorisation};
use pathline::{Batch, Seed, Shape};
use pathline_nn::NetworkField;

use super::evidence::Setting;
use super::features::{point_training, trained_perceptron};
use crate::error::Error;

/// Images that it knows.
pub(super) const KNOWN: usize = 128;

/// Side of an image after every 4 x 4 pixels became their mean.
const SIDE: usize = 7;

/// A network, the images it was trained on, and images it was not.
pub(super) struct Memorising {
    pub(super) field: Arc<NetworkField>,
    pub(super) known: Batch,
    pub(super) held_out: Batch,
}

/// Trains it.
pub(super) fn memorising(
    updates: u64,
    seed: Seed,
    progress: &mut dyn FnMut(f64),
) -> Result<Memorising, Error> {
    let known = smaller(&pathline_data::fashion_mnist::train()?.batch, KNOWN)?;
    let held_out = smaller(&pathline_data::fashion_mnist::held_out()?.batch, usize::MAX)?;
    let training = point_training(updates, seed);
    let field = Arc::new(trained_perceptron(&known, &[512; 3], training, progress)?);
    Ok(Memorising { field, known, held_out })
}

/// How it is made.
pub(super) fn about(updates: u64) -> String {
    format!(
        "perceptron 3 x 512, {updates} updates of 256 on {KNOWN} training images of Fashion-MNIST, every 4 x 4 \
         pixels averaged (49 numbers an image)"
    )
}

/// The first images, at a quarter of their resolution.
pub(super) fn smaller(images: &Batch, count: usize) -> Result<Batch, Error> {
    let count = count.min(images.len());
    let mut data = Vec::with_capacity(count * SIDE * SIDE);
    for image in images.rows().iter().take(count) {
        for row in 0..SIDE {
            for column in 0..SIDE {
                let pixel = |k: usize| image[(4 * row + k / 4) * 4 * SIDE + 4 * column + k % 4];
                data.push((0..16).map(pixel).sum::<f32>() / 16.0);
            }
        }
    }
    Ok(Batch::from_vec(data, Shape::vector(SIDE * SIDE))?)
}

/// Distance to the nearest known image over that to the second.
pub(super) fn ratios(points: &Batch, known: &Batch) -> Result<Vec<f64>, Error> {
    Ok(memorisation(points, known, MEMORISED_RATIO)?.ratios)
}

/// 1 where a ratio is below a third.
pub(super) fn memorised(ratio: f64) -> f64 {
    f64::from(u8::from(ratio < MEMORISED_RATIO))
}

/// Share of memorised samples from which on claims about memorisation are tested at all.
const TESTABLE: f64 = 0.05;

/// Whether enough samples are memorised to say anything about memorisation.
pub(super) fn memorises(setting: &Setting, column: &str) -> Result<bool, Error> {
    let ratios = setting.column(column)?;
    let share = ratios.iter().map(|&r| memorised(r)).sum::<f64>() / ratios.len().max(1) as f64;
    Ok(share >= TESTABLE)
}
