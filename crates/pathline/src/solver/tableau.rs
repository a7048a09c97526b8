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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::solver::{DOPRI5, EULER, HEUN, MIDPOINT, RK4};

    /// How far the weights are from each order condition, order by order up to 5: one condition a
    /// rooted tree (Hairer, Norsett and Wanner, II.2, table 2.2).
    fn order_conditions(tableau: &Tableau, b: &[f64]) -> Vec<Vec<f64>> {
        let n = tableau.stages();
        let c = tableau.c.to_vec();
        let a = |v: &[f64]| -> Vec<f64> {
            (0..n).map(|i| tableau.a[i].iter().zip(v).map(|(a, v)| a * v).sum()).collect()
        };
        let times =
            |u: &[f64], v: &[f64]| -> Vec<f64> { u.iter().zip(v).map(|(u, v)| u * v).collect() };
        let sum = |v: &[f64]| -> f64 { b.iter().zip(v).map(|(b, v)| b * v).sum() };
        let (c2, ac) = (times(&c, &c), a(&c));
        let (c3, ac2, aac) = (times(&c2, &c), a(&c2), a(&ac));
        vec![
            vec![sum(&vec![1.0; n]) - 1.0],
            vec![sum(&c) - 1.0 / 2.0],
            vec![sum(&c2) - 1.0 / 3.0, sum(&ac) - 1.0 / 6.0],
            vec![
                sum(&c3) - 1.0 / 4.0,
                sum(&times(&c, &ac)) - 1.0 / 8.0,
                sum(&ac2) - 1.0 / 12.0,
                sum(&aac) - 1.0 / 24.0,
            ],
            vec![
                sum(&times(&c3, &c)) - 1.0 / 5.0,
                sum(&times(&c2, &ac)) - 1.0 / 10.0,
                sum(&times(&ac, &ac)) - 1.0 / 20.0,
                sum(&times(&c, &ac2)) - 1.0 / 15.0,
                sum(&times(&c, &aac)) - 1.0 / 30.0,
                sum(&a(&c3)) - 1.0 / 20.0,
                sum(&a(&times(&c, &ac))) - 1.0 / 40.0,
                sum(&a(&ac2)) - 1.0 / 60.0,
                sum(&a(&aac)) - 1.0 / 120.0,
            ],
        ]
    }

    fn met(conditions: &[f64]) -> bool {
        conditions.iter().all(|c| c.abs() < 1e-14)
    }

    #[test]
    fn each_tableau_has_its_order_and_no_more() {
        for method in [&EULER, &MIDPOINT, &HEUN, &RK4, &DOPRI5] {
            let conditions = order_conditions(&method.tableau, method.tableau.b);
            let order = conditions.iter().take_while(|c| met(c)).count();
            assert_eq!(order, method.order as usize, "{}", method.name);
            for (row, c) in method.tableau.a.iter().zip(method.tableau.c) {
                assert!((row.iter().sum::<f64>() - c).abs() < 1e-14, "{}", method.name);
            }
        }
    }

    #[test]
    fn the_embedded_method_of_dopri5_has_order_four() {
        let conditions = order_conditions(&DOPRI5.tableau, DOPRI5.tableau.b_embedded.unwrap());
        assert!(conditions[..4].iter().all(|c| met(c)) && !met(&conditions[4]));
        assert!(DOPRI5.tableau.first_same_as_last() && !RK4.tableau.first_same_as_last());
    }
}
