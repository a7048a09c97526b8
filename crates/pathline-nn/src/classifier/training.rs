//! Training a classifier by cross-entropy on shifted and mirrored images.
//!
//! `L = -1/n sum_i log softmax(l_i)_{y_i}`. Row `i` of step `k` depends on the seed, `k` and `i` alone.
//! The result has the averaged weights.

use std::ops::{ControlFlow, Range};

use pathline::field::Conditions;
use pathline::{At, Batch, Error, Purpose, Samples, Seed, Times};

use super::Classifier;
use crate::optimiser::{AdamW, Memory, Slot};
use crate::rate::{Decay, LearningRate};
use crate::scratch::Scratch;

/// The settings of a classifier's training.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClassifierTraining {
    /// Updates; 2000.
    pub steps: u64,
    /// Images of an update, at least 1; 128.
    pub batch: usize,
    /// Names every draw; 0.
    pub seed: Seed,
    /// Most pixels that an image is shifted by in each direction; 2. What comes in is -1, black.
    pub shift: usize,
    /// Whether half of the images are mirrored left to right; yes.
    pub mirror: bool,
    /// How gradients become steps; the first average is the result.
    pub optimiser: AdamW,
}

impl Default for ClassifierTraining {
    fn default() -> Self {
        let learning_rate =
            LearningRate { peak: 2e-3, warm_up: 100, decay: Decay::Cosine { floor: 0.0 } };
        let optimiser = AdamW {
            learning_rate,
            weight_decay: 1e-2,
            clip: Some(1.0),
            ema: vec![0.995],
            ..AdamW::default()
        };
        Self { steps: 2000, batch: 128, seed: Seed(0), shift: 2, mirror: true, optimiser }
    }
}

/// What one update did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassifierProgress {
    /// Updates done.
    pub step: u64,
    /// Cross-entropy of the batch before the update, in nats.
    pub loss: f64,
}

/// Trains a classifier on images and their classes; `progress` may break, and training ends there.
///
/// # Errors
/// [`Error::Shape`] and [`Error::Count`] when images, labels and classifier disagree; [`Error::Invalid`]
/// for a label that is no class, for settings out of range, and when the loss stops being finite.
pub fn train_classifier(
    classifier: &Classifier,
    (images, labels): (&Batch, &[u32]),
    training: &ClassifierTraining,
    progress: &mut dyn FnMut(ClassifierProgress) -> ControlFlow<()>,
) -> Result<Classifier, Error> {
    check(classifier, (images, labels), training)?;
    let mut trained = classifier.clone();
    let averages = training.optimiser.ema.len();
    let mut memory = Memory::new(trained.parameters.as_slice(), averages);
    let mut gradient = vec![0.0; trained.parameters.len()];
    let mut x = Batch::zeros(training.batch, images.shape().clone());
    let mut classes = vec![0_u32; training.batch];
    let mut scratch = Scratch::new();
    for step in 1..=training.steps {
        draw((images, labels), training, step, (&mut x, &mut classes));
        let loss = gradient_of(&trained, &x, &classes, (&mut gradient, &mut scratch))?;
        if !loss.is_finite() {
            let remedy = format!("stopped before update {step}: lower the learning rate");
            return Err(Error::invalid("classifier's loss", loss, remedy));
        }
        let parameters = trained.parameters.as_mut_slice();
        training.optimiser.update((step, training.steps), &gradient, parameters, &mut memory)?;
        if progress(ClassifierProgress { step, loss }).is_break() {
            break;
        }
    }
    if let Some(average) = memory.get(Slot::Average(0)) {
        trained.parameters.as_mut_slice().copy_from_slice(&average);
    }
    Ok(trained)
}

fn check(
    classifier: &Classifier,
    (images, labels): (&Batch, &[u32]),
    training: &ClassifierTraining,
) -> Result<(), Error> {
    let config = &classifier.config;
    Error::check_shape("images to learn from", &config.shape, images.shape())?;
    Error::check_count("labels of images", images.len(), labels.len())?;
    if images.is_empty() || training.batch == 0 {
        return Err(Error::invalid("classifier's batch", "empty", "give at least one image"));
    }
    if let Some(label) = labels.iter().find(|&&label| label as usize >= config.classes) {
        let remedy = format!("the classifier has {} classes, from 0", config.classes);
        return Err(Error::invalid("label of an image", label, remedy));
    }
    training.optimiser.check()
}

/// Fills one batch.
fn draw(
    (images, labels): (&Batch, &[u32]),
    training: &ClassifierTraining,
    step: u64,
    (x, classes): (&mut Batch, &mut [u32]),
) {
    let extents = images.shape().extents();
    let (height, width) = (extents[1], extents[2]);
    let each = images.width();
    let span = 2 * training.shift + 1;
    for (i, (row, class)) in x.as_mut_slice().chunks_exact_mut(each).zip(classes).enumerate() {
        let mut stream = training.seed.stream(Purpose::Target, i as u64, step);
        let picked = stream.below(images.len());
        let [down, across] = [stream.below(span), stream.below(span)];
        let mirrored = stream.below(2) == 1 && training.mirror;
        *class = labels[picked];
        let from = images.row(picked);
        for (at, value) in row.iter_mut().enumerate() {
            let (plane, y, x) = (at / (height * width), at / width % height, at % width);
            let x = if mirrored { width - 1 - x } else { x };
            let (y, x) = (y + down, x + across);
            let inside = (training.shift..training.shift + height).contains(&y)
                && (training.shift..training.shift + width).contains(&x);
            *value = if inside {
                from[(plane * height + y - training.shift) * width + x - training.shift]
            } else {
                -1.0
            };
        }
    }
}

/// The cross-entropy of a batch, and its gradient.
fn gradient_of(
    classifier: &Classifier,
    x: &Batch,
    classes: &[u32],
    (gradient, scratch): (&mut [f32], &mut Scratch),
) -> Result<f64, Error> {
    let (features, n) = (classifier.config.features, x.len());
    let width = features + classifier.config.classes;
    let residual = |range: Range<usize>, output: &[f32], delta: &mut [f32]| {
        let rows = output.chunks_exact(width).zip(delta.chunks_exact_mut(width));
        let mut sum = 0.0;
        for (i, (output, delta)) in range.zip(rows) {
            let (none, delta) = delta.split_at_mut(features);
            none.fill(0.0);
            sum += cross_entropy(&output[features..], classes[i] as usize, n, delta);
        }
        sum
    };
    let at = At::new(Samples::first(n), Times::Shared(0.0), x.rows())?;
    let rows = (&at, &Conditions::None);
    let parameters = classifier.parameters.as_slice();
    let sum = classifier.graph.gradient(parameters, rows, &residual, gradient, scratch);
    Ok(sum / n as f64)
}

/// `-log softmax(l)_y`, and `(softmax(l) - e_y) / n` into `delta`.
fn cross_entropy(logits: &[f32], class: usize, n: usize, delta: &mut [f32]) -> f64 {
    let most = logits.iter().fold(f64::NEG_INFINITY, |m, &l| m.max(f64::from(l)));
    let total: f64 = logits.iter().map(|&l| libm::exp(f64::from(l) - most)).sum();
    for (j, (delta, &l)) in delta.iter_mut().zip(logits).enumerate() {
        let wanted = f64::from(u8::from(j == class));
        *delta = ((libm::exp(f64::from(l) - most) / total - wanted) / n as f64) as f32;
    }
    most + libm::log(total) - f64::from(logits[class])
}

#[cfg(test)]
mod tests {
    use super::super::ClassifierConfig;
    use super::*;
    use pathline::Shape;

    fn noise(n: usize, tag: u64) -> Vec<f32> {
        let mut values = vec![0.0; n];
        Seed(tag).normal(Purpose::Data, 0, 0, &mut values);
        values
    }

    #[test]
    fn the_gradient_is_that_of_the_cross_entropy() {
        let shape = Shape::new([2, 6, 5]).unwrap();
        let config = ClassifierConfig {
            channels: [8, 16, 16],
            features: 12,
            ..ClassifierConfig::new(shape.clone(), 3)
        };
        let mut classifier = Classifier::new(&config, Seed(1)).unwrap();
        let x = Batch::from_vec(noise(5 * 60, 2), shape).unwrap();
        let classes = [0, 2, 1, 1, 0];
        let mut gradient = vec![0.0; classifier.parameters.len()];
        let mut scratch = Scratch::new();
        let mut evaluate = |classifier: &Classifier, into: &mut [f32]| {
            gradient_of(classifier, &x, &classes, (into, &mut scratch)).unwrap()
        };
        evaluate(&classifier, &mut gradient);
        let start = classifier.parameters.as_slice().to_vec();
        let mut unused = gradient.clone();
        for tag in 3..8 {
            let direction = noise(start.len(), tag);
            let mut at = |step: f32| {
                for ((p, s), d) in
                    classifier.parameters.as_mut_slice().iter_mut().zip(&start).zip(&direction)
                {
                    *p = s + step * d;
                }
                evaluate(&classifier, &mut unused)
            };
            let h = 2e-3;
            let slope =
                (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * f64::from(h));
            let along = pathline::kernels::dot(&gradient, &direction);
            let size = pathline::kernels::squared_norm(&gradient).sqrt();
            assert!((slope - along).abs() < 5e-3 * size, "{slope} {along} of {size}");
        }
    }

    #[test]
    fn what_tells_classes_apart_is_learnt() {
        // Class 0 is bright on the left, class 1 at the top; both under noise.
        let shape = Shape::new([1, 8, 8]).unwrap();
        let mut values = noise(200 * 64, 9);
        let labels: Vec<u32> = (0..200).map(|i| i % 2).collect();
        for (image, &label) in values.chunks_exact_mut(64).zip(&labels) {
            for (at, v) in image.iter_mut().enumerate() {
                let bright = if label == 0 { at % 8 < 4 } else { at < 32 };
                *v = 0.3 * *v + if bright { 0.5 } else { -0.5 };
            }
        }
        let images = Batch::from_vec(values, shape.clone()).unwrap();
        let config = ClassifierConfig { channels: [8, 8, 8], ..ClassifierConfig::new(shape, 2) };
        let classifier = Classifier::new(&config, Seed(4)).unwrap();
        let training =
            ClassifierTraining { steps: 60, batch: 32, mirror: false, ..Default::default() };
        let mut losses = Vec::new();
        let train = |losses: &mut Vec<f64>| {
            train_classifier(&classifier, (&images, &labels), &training, &mut |p| {
                losses.push(p.loss);
                ControlFlow::Continue(())
            })
            .unwrap()
        };
        let trained = train(&mut losses);
        assert_eq!(trained.parameters(), train(&mut Vec::new()).parameters());
        assert_eq!(losses.len(), 60);
        assert!(losses[59] < 0.3 * losses[0], "{losses:?}");
        let found = trained.classify(&images).unwrap().classes();
        let right = found.iter().zip(&labels).filter(|(a, b)| a == b).count();
        assert!(right > 190, "{right} of 200");
        let back = Classifier::from_bytes(&trained.to_bytes(Precision::Single).unwrap()).unwrap();
        assert_eq!(back.parameters(), trained.parameters());
    }

    use crate::checkpoint::Precision;
}
