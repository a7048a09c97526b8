//! Clocks against their closed forms: distribution functions, moments, the shift identity.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::f64::consts::{FRAC_PI_2, PI};

use pathline::{Purpose, Seed, TimeGrid};
use pathline_nn::{Clock, FlowTraining};

const N: usize = 40_000;

fn draws(clock: &Clock) -> Vec<f64> {
    let mut stream = Seed(11).stream(Purpose::Time, 0, 0);
    (0..N).map(|_| clock.draw(&mut stream)).collect()
}

fn shifted(shift: f64, of: Clock) -> Clock {
    Clock::Shifted { shift, of: Box::new(of) }
}

/// The largest distance between the empirical and the given distribution function; 1.95 / sqrt(N) is
/// exceeded once in a thousand seeds.
fn check(clock: &Clock, cdf: impl Fn(f64) -> f64) {
    let mut times = draws(clock);
    assert!(times.iter().all(|t| (0.0..=1.0).contains(t)), "{clock:?}");
    times.sort_by(f64::total_cmp);
    let n = N as f64;
    let far = times.iter().enumerate().map(|(i, &t)| {
        let f = cdf(t);
        (f - i as f64 / n).abs().max((f - (i + 1) as f64 / n).abs())
    });
    let far = far.fold(0.0, f64::max);
    assert!(far < 1.95 / n.sqrt(), "{clock:?}: {far}");
    for q in [1e-6, 0.1, 0.25, 0.5, 0.9, 0.999] {
        let t = clock.quantile(q).unwrap();
        assert!((cdf(t) - q).abs() < 2e-5, "{clock:?}: {q} at {t}");
    }
    assert!(clock.quantile(0.0).is_err() && clock.quantile(1.0).is_err());
    let grid = clock.grid(20).unwrap();
    assert_eq!(
        (grid.start(), grid.times()[5], grid.end()),
        (0.0, clock.quantile(0.25).unwrap(), 1.0)
    );
}

/// Integral of a density from 0 by the midpoint rule.
fn integral(density: impl Fn(f64) -> f64, to: f64) -> f64 {
    let steps = 400;
    let h = to / f64::from(steps);
    (0..steps).map(|i| h * density((f64::from(i) + 0.5) * h)).sum()
}

#[test]
fn draws_follow_their_distribution_functions() {
    check(&Clock::Uniform {}, |t| t);
    check(&Clock::Cosmap {}, |t| 2.0 / PI * (t / (1.0 - t)).atan());
    // The mode map's inverse by bisection.
    for scale in [-1.0, 0.0, 1.29, 2.0 / (PI - 2.0)] {
        let map = |u: f64| u + scale * (u - (FRAC_PI_2 * u).sin().powi(2));
        let inverse = |t: f64| {
            let (mut low, mut high) = (0.0, 1.0);
            for _ in 0..60 {
                let middle = 0.5 * (low + high);
                if map(middle) < t { low = middle } else { high = middle }
            }
            low
        };
        check(&Clock::Mode { scale }, inverse);
    }
    // Beta distribution functions that are elementary.
    check(&Clock::Beta { alpha: 2.5, beta: 1.0 }, |t| t.powf(2.5));
    check(&Clock::Beta { alpha: 1.0, beta: 0.3 }, |t| 1.0 - (1.0 - t).powf(0.3));
    check(&Clock::Beta { alpha: 0.5, beta: 0.5 }, |t| t.sqrt().asin() / FRAC_PI_2);
    check(&Clock::Beta { alpha: 2.0, beta: 2.0 }, |t| t * t * (3.0 - 2.0 * t));
    for (mean, std) in [(0.0, 1.0), (-0.8, 0.6)] {
        let density = |t: f64| {
            let z = ((t / (1.0 - t)).ln() - mean) / std;
            (-0.5 * z * z).exp() / ((2.0 * PI).sqrt() * std * t * (1.0 - t))
        };
        check(&Clock::LogitNormal { mean, std }, |t| integral(density, t));
    }
    check(&shifted(3.0, Clock::Uniform {}), |t| 3.0 * t / (1.0 + 2.0 * t));
}

#[test]
fn a_shift_moves_the_mean_of_a_logit_normal_by_minus_its_logarithm() {
    let (mean, std, a) = (0.3, 0.9, 3.0_f64);
    let one = draws(&shifted(a, Clock::LogitNormal { mean, std }));
    let other = draws(&Clock::LogitNormal { mean: mean - a.ln(), std });
    for (s, t) in one.iter().zip(&other) {
        assert!((s - t).abs() < 1e-14, "{s} {t}");
    }
    let grid = TimeGrid::shifted(10, a).unwrap();
    let plain = TimeGrid::uniform(10).unwrap();
    for (&t, &s) in plain.times().iter().zip(grid.times()) {
        assert!((t / (a * (1.0 - t) + t) - s).abs() < 1e-15);
    }
}

#[test]
fn extreme_numbers_still_give_times() {
    for clock in [
        Clock::Beta { alpha: 1e-3, beta: 1e-3 },
        Clock::Beta { alpha: 1e6, beta: 1e6 },
        Clock::LogitNormal { mean: 1e300, std: 1e300 },
        shifted(1e-300, shifted(1e300, Clock::Cosmap {})),
        shifted(f64::MAX, Clock::LogitNormal { mean: 0.0, std: f64::MAX }),
    ] {
        clock.check().unwrap();
        assert!(draws(&clock).iter().all(|t| (0.0..=1.0).contains(t)), "{clock:?}");
    }
}

#[test]
fn a_uniform_clock_is_not_written_down_and_others_come_back() {
    let plain = FlowTraining::default();
    let text = serde_json::to_string(&plain).unwrap();
    assert!(!text.contains("clock"), "{text}");
    let clock = shifted(2.0, Clock::Beta { alpha: 0.1, beta: 3.0 });
    let training = FlowTraining { clock, ..plain };
    let text = serde_json::to_string(&training).unwrap();
    assert_eq!(serde_json::from_str::<FlowTraining>(&text).unwrap(), training);
}

#[test]
fn bad_clocks_are_refused() {
    for text in [
        "noon",
        "uniform:1",
        "logit-normal:1",
        "logit-normal:0,0",
        "logit-normal:nan,1",
        "mode:1.76",
        "mode:-1.1",
        "beta",
        "beta:0,1",
        "beta:1,inf",
        "shifted",
        "shifted:0",
        "shifted:x",
        r#"{"kind":"uniform","a":1}"#,
        r#"{"kind":"shifted","shift":2,"of":{"kind":"beta","alpha":-1,"beta":1}}"#,
    ] {
        assert!(text.parse::<Clock>().is_err(), "{text}");
    }
    let clock = Clock::Mode { scale: 2.0 };
    assert!(FlowTraining { clock, ..FlowTraining::default() }.check().is_err());
}
