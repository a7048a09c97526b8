//! What memorises in part: a perceptron on few, small images, trained for long (real pictures at a quarter of their
//! resolution, so that it takes minutes and not days); and without any training the exact field of more images at
//! their full resolution, each with noise.

use std::sync::Arc;

use pathline::field::EmpiricalField;
use pathline::neighbours::{Exclude, MEMORISED_RATIO, memorisation, nearest};
use pathline::schedule::{Coefficients, Schedule};
use pathline::{Batch, Seed, Shape, VelocityField};

use super::evidence::Setting;
use super::features::{point_training, trained_perceptron};
use crate::error::Error;

/// Images that it knows.
pub(super) const KNOWN: usize = 128;

/// Side of an image after every 4 x 4 pixels became their mean.
const SIDE: usize = 7;

/// Images of the exact field.
pub(super) const BLURRED: usize = 1024;

/// The share of samples that noise should leave memorised: between a third and two fifths are copied by the models
/// that the studies look at.
const WANTED: f64 = 0.35;

/// A field, the images it copies in part, and images it does not know.
pub(super) struct Memorising {
    pub(super) field: Arc<dyn VelocityField>,
    pub(super) known: Batch,
    pub(super) held_out: Batch,
}

/// Trains it.
pub(super) fn memorising(
    updates: u64,
    seed: Seed,
    progress: &mut dyn FnMut(f64),
) -> Result<Memorising, Error> {
    let [known, held_out] = small_images(KNOWN)?;
    let training = point_training(updates, seed);
    let field = Arc::new(trained_perceptron(&known, &[512; 3], training, progress)?);
    Ok(Memorising { field, known, held_out })
}

/// The exact field of images with noise, and how it was made.
///
/// The noise is chosen before anything is sampled: a sample `y + s e` of `d` numbers is nearer to its image `y` than
/// to the next image, at a distance `D`, by a factor of three when about `D^2 > 8 d s^2`. So `s` is such that a share
/// of [`WANTED`] of the images have their neighbour at more than `sqrt(8 d) s`.
pub(super) fn blurred(images: usize) -> Result<(Memorising, String), Error> {
    let all = pathline_data::fashion_mnist::train()?.batch;
    let known = all.select(&(0..images.min(BLURRED)).collect::<Vec<_>>())?;
    let mut apart = nearest(&known, &known, 1, Exclude::SameIndex)?.distances;
    apart.sort_by(|a, b| b.total_cmp(a));
    let at = (WANTED * apart.len() as f64) as usize;
    let sigma = apart[at] / (8.0 * known.width() as f64).sqrt();
    let field = Arc::new(EmpiricalField::new(&known, Arc::new(WithNoise { sigma }))?);
    let about = format!(
        "the exact field of {} training images, each with noise of {sigma:.4} a coordinate (alpha = t, sigma = 1 - (1 - \
         {sigma:.4}) t)",
        known.len()
    );
    let held_out = pathline_data::fashion_mnist::held_out()?.batch;
    Ok((Memorising { field, known, held_out }, about))
}

/// The straight line to data with noise: `sigma_t = 1 - (1 - sigma) t` ends at `sigma` (Lipman et al. 2023, with
/// their `sigma_min`).
#[derive(Debug)]
struct WithNoise {
    sigma: f64,
}

impl Schedule for WithNoise {
    fn at(&self, t: f64) -> Coefficients {
        let (t, d_sigma) = (t.clamp(0.0, 1.0), self.sigma - 1.0);
        Coefficients { alpha: t, sigma: 1.0 + d_sigma * t, d_alpha: 1.0, d_sigma }
    }

    fn time_from_signal_to_noise(&self, ratio: f64) -> Result<f64, pathline::Error> {
        let t = ratio / (1.0 + ratio * (1.0 - self.sigma));
        if (0.0..=1.0).contains(&t) {
            return Ok(t);
        }
        let remedy = "give a ratio from 0 to that of the last time, 1 / sigma";
        Err(pathline::Error::invalid("signal-to-noise ratio", ratio, remedy))
    }

    fn name(&self) -> &'static str {
        "straight line to data with noise"
    }
}

/// How it is made.
pub(super) fn about(updates: u64) -> String {
    format!(
        "perceptron 3 x 512, {updates} updates of 256 on {KNOWN} training images of Fashion-MNIST, every 4 x 4 \
         pixels averaged (49 numbers an image)"
    )
}

/// So many training images and all held-out ones, at a quarter of their resolution.
pub(super) fn small_images(known: usize) -> Result<[Batch; 2], Error> {
    let (train, held_out) =
        (pathline_data::fashion_mnist::train()?, pathline_data::fashion_mnist::held_out()?);
    Ok([smaller(&train.batch, known)?, smaller(&held_out.batch, usize::MAX)?])
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
