//! A small convolutional classifier of images: the judge of generated ones, and a space of features.
//!
//! Five 3x3 convolutions (strides 1, 2, 1, 2, 1), each with group normalisation and SiLU behind it, then
//! a linear map to the features with SiLU, and one from them to a logit for each class. It is trained by
//! cross-entropy on images that are shifted and mirrored at random.
//!
//! # References
//! Wu and He (2018), "Group normalization", arXiv:1803.08494.
//!
//! # Not to be confused with
//! Inception, whose features give the Frechet inception distance: distances in these features are
//! comparable with each other only.

mod structure;
mod training;

use std::sync::Arc;

use pathline::field::Conditions;
use pathline::{At, Batch, Error, RowsMut, Samples, Seed, Shape, Times};

use crate::checkpoint::Precision;
use crate::graph::Graph;
use crate::parameters::{Parameters, Tensors};
use crate::scratch::Scratch;
use crate::tensors;
pub use training::{ClassifierProgress, ClassifierTraining, train_classifier};

/// What a [`Classifier`] is apart from its parameters.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifierConfig {
    /// The shape of an image, `[channels, height, width]`.
    pub shape: Shape,
    /// Channels at full, half and quarter size, each a multiple of 8.
    pub channels: [usize; 3],
    /// Number of features.
    pub features: usize,
    /// Number of classes.
    pub classes: usize,
}

impl ClassifierConfig {
    /// 16, 32 and 64 channels and 64 features.
    #[must_use]
    pub fn new(shape: Shape, classes: usize) -> Self {
        Self { shape, channels: [16, 32, 64], features: 64, classes }
    }
}

/// A classifier; see the [module](self).
///
/// # Examples
/// ```
/// use pathline::{Batch, Seed, Shape};
/// use pathline_nn::{Classifier, ClassifierConfig};
/// let shape = Shape::new([1, 8, 8])?;
/// let classifier = Classifier::new(&ClassifierConfig::new(shape.clone(), 3), Seed(1))?;
/// let judged = classifier.classify(&Batch::zeros(5, shape))?;
/// assert_eq!((judged.features.len(), judged.logits.width()), (5, 3));
/// assert_eq!(judged.classes().len(), 5);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Classifier {
    config: ClassifierConfig,
    parameters: Parameters,
    graph: Arc<Graph>,
}

/// What a classifier says of images.
#[derive(Debug, Clone, PartialEq)]
pub struct Classified {
    /// The features of each image.
    pub features: Batch,
    /// The logit of each class for each image.
    pub logits: Batch,
}

impl Classified {
    /// The likeliest class of each image, the first of equals.
    #[must_use]
    pub fn classes(&self) -> Vec<u32> {
        let best = |row: &[f32]| {
            let better = |best: usize, i: usize| if row[i] > row[best] { i } else { best };
            (1..row.len()).fold(0, better) as u32
        };
        self.logits.rows().iter().map(best).collect()
    }

    /// The *margin* of each image: the logit of the class that was asked for less the largest other; above 0 where
    /// that class is the likeliest, below where another is.
    ///
    /// # Errors
    /// [`Error::Count`] when there are not as many classes as images, [`Error::Invalid`] for one that the classifier
    /// does not know, or when it knows one class only.
    ///
    /// # Examples
    /// ```
    /// use pathline::{Batch, Shape};
    /// use pathline_nn::Classified;
    /// let logits = Batch::from_vec(vec![1.0, 4.0, 2.0], Shape::vector(3))?;
    /// let judged = Classified { features: logits.clone(), logits };
    /// assert_eq!(judged.margins(&[1])?, [2.0]);
    /// assert_eq!(judged.margins(&[0])?, [-3.0]);
    /// let confidence = judged.confidences(&[1])?[0];
    /// assert!((confidence - 1.0 / (1.0 + (-2.0_f64).exp() + (-3.0_f64).exp())).abs() < 1e-12);
    /// # Ok::<(), pathline::Error>(())
    /// ```
    pub fn margins(&self, asked: &[u32]) -> Result<Vec<f64>, Error> {
        if self.logits.width() < 2 {
            return Err(Error::invalid("classes of the classifier", 1, "a margin is between two"));
        }
        self.of_class(asked, |row, class| {
            let others = row.iter().enumerate().filter(|&(i, _)| i != class);
            f64::from(row[class] - others.map(|(_, &l)| l).fold(f32::NEG_INFINITY, f32::max))
        })
    }

    /// The *confidence* in each image: the probability of the class that was asked for, from 0 to 1. It saturates:
    /// among sure images the [margins](Self::margins) still tell more from less.
    ///
    /// # Errors
    /// [`Error::Count`] when there are not as many classes as images, [`Error::Invalid`] for one that the classifier
    /// does not know.
    pub fn confidences(&self, asked: &[u32]) -> Result<Vec<f64>, Error> {
        self.of_class(asked, |row, class| {
            let own = f64::from(row[class]);
            1.0 / row.iter().map(|&l| libm::exp(f64::from(l) - own)).sum::<f64>()
        })
    }

    fn of_class(
        &self,
        asked: &[u32],
        number: impl Fn(&[f32], usize) -> f64,
    ) -> Result<Vec<f64>, Error> {
        Error::check_count("classes asked for", self.logits.len(), asked.len())?;
        let classes = self.logits.width();
        if let Some(unknown) = asked.iter().find(|&&class| class as usize >= classes) {
            let remedy = format!("the classifier knows classes below {classes}");
            return Err(Error::invalid("class asked for", unknown, remedy));
        }
        let rows = self.logits.rows().iter().zip(asked);
        Ok(rows.map(|(row, &class)| number(row, class as usize)).collect())
    }
}

impl Classifier {
    /// A classifier with fresh parameters: weights normal of variance `2 / inputs`, biases zero.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a config that no classifier can have.
    pub fn new(config: &ClassifierConfig, seed: Seed) -> Result<Self, Error> {
        Self::from_config(config, &structure::fresh(config, seed)?)
    }

    /// The classifier of a config, with these parameters.
    ///
    /// # Errors
    /// [`Error::Spec`] naming the tensor that is missing, of another shape, not finite, or too many;
    /// [`Error::Invalid`] for an impossible config.
    pub fn from_config(config: &ClassifierConfig, tensors: &Tensors) -> Result<Self, Error> {
        tensors::check_all(&structure::shapes(config)?, tensors)?;
        let parameters = Parameters::from_tensors(tensors)?;
        let graph = Arc::new(structure::graph(config, &parameters)?);
        Ok(Self { config: config.clone(), parameters, graph })
    }

    /// What it is apart from its parameters.
    #[must_use]
    pub fn config(&self) -> &ClassifierConfig {
        &self.config
    }

    /// Its parameters.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Features and logits of every image.
    ///
    /// # Errors
    /// [`Error::Shape`] for images of another shape.
    pub fn classify(&self, images: &Batch) -> Result<Classified, Error> {
        Error::check_shape("images to classify", &self.config.shape, images.shape())?;
        let (features, classes) = (self.config.features, self.config.classes);
        let width = features + classes;
        let mut out = vec![0.0; images.len() * width];
        let at = At::new(Samples::first(images.len()), Times::Shared(0.0), images.rows())?;
        let rows = RowsMut::new(&mut out, width);
        let parameters = self.parameters.as_slice();
        self.graph.forward(parameters, (&at, &Conditions::None), rows, &mut Scratch::new());
        let (mut f, mut l) = (Vec::new(), Vec::new());
        for row in out.chunks_exact(width) {
            f.extend_from_slice(&row[..features]);
            l.extend_from_slice(&row[features..]);
        }
        let features = Batch::from_vec(f, Shape::vector(features))?;
        Ok(Classified { features, logits: Batch::from_vec(l, Shape::vector(classes))? })
    }

    /// The classifier as the bytes of a safetensors file.
    ///
    /// # Errors
    /// [`Error::Spec`] when the file cannot be built.
    pub fn to_bytes(&self, precision: Precision) -> Result<Vec<u8>, Error> {
        let config = serde_json::to_value(&self.config).map_err(tensors::file_error)?;
        match precision {
            Precision::Single => self.parameters.to_safetensors(&config),
            Precision::Half => tensors::encode_half(&self.parameters.to_tensors(), &config),
        }
    }

    /// The classifier that [`Classifier::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Error::Spec`] naming the tensor or the part of the file that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (tensors, config) = tensors::decode(bytes)?;
        let config = serde_json::from_value(config)
            .map_err(|e| tensors::file_error(format!("not a classifier: {e}")))?;
        Self::from_config(&config, &tensors)
    }
}
