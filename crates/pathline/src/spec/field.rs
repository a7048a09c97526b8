//! Fields as data, and who finds what they name.

use std::sync::Arc;

use crate::batch::{Batch, Shape};
use crate::error::Error;
use crate::field::{
    ClockShifted, Conditions, EmpiricalField, Gaussian, GaussianField, GaussianMixture, Guided,
    LowRankMixture, Rescheduled, Reversed, SourceScaled, SwitchTimes, Switched, VelocityField,
};
use crate::kernels::ProductPrecision;
use crate::schedule::ScheduleSpec;

/// A velocity field, as data.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum FieldSpec {
    /// The exact field of Gaussian data.
    Gaussian {
        /// Mean, one number a coordinate.
        mean: Vec<f64>,
        /// Standard deviation of every coordinate.
        std: f64,
        /// The schedule.
        #[serde(default = "cond_ot")]
        schedule: ScheduleSpec,
    },
    /// The exact field of Gaussians on a circle in the plane.
    Ring {
        /// Number of Gaussians.
        modes: u32,
        /// Radius of the circle.
        radius: f64,
        /// Standard deviation of each.
        std: f64,
        /// The schedule.
        #[serde(default = "cond_ot")]
        schedule: ScheduleSpec,
    },
    /// The closed-form empirical field over a data set: a perfect memoriser.
    Empirical {
        /// The data set, by a name that the [`Resolver`] knows.
        data: String,
        /// The class or classes to draw.
        #[serde(default, skip_serializing_if = "ClassSpec::is_any")]
        class: ClassSpec,
        /// The schedule.
        #[serde(default = "cond_ot")]
        schedule: ScheduleSpec,
    },
    /// The exact field of Gaussians of low rank fitted to a data set, one a class where it has labels: smooth up
    /// to `t = 1` (probabilistic principal components).
    LowRank {
        /// The data set, by a name that the [`Resolver`] knows.
        data: String,
        /// Directions with a variance of their own, in each Gaussian.
        #[serde(default = "directions")]
        directions: usize,
        /// The least standard deviation along any direction.
        #[serde(default = "least_std")]
        least_std: f64,
        /// The class or classes to draw.
        #[serde(default, skip_serializing_if = "ClassSpec::is_any")]
        class: ClassSpec,
        /// The schedule.
        #[serde(default = "cond_ot")]
        schedule: ScheduleSpec,
    },
    /// A trained network.
    Network {
        /// Its checkpoint, by a name that the [`Resolver`] knows.
        checkpoint: String,
        /// The class or classes to draw.
        #[serde(default, skip_serializing_if = "ClassSpec::is_any")]
        class: ClassSpec,
        /// In which numbers its products multiply.
        #[serde(default, skip_serializing_if = "ProductPrecision::is_f32")]
        precision: ProductPrecision,
    },
    /// Classifier-free guidance, `(1 - w) u + w c`.
    Guided {
        /// The conditional field, `c`.
        conditional: Box<FieldSpec>,
        /// The unconditional field, `u`.
        unconditional: Box<FieldSpec>,
        /// The guidance scale, `w`.
        scale: f64,
        /// Times between which it applies, by default all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        interval: Option<[f64; 2]>,
    },
    /// One field before a time, another from it on.
    Switched {
        /// Before.
        before: Box<FieldSpec>,
        /// From the switch on.
        after: Box<FieldSpec>,
        /// Time of the switch; below 0 the whole run follows `after`, above 1 `before`.
        at: f64,
    },
    /// A field of one schedule, followed along another.
    Rescheduled {
        /// The field.
        field: Box<FieldSpec>,
        /// The schedule it belongs to.
        from: ScheduleSpec,
        /// The schedule to follow it along.
        to: ScheduleSpec,
    },
    /// A field whose predicted source is divided by a number (epsilon scaling); straight-line schedule.
    SourceScaled {
        /// The field.
        field: Box<FieldSpec>,
        /// What the source is divided by, such as 1.005.
        lambda: f64,
        /// First time at which it is, above 0.
        #[serde(default = "first_scaled")]
        from: f64,
    },
    /// A field that is told a later time than it is (time-shift sampling).
    ClockShifted {
        /// The field.
        field: Box<FieldSpec>,
        /// How much later.
        delta: f64,
    },
    /// A field run backwards in time.
    Reversed {
        /// The field.
        field: Box<FieldSpec>,
    },
}

fn cond_ot() -> ScheduleSpec {
    ScheduleSpec::CondOt {}
}

fn first_scaled() -> f64 {
    0.1
}

fn directions() -> usize {
    20
}

fn least_std() -> f64 {
    0.05
}

/// Which class each sample has, as data.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ClassSpec {
    /// No class: the marginal field.
    Any {},
    /// All samples have this class.
    One {
        /// The class.
        class: u32,
    },
    /// Sample `i` has class `classes[i % n]`.
    Cycle {
        /// The classes, in turn.
        classes: Vec<u32>,
    },
}

impl Default for ClassSpec {
    fn default() -> Self {
        Self::Any {}
    }
}

impl ClassSpec {
    /// The conditions.
    #[must_use]
    pub fn build(&self) -> Conditions {
        match self {
            Self::Any {} => Conditions::None,
            Self::One { class } => Conditions::Shared(*class),
            Self::Cycle { classes } => Conditions::Cycle(classes.clone().into()),
        }
    }

    /// Fails for a list of no class.
    fn check(&self, place: &str) -> Result<(), Error> {
        match self {
            Self::Cycle { classes } if classes.is_empty() => {
                let problem = "an empty list of classes; name at least one".to_owned();
                Err(Error::Spec { place: place.to_owned(), problem })
            }
            _ => Ok(()),
        }
    }

    fn is_any(&self) -> bool {
        *self == Self::Any {}
    }
}

/// A data set as a field needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    /// The points or images.
    pub points: Batch,
    /// Their classes, where there are any.
    pub labels: Option<Vec<u32>>,
}

/// Finds data sets and checkpoints by name. The library itself opens no file.
pub trait Resolver {
    /// A data set.
    ///
    /// # Errors
    /// Any, when there is no such data set.
    fn data(&self, name: &str) -> Result<Data, Error>;

    /// A trained field of samples of these classes, whose products multiply in these numbers.
    ///
    /// # Errors
    /// Any, when there is no such checkpoint, or it does not know such a class.
    fn network(
        &self,
        checkpoint: &str,
        of: Conditions,
        precision: ProductPrecision,
    ) -> Result<Arc<dyn VelocityField>, Error>;
}

impl FieldSpec {
    /// The same field with all products of networks in `f32`: for what divides differences of velocities by small
    /// steps, and would see the rounding of fewer bits.
    #[must_use]
    pub fn in_f32(&self) -> Self {
        let mut exact = self.clone();
        match &mut exact {
            Self::Network { precision, .. } => *precision = ProductPrecision::F32,
            Self::Guided { conditional: a, unconditional: b, .. }
            | Self::Switched { before: a, after: b, .. } => {
                for part in [a, b] {
                    **part = part.in_f32();
                }
            }
            Self::Rescheduled { field, .. }
            | Self::SourceScaled { field, .. }
            | Self::ClockShifted { field, .. }
            | Self::Reversed { field } => **field = field.in_f32(),
            Self::Gaussian { .. }
            | Self::Ring { .. }
            | Self::Empirical { .. }
            | Self::LowRank { .. } => {}
        }
        exact
    }

    /// The schedule of the path that the field follows from noise to data; `None` where there is none: of a field that
    /// is run backwards, and between fields of two schedules. Networks follow the straight line.
    #[must_use]
    pub fn schedule(&self) -> Option<ScheduleSpec> {
        match self {
            Self::Gaussian { schedule, .. }
            | Self::Ring { schedule, .. }
            | Self::Empirical { schedule, .. }
            | Self::LowRank { schedule, .. }
            | Self::Rescheduled { to: schedule, .. } => Some(schedule.clone()),
            Self::Network { .. } => Some(cond_ot()),
            Self::Guided { conditional: a, unconditional: b, .. }
            | Self::Switched { before: a, after: b, .. } => {
                a.schedule().filter(|schedule| b.schedule().as_ref() == Some(schedule))
            }
            Self::SourceScaled { field, .. } | Self::ClockShifted { field, .. } => field.schedule(),
            Self::Reversed { .. } => None,
        }
    }

    /// The field.
    ///
    /// # Errors
    /// [`Error::Invalid`] for numbers out of range, and whatever the resolver raises.
    ///
    /// # Examples
    /// ```
    /// use pathline::spec::{FieldSpec, NoFiles, from_json};
    /// let ring = r#"{"kind": "ring", "modes": 8, "radius": 4, "std": 0.2}"#;
    /// let field = from_json::<FieldSpec>("field", ring)?.build(&NoFiles)?;
    /// assert_eq!(field.shape().extents(), &[2]);
    /// # Ok::<(), pathline::Error>(())
    /// ```
    pub fn build(&self, files: &dyn Resolver) -> Result<Arc<dyn VelocityField>, Error> {
        Ok(match self {
            Self::Gaussian { mean, std, schedule } => {
                let shape = Shape::vector(mean.len());
                let data = Gaussian::isotropic(mean.clone(), *std)?;
                Arc::new(GaussianField::new(shape, data, schedule.build()?)?)
            }
            Self::Ring { modes, radius, std, schedule } => {
                Arc::new(GaussianMixture::ring(*modes, *radius, *std)?.along(schedule.build()?))
            }
            Self::Empirical { data, class, schedule } => {
                empirical(&files.data(data)?, data, class, schedule)?
            }
            Self::LowRank { data, directions, least_std, class, schedule } => {
                low_rank(&files.data(data)?, data, (*directions, *least_std), class, schedule)?
            }
            Self::Network { checkpoint, class, precision } => {
                class.check(&format!("field of network `{checkpoint}`"))?;
                files.network(checkpoint, class.build(), *precision)?
            }
            Self::Guided { conditional, unconditional, scale, interval } => {
                let guided =
                    Guided::new(conditional.build(files)?, unconditional.build(files)?, *scale)?;
                match interval {
                    None => Arc::new(guided),
                    Some([start, end]) => Arc::new(guided.within(*start, *end)?),
                }
            }
            Self::Switched { before, after, at } => {
                let (before, after) = (before.build(files)?, after.build(files)?);
                Arc::new(Switched::new(before, after, SwitchTimes::Shared(*at))?)
            }
            Self::Rescheduled { field, from, to } => {
                Arc::new(Rescheduled::new(field.build(files)?, from.build()?, to.build()?))
            }
            Self::SourceScaled { field, lambda, from } => {
                Arc::new(SourceScaled::new(field.build(files)?, *lambda, *from)?)
            }
            Self::ClockShifted { field, delta } => {
                Arc::new(ClockShifted::new(field.build(files)?, *delta)?)
            }
            Self::Reversed { field } => Arc::new(Reversed::new(field.build(files)?)),
        })
    }
}

fn empirical(
    data: &Data,
    name: &str,
    class: &ClassSpec,
    schedule: &ScheduleSpec,
) -> Result<Arc<dyn VelocityField>, Error> {
    class.check(&format!("field over data set `{name}`"))?;
    match (class, &data.labels) {
        (ClassSpec::Any {}, None) => {
            Ok(Arc::new(EmpiricalField::new(&data.points, schedule.build()?)?))
        }
        (ClassSpec::Any {}, Some(labels)) => {
            Ok(Arc::new(EmpiricalField::with_classes(&data.points, labels, schedule.build()?)?))
        }
        (_, Some(labels)) => {
            let field = EmpiricalField::with_classes(&data.points, labels, schedule.build()?)?;
            Ok(Arc::new(field.conditioned(class.build())?))
        }
        (_, None) => Err(no_labels(name)),
    }
}

fn no_labels(name: &str) -> Error {
    Error::Spec {
        place: format!("field over data set `{name}`"),
        problem: "a class was asked for, but the data set has no labels".to_owned(),
    }
}

fn low_rank(
    data: &Data,
    name: &str,
    (directions, least_std): (usize, f64),
    class: &ClassSpec,
    schedule: &ScheduleSpec,
) -> Result<Arc<dyn VelocityField>, Error> {
    class.check(&format!("field over data set `{name}`"))?;
    let directions = directions.min(data.points.width());
    let mixture = match &data.labels {
        Some(labels) => LowRankMixture::fit_classes(&data.points, labels, directions, least_std)?,
        None => LowRankMixture::fit(&data.points, directions, least_std)?,
    };
    let field = mixture.along(schedule.build()?);
    match (class, &data.labels) {
        (ClassSpec::Any {}, _) => Ok(Arc::new(field)),
        (_, Some(_)) => Ok(Arc::new(field.conditioned(class.build())?)),
        (_, None) => Err(no_labels(name)),
    }
}

/// A resolver that knows no file: enough for fields given in closed form.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl Resolver for NoFiles {
    fn data(&self, name: &str) -> Result<Data, Error> {
        let problem = format!("data set `{name}` cannot be opened: this resolver knows no files");
        Err(Error::Spec { place: "field".to_owned(), problem })
    }

    fn network(
        &self,
        checkpoint: &str,
        _: Conditions,
        _: ProductPrecision,
    ) -> Result<Arc<dyn VelocityField>, Error> {
        let problem =
            format!("checkpoint `{checkpoint}` cannot be opened: this resolver knows no files");
        Err(Error::Spec { place: "field".to_owned(), problem })
    }
}
