//! A network as a velocity field.

use std::sync::Arc;

use pathline::field::{Conditions, FieldRecord, check, check_pullback};
use pathline::{At, Error, Rows, RowsMut, Shape, Times, VelocityField};

use crate::network::Network;
use crate::output::Output;
use crate::scratch::Scratch;
use pathline::kernels::{Idle, ProductPrecision};

/// `u_t(x) = u_theta(t, x)` for a network and the classes it is conditioned on, or the velocity that
/// follows from what the network predicts instead ([`NetworkField::predicting`]).
///
/// Each row has the same bytes whatever other rows are in the call and for any number of threads.
/// Buffers are kept from call to call; calls from several threads at once each take their own.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use pathline::{At, Batch, Samples, Seed, Shape, Times, VelocityField};
/// use pathline_nn::{Activation, Mlp, MlpConfig, NetworkField};
///
/// let (shape, hidden) = (Shape::vector(2), vec![16]);
/// let config = MlpConfig { shape: shape.clone(), hidden, activation: Activation::Silu };
/// let field = NetworkField::new(Arc::new(Mlp::new(&config, Seed(1))?));
/// let x = Batch::from_vec(vec![0.5, -1.0], shape.clone())?;
/// let mut v = Batch::zeros(1, shape);
/// field.velocity(&At::new(Samples::first(1), Times::Shared(0.3), x.rows())?, v.rows_mut())?;
/// assert!(v.as_slice().iter().all(|v| v.is_finite()));
/// # Ok::<(), pathline::Error>(())
/// ```
pub struct NetworkField {
    network: Arc<dyn Network>,
    conditions: Conditions,
    output: Output,
    precision: ProductPrecision,
    idle: Idle<Room>,
}

/// Memory of an evaluation, kept from call to call.
struct Room {
    scratch: Scratch,
    /// The times at which the network is asked.
    held: Vec<f64>,
    /// What it says there, where that is no velocity.
    predicted: Vec<f32>,
}

impl std::fmt::Debug for NetworkField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetworkField")
            .field("network", &self.network.config())
            .field("conditions", &self.conditions)
            .finish_non_exhaustive()
    }
}

impl NetworkField {
    /// The field of a network, without condition.
    #[must_use]
    pub fn new(network: Arc<dyn Network>) -> Self {
        Self::conditioned(network, Conditions::None)
    }

    /// The field of a network that is told the class of each sample.
    #[must_use]
    pub fn conditioned(network: Arc<dyn Network>, conditions: Conditions) -> Self {
        let (output, precision) = <_>::default();
        Self { network, conditions, output, precision, idle: Idle::new() }
    }

    /// The field of a network that predicts something else than the velocity.
    #[must_use]
    pub fn predicting(self, output: Output) -> Self {
        Self { output, ..self }
    }

    /// The field with the network's products in these numbers.
    #[must_use]
    pub fn in_precision(self, precision: ProductPrecision) -> Self {
        Self { precision, idle: Idle::new(), ..self }
    }

    /// What the network predicts.
    #[must_use]
    pub fn output(&self) -> Output {
        self.output
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Arc<dyn Network> {
        &self.network
    }

    /// [`velocity`](VelocityField::velocity) under other conditions than the field's own.
    ///
    /// # Errors
    /// As for [`Network::forward`].
    pub fn velocity_given(
        &self,
        at: &At<'_>,
        conditions: &Conditions,
        mut out: RowsMut<'_>,
    ) -> Result<(), Error> {
        if self.output.is_velocity() {
            return self.forward(at, conditions, out);
        }
        check(self.shape(), at, &out)?;
        self.with_room(|Room { scratch, held, predicted }| {
            self.hold(at, held);
            let moved = At { samples: at.samples.clone(), t: Times::Each(held), x: at.x };
            predicted.resize(at.x.as_slice().len(), 0.0);
            let rows = RowsMut::new(predicted, at.x.width());
            self.network.forward(&moved, conditions, rows, scratch)?;
            let predicted = Rows::new(predicted, at.x.width());
            for (i, &t) in held.iter().enumerate() {
                self.output.velocity(t)?.apply(at.x.row(i), predicted.row(i), out.row(i));
            }
            Ok(())
        })
    }

    fn forward(&self, at: &At<'_>, conditions: &Conditions, out: RowsMut<'_>) -> Result<(), Error> {
        self.with_room(|room| self.network.forward(at, conditions, out, &mut room.scratch))
    }

    /// Writes the time at which the network is asked for each row.
    fn hold(&self, at: &At<'_>, held: &mut Vec<f64>) {
        held.clear();
        held.extend((0..at.x.len()).map(|i| self.output.moved(at.t.at(i))));
    }

    fn with_room<T>(&self, work: impl FnOnce(&mut Room) -> T) -> T {
        let fresh = || Room {
            scratch: Scratch::in_precision(self.precision),
            held: Vec::new(),
            predicted: Vec::new(),
        };
        self.idle.with(fresh, work)
    }
}

impl VelocityField for NetworkField {
    fn shape(&self) -> &Shape {
        self.network.shape()
    }

    fn velocity(&self, at: &At<'_>, out: RowsMut<'_>) -> Result<(), Error> {
        self.velocity_given(at, &self.conditions, out)
    }

    fn pullback(&self, at: &At<'_>, along: Rows<'_>, mut out: RowsMut<'_>) -> Result<bool, Error> {
        check_pullback(self.shape(), at, along, &out)?;
        let found = self.with_room(|Room { scratch, held, .. }| {
            self.hold(at, held);
            let moved = At { samples: at.samples.clone(), t: Times::Each(held), x: at.x };
            self.network.pullback(&moved, &self.conditions, along, out.reborrow(), scratch)
        })?;
        if found && !self.output.is_velocity() {
            for i in 0..at.x.len() {
                let linear = self.output.velocity(at.t.at(i))?;
                let through = out.row(i).to_vec();
                linear.apply(along.row(i), &through, out.row(i));
            }
        }
        Ok(found)
    }

    fn record(&self) -> FieldRecord {
        let config = serde_json::to_value(self.network.config()).unwrap_or_default();
        let record = FieldRecord::new("network")
            .with("network", config)
            .with("conditions", self.conditions.describe())
            .with_fingerprint(
                self.network.parameters().as_slice().iter().flat_map(|v| v.to_le_bytes()),
            );
        let record = match self.precision {
            ProductPrecision::F32 => record,
            other => record.with("precision", other.to_string()),
        };
        if self.output.is_velocity() {
            return record;
        }
        record.with("output", serde_json::to_value(self.output).unwrap_or_default())
    }
}
