//! Sets of samples against real ones: what they are compared on (features of a network that knows such images, or
//! the states themselves), and by.

use std::path::Path;
use std::sync::Arc;

use pathline::quality::{
    Moments, Replicates, agreement, density_coverage_replicates, frechet_replicates,
    kid_replicates, precision_recall_replicates,
};
use pathline::{Batch, Shape};
use pathline_data::{DataSet, file, safetensors, torch};
use pathline_features::{FeatureNet, Resizing, StLpips};
use pathline_nn::{Classified, Classifier};

use crate::checkpoint::plain;
use crate::density_estimate::DensityEstimate;
use crate::embedded::embedded_judge;
use crate::error::Error;

/// Blocks of every jackknife over samples. Sample `i` is in block `i mod 19` and often of class `i mod 10`: with a number
/// of blocks that shares a divisor with the classes, blocks would differ by class rather than by chance.
pub(crate) const BLOCKS: usize = 19;
/// Fewest samples of a set, two a block and some.
pub(crate) const FEWEST: usize = 40;
/// Neighbours whose distance is a ball's radius, as published for precision and recall.
const NEIGHBOURS: usize = 3;
/// The same for density and coverage.
pub(crate) const COVERED: usize = 5;
/// Most points of data in a set, unless more are asked for: they would cost more than they add.
const MOST_REAL: usize = 5000;
/// Most numbers of a state that is its own feature.
const LOW: usize = 64;
/// Largest file of weights that is read, in bytes.
const LARGEST: u64 = 1 << 30;

/// What samples are measured beside.
#[derive(Debug, Clone)]
pub struct Beside {
    /// Data that the samples could be of.
    pub data: DataSet,
    /// More of the kind, which the model has not seen: for what is measured on real points, and not searched.
    pub held_out: Option<DataSet>,
    /// How the density of the data is estimated.
    pub density: DensityEstimate,
    /// What sets are compared on; `None` for what suits the shape of their states: the features of the embedded
    /// judge for images of 28 x 28, the states themselves up to 64 numbers, else nothing.
    pub features: Option<SetFeatures>,
    /// Most points of the data that sets are compared with, at even distances.
    pub real: usize,
}

impl Beside {
    /// Data, in features that suit its shape, and at most 5000 of its points in sets.
    #[must_use]
    pub fn new(data: DataSet) -> Self {
        Self {
            data,
            held_out: None,
            density: DensityEstimate::default(),
            features: None,
            real: MOST_REAL,
        }
    }

    /// What sets of states of this shape are compared on, if there is something.
    pub(crate) fn features(&self, shape: &Shape) -> Result<Option<SetFeatures>, Error> {
        if self.features.is_some() {
            return Ok(self.features.clone());
        }
        Ok(match shape.extents() {
            [1, 28, 28] => {
                let judge = Eyes::Classifier(Arc::new(embedded_judge()?));
                Some(SetFeatures { name: "the embedded judge".to_owned(), eyes: judge })
            }
            _ if shape.elements() <= LOW => {
                Some(SetFeatures { name: String::new(), eyes: Eyes::States })
            }
            _ => None,
        })
    }

    /// Samples and data as they are compared; `None` for too few of them, or states that have no features here.
    /// `points` are the data in the shape of the samples.
    pub(crate) fn see(&self, end: &Batch, points: &Batch) -> Result<Option<Seen>, Error> {
        if end.len().min(points.len()) < FEWEST {
            return Ok(None);
        }
        let Some(features) = self.features(end.shape())? else { return Ok(None) };
        let real = self.thinned(points)?;
        let (on, plain) = (features.name(), matches!(features.eyes, Eyes::States));
        if let Eyes::Classifier(classifier) = &features.eyes {
            let (samples, real) = (classifier.classify(end)?, classifier.classify(&real)?);
            let generated = samples.features.clone();
            let real_agreement = self.agreement(&real.classes())?;
            let judged = Some(Judged { judge: features.name, samples, real_agreement });
            return Ok(Some(Seen { on, plain, generated, real: real.features, judged }));
        }
        let (generated, real) = (features.see(end)?, features.see(&real)?);
        Ok(Some(Seen { on, plain, generated, real, judged: None }))
    }

    /// The classifier that samples of this shape are compared by and what it is called, if it knows the classes of the
    /// data; `points` are the data in that shape.
    pub(crate) fn judge(&self, points: &Batch) -> Result<Option<(String, Arc<Classifier>)>, Error> {
        let Some(SetFeatures { name, eyes: Eyes::Classifier(judge) }) =
            self.features(points.shape())?
        else {
            return Ok(None);
        };
        let real = judge.classify(&self.thinned(points)?)?;
        let agreement = self.agreement(&real.classes())?;
        Ok(knows(&real, agreement).map(|_| (name, judge)))
    }

    /// The share of the [thinned](Beside::thinned) points that have these classes by their labels, if they have any.
    fn agreement(&self, found: &[u32]) -> Result<Option<f64>, Error> {
        let Some(labels) = &self.data.labels else { return Ok(None) };
        let labels: Vec<u32> = self.rows(labels.len()).into_iter().map(|i| labels[i]).collect();
        Ok(Some(agreement(found, &labels, 0.95)?.value))
    }

    /// Which points sets are compared with.
    fn rows(&self, points: usize) -> Vec<usize> {
        evenly(points, self.real)
    }

    /// The points that sets are compared with, out of all in the shape of the samples: at even distances, so
    /// that of data in order of its classes there are as many of each.
    pub(crate) fn thinned(&self, points: &Batch) -> Result<Batch, Error> {
        Ok(points.select(&self.rows(points.len()))?)
    }
}

/// Rows at even distances out of `rows`, at most so many: of data in order of its classes, as many of each.
pub(crate) fn evenly(rows: usize, most: usize) -> Vec<usize> {
    let kept = rows.min(most);
    (0..kept).map(|i| i * rows / kept).collect()
}

/// A set of samples and real points as they are compared.
pub(crate) struct Seen {
    /// What they are compared on.
    pub(crate) on: String,
    /// Whether that is the states as they are.
    pub(crate) plain: bool,
    /// The samples.
    pub(crate) generated: Batch,
    /// The real points.
    pub(crate) real: Batch,
    /// What those features' classifier says of classes, where they are one's.
    pub(crate) judged: Option<Judged>,
}

/// What a classifier says of the samples, and how well it knows the data.
pub(crate) struct Judged {
    /// What the classifier is called.
    pub(crate) judge: String,
    /// Its judgement of the samples.
    pub(crate) samples: Classified,
    /// Share of the labelled real points that it calls by their labels.
    pub(crate) real_agreement: Option<f64>,
}

/// The share of real points that a classifier calls by their labels, if that is more than half way from chance to all:
/// other data have other classes.
pub(crate) fn knows(judged: &Classified, real_agreement: Option<f64>) -> Option<f64> {
    let known = judged.logits.width();
    real_agreement.filter(|&share| known >= 2 && share >= (1.0 + 1.0 / known as f64) / 2.0)
}

/// What sets of samples are compared on: features of a network that knows such images, or the states themselves.
#[derive(Debug, Clone)]
pub struct SetFeatures {
    /// Whose they are.
    name: String,
    eyes: Eyes,
}

#[derive(Debug, Clone)]
enum Eyes {
    Classifier(Arc<Classifier>),
    Net(Arc<FeatureNet>),
    States,
}

impl SetFeatures {
    /// Those of the network in a file: EfficientNet-Lite0, the Inception-v3 of FID (which is used with several
    /// ways of resizing), or a classifier that Pathline trained.
    ///
    /// # Errors
    /// [`Error::Data`] when it cannot be read, [`Error::Usage`] naming the file when it holds none of them, or a
    /// classifier to resize for; [`Error::Library`] for a network that resizes in one way only.
    pub fn read(path: &Path, resizing: Option<Resizing>) -> Result<Self, Error> {
        let name = path.display().to_string();
        let bytes = file::read_capped(path, LARGEST)?;
        if let Ok(classifier) = Classifier::from_bytes(&bytes) {
            if resizing.is_some() {
                let problem = "a classifier: it takes images of one size, and resizes none";
                return Err(Error::usage(name, problem, "leave the resizing out"));
            }
            return Ok(Self { name, eyes: Eyes::Classifier(Arc::new(classifier)) });
        }
        let net = FeatureNet::from_tensors(&tensors(&bytes, path)?);
        let remedy = "give the weights of EfficientNet-Lite0, of the Inception-v3 of FID, or of a classifier";
        let mut net = net.map_err(|e| Error::usage(&name, e.to_string(), remedy))?;
        if let Some(resizing) = resizing {
            net = net.with_resizing(resizing)?;
        }
        let name = match net.resizing() {
            Some(resizing) => format!("{}, {resizing}", net.name()),
            None => net.name().to_owned(),
        };
        Ok(Self { name, eyes: Eyes::Net(Arc::new(net)) })
    }

    /// What they are called.
    pub(crate) fn name(&self) -> String {
        match self.eyes {
            Eyes::States => "the states".to_owned(),
            Eyes::Classifier(_) | Eyes::Net(_) => format!("the features of {}", self.name),
        }
    }

    /// The features of every state.
    pub(crate) fn see(&self, states: &Batch) -> Result<Batch, Error> {
        Ok(match &self.eyes {
            Eyes::Classifier(judge) => judge.classify(states)?.features,
            Eyes::Net(net) => net.features(states)?,
            Eyes::States => states.clone().reshaped(Shape::vector(states.width()))?,
        })
    }
}

/// The perceptual distance whose weights a file holds.
///
/// # Errors
/// [`Error::Data`] when it cannot be read, [`Error::Usage`] naming the file when it holds no such weights.
pub fn read_perceptual(path: &Path) -> Result<StLpips, Error> {
    let bytes = file::read_capped(path, LARGEST)?;
    let metric = StLpips::from_tensors(&tensors(&bytes, path)?);
    let remedy = "give the weights of ST-LPIPS, such as alex_shift_tolerant.pth of stlpips-pytorch";
    metric.map_err(|e| Error::usage(path.display().to_string(), e.to_string(), remedy))
}

/// The tensors of a safetensors file or a state dictionary of PyTorch.
fn tensors(bytes: &[u8], path: &Path) -> Result<pathline_features::Tensors, Error> {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let tensors = match ending.to_lowercase().as_str() {
        "safetensors" => safetensors::decode(bytes, path)?.tensors,
        _ => torch::decode(bytes, path)?.tensors,
    };
    Ok(plain(tensors))
}

/// Kernel distance, Frechet distance, precision, recall, density and coverage of generated features against real
/// ones, whose moments are `moments`, each without one block of samples after the other.
pub(crate) fn measures(
    generated: &Batch,
    real: &Batch,
    moments: &Moments,
) -> Result<[Replicates; 6], Error> {
    let kid = kid_replicates(generated, real, BLOCKS)?;
    let frechet = frechet_replicates(generated, moments, BLOCKS)?;
    let [precision, recall] = precision_recall_replicates(generated, real, NEIGHBOURS, BLOCKS)?;
    let [density, coverage] = density_coverage_replicates(generated, real, COVERED, BLOCKS)?;
    Ok([kid, frechet, precision, recall, density, coverage])
}
