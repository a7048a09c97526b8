//! Arrays and tensors as they are read from files, before they become a data set.

/// A named block of numbers of any shape, in `f32`, row-major.
///
/// Unlike a [`pathline::Batch`] it may be a scalar (`[]`) or empty, as parameters and buffers of
/// checkpoints are.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Vec<f32>,
}

impl Tensor {
    /// A tensor, if `data` holds exactly as many values as `shape` says.
    ///
    /// # Examples
    /// ```
    /// use pathline_data::Tensor;
    /// assert!(Tensor::new(vec![2, 3], vec![0.0; 6]).is_some());
    /// assert!(Tensor::new(vec![2, 3], vec![0.0; 5]).is_none());
    /// ```
    #[must_use]
    pub fn new(shape: Vec<usize>, data: Vec<f32>) -> Option<Self> {
        let fits = crate::bytes::byte_count(&shape, 1) == Some(data.len());
        fits.then_some(Self { shape, data })
    }

    /// The extents, outermost first; empty for a scalar.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values, row-major.
    #[must_use]
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// The values, without the shape.
    #[must_use]
    pub fn into_data(self) -> Vec<f32> {
        self.data
    }
}

/// The numbers of an [`Array`], in one of four widths that lose nothing of what is read.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Values {
    /// `uint8`: for images, the levels 0 to 255.
    U8(Vec<u8>),
    /// Every other integer, and truth values as 0 and 1.
    I64(Vec<i64>),
    /// `float16` and `float32`.
    F32(Vec<f32>),
    /// `float64`.
    F64(Vec<f64>),
}

impl Values {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::U8(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::F32(v) => v.len(),
            Self::F64(v) => v.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values rounded to `f32`.
    #[must_use]
    pub fn into_f32(self) -> Vec<f32> {
        match self {
            Self::U8(v) => v.into_iter().map(f32::from).collect(),
            Self::I64(v) => v.into_iter().map(|x| x as f32).collect(),
            Self::F32(v) => v,
            Self::F64(v) => v.into_iter().map(|x| x as f32).collect(),
        }
    }

    /// The values in another order: `order[i]` is where value `i` is found.
    pub(crate) fn reordered(&self, order: &[usize]) -> Self {
        fn pick<T: Copy>(values: &[T], order: &[usize]) -> Vec<T> {
            order.iter().filter_map(|&i| values.get(i).copied()).collect()
        }
        match self {
            Self::U8(v) => Self::U8(pick(v, order)),
            Self::I64(v) => Self::I64(pick(v, order)),
            Self::F32(v) => Self::F32(pick(v, order)),
            Self::F64(v) => Self::F64(pick(v, order)),
        }
    }
}

/// An array of a NumPy or IDX file, row-major, in the width it was stored in.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    shape: Vec<usize>,
    values: Values,
}

impl Array {
    /// An array, if there are exactly as many values as `shape` says.
    ///
    /// # Examples
    /// ```
    /// use pathline_data::{Array, Values};
    /// let labels = Array::new(vec![3], Values::I64(vec![0, 1, 2])).unwrap();
    /// assert_eq!(labels.labels(), Ok(vec![0, 1, 2]));
    /// ```
    #[must_use]
    pub fn new(shape: Vec<usize>, values: Values) -> Option<Self> {
        let fits = crate::bytes::byte_count(&shape, 1) == Some(values.len());
        fits.then_some(Self { shape, values })
    }

    /// The extents, outermost first.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The numbers, row-major.
    #[must_use]
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The numbers, without the shape.
    #[must_use]
    pub fn into_values(self) -> Values {
        self.values
    }

    /// The values as class labels.
    ///
    /// # Errors
    /// The index of the first value that is no whole number in `0..2^32`.
    pub fn labels(&self) -> Result<Vec<u32>, usize> {
        fn all<T: Copy>(v: &[T], label: impl Fn(T) -> Option<u32>) -> Result<Vec<u32>, usize> {
            v.iter().enumerate().map(|(i, &x)| label(x).ok_or(i)).collect()
        }
        // A float is a label only if it comes back from u32 unchanged; `as` saturates.
        let whole = |x: f64| Some(x as u32).filter(|&l| f64::from(l) == x);
        match &self.values {
            Values::U8(v) => all(v, |x| Some(u32::from(x))),
            Values::I64(v) => all(v, |x| u32::try_from(x).ok()),
            Values::F32(v) => all(v, |x| whole(f64::from(x))),
            Values::F64(v) => all(v, whole),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_whole_and_in_range() {
        let labels = |values: Values| Array::new(vec![values.len()], values).unwrap().labels();
        assert_eq!(labels(Values::F32(vec![0.0, 3.0])), Ok(vec![0, 3]));
        assert_eq!(labels(Values::F64(vec![0.0, 0.5])), Err(1));
        assert_eq!(labels(Values::F64(vec![f64::NAN])), Err(0));
        assert_eq!(labels(Values::I64(vec![1, -1])), Err(1));
        assert_eq!(labels(Values::U8(vec![9])), Ok(vec![9]));
    }

    #[test]
    fn a_shape_that_overflows_is_no_array() {
        assert!(Array::new(vec![usize::MAX, 2], Values::U8(vec![])).is_none());
        assert!(Tensor::new(vec![], vec![1.0]).is_some());
        assert!(Tensor::new(vec![0, usize::MAX], vec![]).is_some());
    }
}
