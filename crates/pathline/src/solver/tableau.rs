//! Butcher tableaux: an explicit Runge-Kutta method as data.

/// The coefficients of an explicit Runge-Kutta method.
///
/// `k_i = u(t + c_i dt, x + dt sum_{j<i} a_ij k_j)` and `x' = x + dt sum_i b_i k_i`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tableau {
    /// Nodes, one a stage; the first is 0.
    pub c: &'static [f64],
    /// Row `i` holds the `i` weights of the stages before stage `i`.
    pub a: &'static [&'static [f64]],
    /// Weights of the step.
    pub b: &'static [f64],
    /// Weights of the embedded method, where there is one: the error estimate is
    /// `dt sum_i (b_i - b_embedded_i) k_i`.
    pub b_embedded: Option<&'static [f64]>,
}

impl Tableau {
    /// Number of stages.
    #[must_use]
    pub fn stages(&self) -> usize {
        self.b.len()
    }

    /// Whether the last stage is the first stage of the next step ("first same as last"), so that an
    /// accepted step saves an evaluation.
    #[must_use]
    pub fn first_same_as_last(&self) -> bool {
        let last = self.stages() - 1;
        last > 0 && self.c[last] == 1.0 && self.a[last] == &self.b[..last] && self.b[last] == 0.0
    }
}
