//! Layers whose parameters are found by their names in a checkpoint, for the networks that are built of
//! operations: each is an operation with `NAME.weight` and `NAME.bias`.

use std::ops::Range;

use pathline::Error;

use crate::graph::{Builder, Value};
use crate::ops::activation::Activation;
use crate::ops::convolution::Convolution;
use crate::ops::dense::Dense;
use crate::ops::group_norm::GroupNorm;
use crate::ops::image::Image;
use crate::ops::sum::Sum;
use crate::parameters::Parameters;
use crate::tensors;

/// A graph under construction and the parameters of its network.
pub(crate) struct Layers<'a> {
    pub builder: Builder,
    pub parameters: &'a Parameters,
}

impl Layers<'_> {
    /// Where the parameter of this name lies.
    pub(crate) fn range(&self, name: &str) -> Result<Range<usize>, Error> {
        self.parameters.range(name).ok_or_else(|| tensors::error(name, "missing"))
    }

    fn weight_and_bias(&self, name: &str) -> Result<[Range<usize>; 2], Error> {
        Ok([self.range(&format!("{name}.weight"))?, self.range(&format!("{name}.bias"))?])
    }

    /// A linear map of every row, and an activation after it.
    pub(crate) fn linear(
        &mut self,
        name: &str,
        x: Value,
        outputs: usize,
        activation: Option<Activation>,
    ) -> Result<Value, Error> {
        let [weight, bias] = self.weight_and_bias(name)?;
        let (rows, inputs) = (x.extent.rows, x.extent.width);
        let dense = Dense { rows, inputs, outputs, weight, bias, activation };
        Ok(self.builder.add(dense, [x], [rows, outputs]))
    }

    /// A convolution of 3 x 3.
    pub(crate) fn convolution(
        &mut self,
        name: &str,
        (image, stride): (Image, usize),
        x: Value,
        outputs: usize,
    ) -> Result<Value, Error> {
        let [weight, bias] = self.weight_and_bias(name)?;
        let inputs = x.extent.width;
        let convolution = Convolution { image, inputs, outputs, stride, weight, bias };
        let rows = convolution.output().pixels();
        Ok(self.builder.add(convolution, [x], [rows, outputs]))
    }

    /// A normalisation by groups of channels; a second input is added to every pixel before it.
    pub(crate) fn norm<const N: usize>(
        &mut self,
        name: &str,
        inputs: [Value; N],
        groups: usize,
        silu: bool,
    ) -> Result<Value, Error> {
        let [weight, bias] = self.weight_and_bias(name)?;
        let (rows, width) = (inputs[0].extent.rows, inputs[0].extent.width);
        let norm = GroupNorm { rows, width, groups, silu, weight, bias };
        Ok(self.builder.add(norm, inputs, [rows, width]))
    }

    /// The sum of two values of one extent.
    pub(crate) fn sum(&mut self, a: Value, b: Value) -> Value {
        let extent = [a.extent.rows, a.extent.width];
        self.builder.add(Sum { elements: a.extent.elements() }, [a, b], extent)
    }
}
