//! Low-rank mixtures: velocity, score and density against dense formulas, the fields they contain as
//! special cases, their fit, their draws, and what their flow does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::sync::Arc;

use pathline::diagnostics::{Pairs, deficit};
use pathline::field::{
    Conditions, Gaussian, GaussianField, GaussianMixture, LowRankField, LowRankGaussian,
    LowRankMixture, MarginalDensity,
};
use pathline::path::{Prediction, velocity_from_score};
use pathline::schedule::{CondOt, Cosine, LinearVp, Polynomial, Schedule, Vp};
use pathline::solver::HEUN;
use pathline::{
    At, Batch, Error, Run, Samples, Seed, Shape, Source, TimeGrid, Times, VelocityField, integrate,
};

const D: usize = 4;

fn noise(seed: u64, rows: usize, width: usize) -> Batch {
    Source::new(Seed(seed), rows).noise(&Shape::vector(width))
}

fn at<'a>(x: &'a Batch, t: f64) -> At<'a> {
    At::new(Samples::first(x.len()), Times::Shared(t), x.rows()).unwrap()
}

fn velocity(field: &dyn VelocityField, x: &Batch, t: f64) -> Vec<f32> {
    let mut out = Batch::zeros(x.len(), x.shape().clone());
    field.velocity(&at(x, t), out.rows_mut()).unwrap();
    out.into_vec()
}

fn schedules() -> Vec<Arc<dyn Schedule>> {
    vec![
        Arc::new(CondOt),
        Arc::new(Cosine),
        Arc::new(LinearVp),
        Arc::new(Polynomial::new(2.0).unwrap()),
        Arc::new(Vp::default()),
    ]
}

/// Three components of 0, 1 and 2 directions in four dimensions.
fn mixture() -> LowRankMixture {
    let gaussians = vec![
        LowRankGaussian::new([1.0, 0.0, -1.0, 0.5], [], [], 0.6).unwrap(),
        LowRankGaussian::new([-1.0, 2.0, 0.0, 0.0], [0.5; 4], [1.5], 0.3).unwrap(),
        LowRankGaussian::new(
            [0.0, -2.0, 1.0, 0.0],
            [0.6, 0.8, 0.0, 0.0, 0.0, 0.0, -0.8, 0.6],
            [2.0, 0.1],
            0.5,
        )
        .unwrap(),
    ];
    let mixture = LowRankMixture::new(Shape::vector(D), &[1.0, 3.0, 2.0], gaussians).unwrap();
    mixture.with_classes(&[0, 1, 1]).unwrap()
}

/// Weight, mean and dense covariance of each component of `mixture`.
fn dense(mixture: &LowRankMixture) -> Vec<(f64, Vec<f64>, Vec<Vec<f64>>)> {
    let each = mixture.gaussians().zip([1.0 / 6.0, 3.0 / 6.0, 2.0 / 6.0]);
    let one = |(g, w): (&LowRankGaussian, f64)| {
        let residual = g.residual() * g.residual();
        let mut c = vec![vec![0.0; D]; D];
        (0..D).for_each(|i| c[i][i] = residual);
        for (u, s) in g.directions().chunks_exact(D).zip(g.std()) {
            for i in 0..D {
                for j in 0..D {
                    c[i][j] += (s * s - residual) * u[i] * u[j];
                }
            }
        }
        (w, g.mean().to_vec(), c)
    };
    each.map(one).collect()
}

/// Solves by plain elimination with pivoting; gives the solution and the log-determinant.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> (Vec<f64>, f64) {
    let n = b.len();
    let mut log_determinant = 0.0;
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| a[i][k].abs().total_cmp(&a[j][k].abs())).unwrap();
        a.swap(k, pivot);
        b.swap(k, pivot);
        log_determinant += a[k][k].abs().ln();
        for i in k + 1..n {
            let factor = a[i][k] / a[k][k];
            let row = a[k].clone();
            a[i].iter_mut().zip(row).for_each(|(v, p)| *v -= factor * p);
            b[i] -= factor * b[k];
        }
    }
    for k in (0..n).rev() {
        let known: f64 = (k + 1..n).map(|j| a[k][j] * b[j]).sum();
        b[k] = (b[k] - known) / a[k][k];
    }
    (b, log_determinant)
}

/// Velocity, score and log-density by dense linear algebra:
/// `E[u | x] = alpha' m + (alpha alpha' C + sigma sigma' I) (alpha^2 C + sigma^2 I)^-1 (x - alpha m)`.
fn by_dense(mixture: &LowRankMixture, schedule: &dyn Schedule, t: f64, x: &[f32]) -> [Vec<f64>; 3] {
    let c = schedule.at(t);
    let mut parts = Vec::new();
    for (w, m, cov) in dense(mixture) {
        let y: Vec<f64> = x.iter().zip(&m).map(|(&x, m)| f64::from(x) - c.alpha * m).collect();
        let with = |a: f64, b: f64| -> Vec<Vec<f64>> {
            let mut out: Vec<Vec<f64>> =
                cov.iter().map(|r| r.iter().map(|v| a * v).collect()).collect();
            (0..D).for_each(|i| out[i][i] += b);
            out
        };
        let (solved, log_determinant) =
            solve(with(c.alpha * c.alpha, c.sigma * c.sigma), y.clone());
        let squares: f64 = y.iter().zip(&solved).map(|(a, b)| a * b).sum();
        let tau = std::f64::consts::TAU;
        let log = w.ln() - 0.5 * (squares + log_determinant + D as f64 * tau.ln());
        let velocity: Vec<f64> = with(c.alpha * c.d_alpha, c.sigma * c.d_sigma)
            .iter()
            .zip(&m)
            .map(|(row, m)| {
                c.d_alpha * m + row.iter().zip(&solved).map(|(a, b)| a * b).sum::<f64>()
            })
            .collect();
        parts.push((log.exp(), velocity, solved));
    }
    let total: f64 = parts.iter().map(|p| p.0).sum();
    let mut out = [vec![0.0; D], vec![0.0; D], vec![total.ln()]];
    for (p, v, s) in parts {
        for i in 0..D {
            out[0][i] += p / total * v[i];
            out[1][i] -= p / total * s[i];
        }
    }
    out
}

#[test]
fn velocity_score_and_density_are_those_of_the_dense_formula() {
    let mixture = mixture();
    let x = noise(1, 40, D);
    for schedule in schedules() {
        let field = mixture.clone().along(schedule.clone());
        for t in [0.0, 0.05, 0.3, 0.7, 0.95] {
            let v = velocity(&field, &x, t);
            let mut score = Batch::zeros(x.len(), x.shape().clone());
            field.score(&at(&x, t), score.rows_mut()).unwrap();
            let density = field.log_density(&at(&x, t)).unwrap();
            for (i, row) in x.rows().iter().enumerate() {
                let [wanted_v, wanted_s, wanted_p] = by_dense(&mixture, &*schedule, t, row);
                assert!((density[i] - wanted_p[0]).abs() < 1e-11, "{schedule:?} at {t}");
                for j in 0..D {
                    let close = |found: f32, wanted: f64| {
                        (f64::from(found) - wanted).abs() <= 1e-7 * (1e-3 + wanted.abs())
                    };
                    assert!(close(v[i * D + j], wanted_v[j]), "{schedule:?} at {t}");
                    assert!(close(score.row(i)[j], wanted_s[j]), "{schedule:?} at {t}");
                }
            }
        }
    }
}

#[test]
fn the_velocity_follows_from_the_score() {
    let mixture = mixture();
    let x = noise(2, 100, D);
    for schedule in schedules() {
        for t in [0.02, 0.3, 0.8, 0.99] {
            let linear = velocity_from_score(&schedule.at(t), t).unwrap();
            // Of the formula in double precision, to its rounding; of the field, to that of its output.
            let row = x.row(0);
            let [v, s, _] = by_dense(&mixture, &*schedule, t, row);
            for j in 0..D {
                let found = linear.state * f64::from(row[j]) + linear.value * s[j];
                assert!((found - v[j]).abs() < 1e-11 * (1.0 + linear.state.abs()), "{t}");
            }
            let field = mixture.clone().along(schedule.clone());
            let v = velocity(&field, &x, t);
            let mut score = Batch::zeros(x.len(), x.shape().clone());
            field.score(&at(&x, t), score.rows_mut()).unwrap();
            for ((&x, &s), &v) in x.as_slice().iter().zip(score.as_slice()).zip(&v) {
                let (a, b) = (linear.state * f64::from(x), linear.value * f64::from(s));
                let scale = a.abs() + b.abs() + f64::from(v).abs();
                assert!((a + b - f64::from(v)).abs() < 2e-7 * scale, "{schedule:?} at {t}");
            }
        }
    }
}

#[test]
fn every_prediction_says_the_same() {
    let field = mixture().along(Arc::new(Cosine));
    let x = noise(3, 50, D);
    let predict = |p: Prediction| {
        let mut out = Batch::zeros(x.len(), x.shape().clone());
        field.predict(p, &at(&x, 0.4), out.rows_mut()).unwrap();
        out
    };
    let v = predict(Prediction::Velocity);
    for other in [Prediction::Target, Prediction::Source, Prediction::Score] {
        let linear = Cosine.at(0.4).convert(other, Prediction::Velocity, 0.4).unwrap();
        let known = predict(other);
        for ((&x, &k), &v) in x.as_slice().iter().zip(known.as_slice()).zip(v.as_slice()) {
            let found = linear.state * f64::from(x) + linear.value * f64::from(k);
            assert!((found - f64::from(v)).abs() < 1e-5, "{other:?}");
        }
    }
}

#[test]
fn without_directions_it_is_the_isotropic_mixture_and_with_all_the_gaussian() {
    let means = Batch::from_vec(vec![1.0, 0.0, 2.0, -1.0, 0.5, 0.0], Shape::vector(3)).unwrap();
    let (weights, stds) = ([1.0, 2.0], [0.4, 1.2]);
    let x = noise(4, 200, 3);
    for schedule in schedules() {
        let plain = GaussianMixture::new(&weights, &means, &stds).unwrap().along(schedule.clone());
        let gaussians = means.rows().iter().zip(stds).map(|(m, s)| {
            let m: Vec<f64> = m.iter().copied().map(f64::from).collect();
            LowRankGaussian::new(m, [], [], s).unwrap()
        });
        let gaussians = gaussians.collect();
        let low = LowRankMixture::new(Shape::vector(3), &weights, gaussians).unwrap();
        let low = low.along(schedule.clone());
        let (mean, std) = ([1.0, -2.0, 0.0], [0.3, 1.0, 2.0]);
        let data = Gaussian::diagonal(mean, std).unwrap();
        let gaussian = GaussianField::new(Shape::vector(3), data, schedule.clone()).unwrap();
        let directions = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let full = LowRankGaussian::new(mean, directions, std, 0.0).unwrap();
        let full = LowRankMixture::new(Shape::vector(3), &[7.0], vec![full]).unwrap();
        let full = full.along(schedule.clone());
        for t in [0.0, 0.5, 0.99, 1.0] {
            if t == 1.0 && plain.singular_at_target() {
                assert!(low.singular_at_target() && full.singular_at_target());
                continue;
            }
            for (a, b) in velocity(&plain, &x, t).iter().zip(velocity(&low, &x, t)) {
                assert!((a - b).abs() <= 2e-6 * (1.0 + b.abs()), "{schedule:?} at {t}: {a} {b}");
            }
            for (a, b) in velocity(&gaussian, &x, t).iter().zip(velocity(&full, &x, t)) {
                assert!((a - b).abs() <= 2e-6 * (1.0 + b.abs()), "{schedule:?} at {t}: {a} {b}");
            }
        }
    }
}

/// Rotates the first two coordinates.
fn turn(row: &mut [f64]) {
    (row[0], row[1]) = (0.28 * row[0] - 0.96 * row[1], 0.96 * row[0] + 0.28 * row[1]);
}

#[test]
fn a_rotated_mixture_has_the_rotated_field() {
    let plain = mixture();
    let rotated = plain.gaussians().map(|g| {
        let (mut mean, mut directions) = (g.mean().to_vec(), g.directions().to_vec());
        turn(&mut mean);
        directions.chunks_exact_mut(D).for_each(turn);
        LowRankGaussian::new(mean, directions, g.std(), g.residual()).unwrap()
    });
    let rotated = LowRankMixture::new(Shape::vector(D), &[1.0, 3.0, 2.0], rotated.collect());
    let (plain, rotated) = (mixture().along(Arc::new(CondOt)), rotated.unwrap());
    let rotated = rotated.along(Arc::new(CondOt));
    let x = noise(5, 50, D);
    let apply = |values: &[f32]| {
        let rows = values.chunks_exact(D).flat_map(|row| {
            let mut row: Vec<f64> = row.iter().copied().map(f64::from).collect();
            turn(&mut row);
            row.into_iter().map(|v| v as f32).collect::<Vec<_>>()
        });
        Batch::from_vec(rows.collect(), Shape::vector(D)).unwrap()
    };
    for t in [0.1, 0.6, 1.0] {
        let wanted = apply(&velocity(&plain, &x, t));
        let found = velocity(&rotated, &apply(x.as_slice()), t);
        for (a, b) in wanted.as_slice().iter().zip(found) {
            assert!((a - b).abs() < 1e-5 * (1.0 + a.abs()), "{a} {b} at {t}");
        }
    }
}

#[test]
fn a_fit_has_the_moments_of_the_points_and_the_flow_gives_them_back() {
    // Deviations 3, 2 and 1 along rotated directions, and 0.25 along all others.
    let d = 20;
    let mut axes = vec![0.0; 3 * d];
    for (k, row) in axes.chunks_exact_mut(d).enumerate() {
        row[2 * k] = 0.6;
        row[2 * k + 1] = 0.8;
    }
    let mean: Vec<f64> = (0..d).map(|i| i as f64 / 10.0).collect();
    let truth = LowRankGaussian::new(mean, axes, [3.0, 2.0, 1.0], 0.25).unwrap();
    let shape = Shape::vector(d);
    let mixture = LowRankMixture::new(shape.clone(), &[1.0], vec![truth.clone()]).unwrap();
    let points = mixture.draw(Seed(6), 0..20_000, &Conditions::None).unwrap().points;
    let fitted = LowRankGaussian::fit(points.rows(), 3, 0.01).unwrap();
    for (a, b) in truth.mean().iter().zip(fitted.mean()) {
        assert!((a - b).abs() < 0.1, "{a} {b}");
    }
    for (k, (a, b)) in truth.std().iter().zip(fitted.std()).enumerate() {
        assert!((a / b - 1.0).abs() < 0.03, "{a} {b}");
        let (u, w) = (&truth.directions()[k * d..], &fitted.directions()[k * d..]);
        let inner: f64 = (0..d).map(|i| u[i] * w[i]).sum();
        assert!(inner.abs() > 0.999, "direction {k}: {inner}");
    }
    assert!((fitted.residual() - 0.25).abs() < 0.005);
    // The total variance is that of the points exactly.
    let mut total = 0.0;
    for (i, m) in fitted.mean().iter().enumerate() {
        let column = points.rows().iter().map(|row| (f64::from(row[i]) - m).powi(2));
        total += column.sum::<f64>() / 20_000.0;
    }
    assert!((fitted.total_variance() / total - 1.0).abs() < 1e-6);
    // The exact flow takes noise x_0 to m + C^(1/2) x_0.
    let field = LowRankMixture::new(shape, &[1.0], vec![fitted.clone()]).unwrap();
    let field = field.along(Arc::new(CondOt));
    let start = noise(7, 300, d);
    let run = Run::on(TimeGrid::uniform(400).unwrap(), &HEUN);
    let end = integrate(&field, start.clone(), 0..300, &run, &mut ()).unwrap().end;
    let mut worst = 0.0_f64;
    for (z, x) in start.rows().iter().zip(end.rows().iter()) {
        for (u, s) in fitted.directions().chunks_exact(d).zip(fitted.std()) {
            let along = |row: &dyn Fn(usize) -> f64| (0..d).map(|i| u[i] * row(i)).sum::<f64>();
            let before = along(&|i| f64::from(z[i]));
            let after = along(&|i| f64::from(x[i]) - fitted.mean()[i]);
            worst = worst.max((after - s * before).abs() / s);
        }
    }
    assert!(worst < 1e-4, "{worst}");
}

#[test]
fn the_flow_of_a_mixture_has_its_moments() {
    let mixture = mixture();
    let field = mixture.clone().along(Arc::new(CondOt));
    let run = Run::on(TimeGrid::uniform(100).unwrap(), &HEUN);
    let rows = 8000;
    let drawn = mixture.draw(Seed(8), 0..rows, &Conditions::None).unwrap().points;
    let flown = integrate(&field, noise(9, rows as usize, D), 0..rows, &run, &mut ()).unwrap().end;
    let parts = dense(&mixture);
    for i in 0..D {
        let mean: f64 = parts.iter().map(|(w, m, _)| w * m[i]).sum();
        for j in 0..=i {
            let second = |(w, m, c): &(f64, Vec<f64>, Vec<Vec<f64>>)| w * (c[i][j] + m[i] * m[j]);
            let wanted: f64 = parts.iter().map(second).sum();
            for (what, points) in [("drawn", &drawn), ("flown", &flown)] {
                let n = points.len() as f64;
                let first = points.rows().iter().map(|r| f64::from(r[i])).sum::<f64>() / n;
                let product = |r: &[f32]| f64::from(r[i]) * f64::from(r[j]);
                let products: Vec<f64> = points.rows().iter().map(product).collect();
                let found = products.iter().sum::<f64>() / n;
                let spread = products.iter().map(|p| (p - found).powi(2)).sum::<f64>() / n;
                assert!((found - wanted).abs() < 4.0 * (spread / n).sqrt(), "{what} {i} {j}");
                assert!((first - mean).abs() < 4.0 * (4.0 / n).sqrt(), "{what} {i}");
            }
        }
    }
}

#[test]
fn an_exact_field_has_no_radial_error() {
    let mixture = mixture();
    for conditions in [Conditions::None, Conditions::Shared(1)] {
        let target = mixture.draw(Seed(10), 0..4000, &conditions).unwrap().points;
        let source = noise(11, 4000, D);
        let pairs = Pairs { source: &source, target: &target, first: 0 };
        for schedule in [Arc::new(CondOt) as Arc<dyn Schedule>, Arc::new(Cosine)] {
            let field = mixture.clone().along(schedule.clone());
            let field = field.conditioned(conditions.clone()).unwrap();
            let points = deficit(&field, &*schedule, pairs, &[0.0, 0.3, 0.6, 0.9]).unwrap();
            for p in points {
                let half = p.gain.high - p.gain.value;
                assert!((p.gain.value - 1.0).abs() < 1.5 * half, "{conditions:?} {p:?}");
                assert!(half < 0.1 && p.ratio.value < 1.0, "{p:?}");
            }
        }
    }
}

#[test]
fn a_condition_leaves_the_components_of_its_class() {
    let all = mixture();
    let field = all.clone().along(Arc::new(CondOt));
    let one = field.conditioned(Conditions::Shared(0)).unwrap();
    let alone = LowRankMixture::new(
        Shape::vector(D),
        &[0.3],
        vec![all.gaussians().next().unwrap().clone()],
    )
    .unwrap()
    .along(Arc::new(CondOt));
    let x = noise(12, 30, D);
    assert_eq!(velocity(&one, &x, 0.4), velocity(&alone, &x, 0.4));
    let densities = |field: &LowRankField| field.log_density(&at(&x, 0.4)).unwrap();
    for (a, b) in densities(&one).iter().zip(densities(&alone)) {
        assert!((a - b).abs() < 1e-12);
    }
    let cycle = Conditions::Cycle([0, 1].into());
    let drawn = all.draw(Seed(13), 0..200, &cycle).unwrap();
    let classes = drawn.components.iter().map(|&k| all.class(k).unwrap());
    assert!(classes.enumerate().all(|(i, class)| class == i as u32 % 2));
    // A draw does not depend on how it is cut, nor on the samples beside it.
    let part = all.draw(Seed(13), 150..200, &cycle).unwrap();
    assert_eq!(part.points.as_slice(), &drawn.points.as_slice()[150 * D..]);
    // Weights 3 and 2 of class 1, and no other.
    let drawn = all.draw(Seed(14), 0..5000, &Conditions::Shared(1)).unwrap();
    let share = drawn.components.iter().filter(|&&k| k == 1).count() as f64 / 5000.0;
    assert!((share - 0.6).abs() < 0.03, "{share}");
    assert!(all.draw(Seed(14), 0..5, &Conditions::Shared(9)).is_err());
    assert!(field.conditioned(Conditions::Shared(9)).is_err());
}

#[test]
fn one_point_constant_data_and_few_points_can_be_fitted() {
    let point = Batch::from_vec(vec![1.0, 2.0, 3.0], Shape::vector(3)).unwrap();
    for points in [point.clone(), point.select(&[0; 50]).unwrap()] {
        let fitted = LowRankGaussian::fit(points.rows(), 2, 0.1).unwrap();
        assert_eq!((fitted.mean(), fitted.std()), (&[1.0, 2.0, 3.0][..], &[0.1, 0.1][..]));
        assert_eq!(fitted.residual(), 0.1);
        let sharp = LowRankMixture::fit(&points, 1, 0.0).unwrap().along(Arc::new(CondOt));
        assert!(sharp.singular_at_target());
        // As the empirical field of that point: (x_1 - x) / (1 - t).
        let x = noise(15, 20, 3);
        for (i, v) in velocity(&sharp, &x, 0.75).iter().enumerate() {
            let wanted = (point.as_slice()[i % 3] - x.as_slice()[i]) / 0.25;
            assert!((v - wanted).abs() < 1e-5, "{v} {wanted}");
        }
    }
    // Two points have one direction; the second asked for has no variance.
    let two = Batch::from_vec(vec![1.0, 1.0, 0.0, -1.0, -1.0, 0.0], Shape::vector(3)).unwrap();
    let fitted = LowRankGaussian::fit(two.rows(), 2, 0.0).unwrap();
    assert!((fitted.std()[0] - 2.0_f64.sqrt()).abs() < 1e-7 && fitted.std()[1] < 1e-7);
    let none = LowRankGaussian::fit(two.rows(), 0, 0.0).unwrap();
    assert!((none.residual() - (2.0_f64 / 3.0).sqrt()).abs() < 1e-12);
    // All directions: the moment-matched Gaussian.
    let points = mixture().draw(Seed(16), 0..500, &Conditions::None).unwrap().points;
    let full = LowRankGaussian::fit(points.rows(), D, 0.0).unwrap();
    for i in 0..D {
        for j in 0..D {
            let u = full.directions();
            let found: f64 =
                (0..D).map(|k| full.std()[k].powi(2) * u[k * D + i] * u[k * D + j]).sum();
            let gap = |row: &[f32], i: usize| f64::from(row[i]) - full.mean()[i];
            let wanted: f64 = points.rows().iter().map(|r| gap(r, i) * gap(r, j)).sum();
            assert!((found - wanted / 500.0).abs() < 1e-5, "{i} {j}: {found}");
        }
    }
}

#[test]
fn what_is_wrong_is_refused_with_its_kind() {
    let gaussian = |directions: &[f64], std: &[f64], residual: f64| {
        LowRankGaussian::new([0.0, 0.0], directions, std, residual)
    };
    assert!(gaussian(&[1.0, 0.0], &[1.0], 0.1).is_ok());
    assert!(matches!(gaussian(&[1.0, 0.0], &[1.0, 1.0], 0.1), Err(Error::Count { .. })));
    let bad: [(&[f64], &[f64], f64); 6] = [
        (&[1.0, 0.1], &[1.0], 0.1),
        (&[1.0, 0.0, 0.8, 0.6], &[1.0, 1.0], 0.1),
        (&[1.0, f64::NAN], &[1.0], 0.1),
        (&[1.0, 0.0], &[-1.0], 0.1),
        (&[1.0, 0.0], &[1.0], f64::INFINITY),
        (&[1.0, 0.0, 0.0, 1.0, 0.0, 0.0], &[1.0, 1.0, 1.0], 0.1),
    ];
    for (directions, std, residual) in bad {
        assert!(matches!(gaussian(directions, std, residual), Err(Error::Invalid { .. })));
    }
    assert!(LowRankGaussian::new([], [], [], 1.0).is_err());
    let points = Batch::from_vec(vec![0.0, 1.0, f32::NAN, 2.0], Shape::vector(2)).unwrap();
    let error = LowRankMixture::fit(&points, 1, 0.1).unwrap_err().to_string();
    assert!(error.contains("row 1, column 0"), "{error}");
    let good = noise(17, 5, 2);
    assert!(LowRankMixture::fit(&good, 3, 0.1).is_err());
    assert!(LowRankMixture::fit(&good, 1, -0.1).is_err());
    assert!(LowRankMixture::fit(&good.select(&[]).unwrap(), 1, 0.1).is_err());
    assert!(LowRankMixture::fit_classes(&good, &[0, 1], 1, 0.1).is_err());
    let one = || vec![gaussian(&[], &[], 1.0).unwrap()];
    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(LowRankMixture::new(Shape::vector(2), &[weight], one()).is_err());
    }
    assert!(LowRankMixture::new(Shape::vector(3), &[1.0], one()).is_err());
    assert!(LowRankMixture::new(Shape::vector(2), &[], Vec::new()).is_err());
    let mixture = LowRankMixture::new(Shape::vector(2), &[1.0], one()).unwrap();
    assert!(mixture.draw(Seed(0), 0..u64::MAX, &Conditions::None).is_err());
    assert!(mixture.draw(Seed(0), 5..5, &Conditions::None).unwrap().points.is_empty());
    let field = mixture.along(Arc::new(CondOt));
    let mut out = Batch::zeros(2, Shape::vector(2));
    for value in [f32::NAN, f32::INFINITY] {
        let x = Batch::from_vec(vec![0.0, 0.0, value, 0.0], Shape::vector(2)).unwrap();
        let error = field.velocity(&at(&x, 0.5), out.rows_mut()).unwrap_err();
        assert!(matches!(error, Error::NonFinite { sample: 1, .. }), "{error}");
        assert!(matches!(field.log_density(&at(&x, 0.5)), Err(Error::NonFinite { sample: 1, .. })));
    }
}

#[test]
fn principal_directions_of_images_are_found_where_a_spectrum_falls_slowly() {
    // 784 values of variances 1/k: the 50 largest, to be found among close neighbours.
    let (n, d, q) = (1500, 784, 50);
    let mut points = noise(18, n, d);
    for row in points.as_mut_slice().chunks_exact_mut(d) {
        row.iter_mut().enumerate().for_each(|(k, x)| *x /= ((k + 1) as f32).sqrt());
    }
    let fitted = LowRankGaussian::fit(points.rows(), q, 0.0).unwrap();
    // Each direction is an eigenvector of the covariance: C u = sd^2 u.
    let mean = fitted.mean();
    let gap = |row: &[f32], i: usize| f64::from(row[i]) - mean[i];
    for (k, u) in fitted.directions().chunks_exact(d).enumerate() {
        let mut image = vec![0.0; d];
        for row in points.rows().iter() {
            let along: f64 = (0..d).map(|i| u[i] * gap(row, i)).sum();
            (0..d).for_each(|i| image[i] += along * gap(row, i) / n as f64);
        }
        let variance = fitted.std()[k].powi(2);
        let off: f64 = (0..d).map(|i| (image[i] - variance * u[i]).powi(2)).sum();
        assert!(off.sqrt() < 1e-4 * variance, "direction {k}: {} of {variance}", off.sqrt());
    }
}
