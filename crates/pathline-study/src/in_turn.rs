//! Samples that have a model's classes in turn, for every comparison that is to be balanced by class.

use std::collections::BTreeMap;
use std::sync::Arc;

use pathline::VelocityField;
use pathline::field::{Conditions, Guided};
use pathline::kernels::ProductPrecision;
use pathline_nn::{Network, NetworkField};

use crate::error::Error;

/// The classes of the first `samples` samples: sample `i` has class `(i + shift) mod classes`.
pub(crate) fn classes_in_turn(classes: usize, shift: u32, samples: usize) -> Vec<u32> {
    let classes = classes.max(1) as u32;
    (0..classes).map(|c| (c + shift) % classes).cycle().take(samples).collect()
}

/// Rows with these labels that have the told classes in order, each row once, until a class has no more of them.
pub(crate) fn rows_in_turn(labels: &[u32], told: &[u32]) -> Vec<usize> {
    let mut of = BTreeMap::<u32, Vec<usize>>::new();
    for (row, &label) in labels.iter().enumerate().rev() {
        of.entry(label).or_default().push(row);
    }
    told.iter().map_while(|class| of.get_mut(class)?.pop()).collect()
}

/// A network told the [classes in turn](classes_in_turn), under guidance of this scale (1 for none), its products in
/// these numbers.
pub(crate) fn told_in_turn(
    precision: ProductPrecision,
    network: &Arc<dyn Network>,
    shift: u32,
    scale: f64,
) -> Result<Arc<dyn VelocityField>, Error> {
    let field =
        |of| Arc::new(NetworkField::conditioned(Arc::clone(network), of).in_precision(precision));
    let classes = network.classes();
    let told = field(Conditions::Cycle(classes_in_turn(classes, shift, classes).into()));
    if scale == 1.0 {
        return Ok(told);
    }
    Ok(Arc::new(Guided::new(told, field(Conditions::None), scale)?))
}
