//! A report with every kind of figure, on made-up numbers.

use std::f64::consts::TAU;

use pathline_view::{
    Axis, BarSeries, Bars, Cell, Column, Content, Fact, Figure, Group, Image, Images, LineStyle,
    Lines, Mark, Panel, Particles, Report, Scatter, Section, Series, Table,
};

/// The whole report.
pub(crate) fn example() -> Report {
    Report {
        title: "Where the sampling error of a small flow comes from".into(),
        lead: "Every figure on this page is drawn from made-up numbers. The page shows what each \
               kind of figure looks like, with the longest labels we expect, and with values that \
               are not finite, which are left out and said so."
            .into(),
        command: "cargo run --release --example gallery -- gallery.html".into(),
        facts: vec![
            Fact::new("Model", "two-moons MLP, 3 x 128"),
            Fact::new("Solver", "Heun, 32 steps"),
            Fact::new("Samples", 512),
            Fact::new("Seed", 7),
            Fact::new("Version", "0.1.0"),
        ],
        sections: vec![motion(), curves(), points(), pictures(), numbers()],
        references: vec![
            "Y. Lipman et al., Flow Matching for Generative Modeling, ICLR 2023. \
             https://arxiv.org/abs/2210.02747"
                .into(),
            "X. Liu, C. Gong, Q. Liu, Flow Straight and Fast, ICLR 2023. \
             https://arxiv.org/abs/2209.03003"
                .into(),
        ],
        footer: "Made by Pathline from one recording.".into(),
    }
}

fn section(id: &str, title: &str, text: &str, figures: Vec<Figure>) -> Section {
    Section { id: id.into(), title: title.into(), text: text.into(), figures }
}

fn figure(id: &str, title: &str, caption: &str, look_for: &str, content: Content) -> Figure {
    Figure {
        id: id.into(),
        title: title.into(),
        caption: caption.into(),
        look_for: look_for.into(),
        command: format!(
            "pathline measure two-moons.safetensors --data moons.npz --only {id} --seed 7"
        ),
        alt: format!("{title}."),
        content,
    }
}

/// A fixed sequence in `0..1` that looks random enough.
fn noise(i: usize) -> f64 {
    ((i as f64 * 12.9898).sin() * 43_758.545).fract().abs()
}

fn normal(i: usize) -> f64 {
    (-2.0 * noise(2 * i + 1).max(1e-9).ln()).sqrt() * (TAU * noise(2 * i + 2)).cos()
}

fn moon(i: usize, n: usize) -> ([f64; 2], u32) {
    let angle = std::f64::consts::PI * (i / 2) as f64 / (n / 2) as f64;
    let (u, v) = (0.08 * normal(5 * i), 0.08 * normal(7 * i + 3));
    if i.is_multiple_of(2) {
        ([angle.cos() - 0.5 + u, angle.sin() - 0.25 + v], 0)
    } else {
        ([0.5 - angle.cos() + u, 0.25 - angle.sin() + v], 1)
    }
}

fn panel(title: &str, steps: usize, bend: f64) -> Panel {
    let n = 360;
    let times: Vec<f64> = (0..=steps).map(|k| k as f64 / steps as f64).collect();
    let place = |i: usize, t: f64| {
        let (target, _) = moon(i, n);
        let source = [normal(3 * i), normal(3 * i + 1)];
        let side = bend * (t * std::f64::consts::PI).sin();
        let x = (1.0 - t) * source[0] + t * target[0] - side * source[1];
        let y = (1.0 - t) * source[1] + t * target[1] + side * source[0];
        [x as f32, y as f32]
    };
    let frames = times.iter().map(|t| (0..n).map(|i| place(i, *t)).collect()).collect();
    let target = (0..n).map(|i| moon(i, n).0.map(|v| v as f32)).collect();
    let labels = (0..n).map(|i| moon(i, n).1).collect();
    Panel { title: title.into(), times, frames, target, labels: Some(labels) }
}

fn motion() -> Section {
    let particles = Particles {
        panels: vec![
            panel("Straight paths", 24, 0.0),
            panel("Bent paths", 24, 0.35),
            panel("Bent paths, 4 Euler steps", 4, 0.35),
        ],
    };
    let content = Content::Particles(particles);
    let text = "Particles leave the source at t = 0 and reach the target at t = 1. One slider \
                moves all panels, so that the same moment is compared.";
    let look_for = "The corners in the paths of the panel with four steps.";
    let caption = "360 particles of two classes, over the data in gray.";
    section(
        "motion",
        "How particles travel",
        text,
        vec![figure("particles", "Particles on their way", caption, look_for, content)],
    )
}

fn power(shift: f64) -> Vec<[f64; 2]> {
    (0..=50)
        .map(|k| k as f64 / 50.0)
        .map(|t| [t, 1.0 + shift * t + 0.3 * (4.0 * t).sin()])
        .collect()
}

fn curves() -> Section {
    let band = |points: &[[f64; 2]]| points.iter().map(|p| [p[1] - 0.15, p[1] + 0.2]).collect();
    let (slow, fast) = (power(0.4), power(1.1));
    let (slow_band, fast_band) = (band(&slow), band(&fast));
    let measured = (0..12).map(|k| k as f64 / 11.0).map(|t| [t, 1.1 + 0.7 * t]).collect();
    let energy = Lines {
        x: Axis::new("time t").within(0.0, 1.0),
        y: Axis::new("mean kinetic power (squared data units per unit time)"),
        series: vec![
            Series::new("without correction", slow).with_band(slow_band),
            Series::new("with the measured gain", fast).with_band(fast_band),
            Series::new("exact field", power(0.75)).styled(LineStyle::Dashed),
            Series::new("lower bound (chord)", vec![[0.0, 0.9], [1.0, 0.9]])
                .styled(LineStyle::Dotted),
            Series::new("held-out probes", measured).styled(LineStyle::Points),
        ],
        marks: vec![
            Mark { at: 0.45, label: "commitment".into() },
            Mark { at: 0.52, label: "first switch without effect".into() },
            Mark { at: 0.97, label: "last probe".into() },
        ],
    };
    let order = |p: i32, c: f64| {
        [1, 2, 4, 8, 16, 32, 64, 128]
            .map(|n: i32| [f64::from(n), c * f64::from(n).powi(-p)])
            .to_vec()
    };
    let mut broken = order(4, 0.6);
    broken[0] = [1.0, f64::NAN];
    let error = Lines {
        x: Axis::new("steps").log(),
        y: Axis::new("error at t = 1").log(),
        series: vec![
            Series::new("Euler", order(1, 0.4)),
            Series::new("Heun", order(2, 0.5)),
            Series::new("RK4", broken),
        ],
        marks: vec![],
    };
    let figures = vec![
        figure(
            "power",
            "Kinetic power over time",
            "Means over 512 samples with 95 % intervals.",
            "A gain above one in the first half, and none in the second.",
            Content::Lines(energy),
        ),
        figure(
            "order",
            "Error against steps",
            "Distance to a run with 1000 steps of `dopri5`, on log axes.",
            "Slopes of one, two and four.",
            Content::Lines(error),
        ),
    ];
    section("curves", "Power and error", "Curves over time and over steps.", figures)
}

fn points() -> Section {
    let cloud: Vec<[f64; 2]> = (0..1500).map(|i| moon(i, 1500).0).collect();
    let density = (0..1500).map(|i| 3.0 * noise(i).powi(2) + 1.0 + cloud[i][0]).collect();
    let plane = Scatter {
        x: Axis::new("first coordinate"),
        y: Axis::new("second coordinate"),
        groups: vec![Group::new("samples", cloud).coloured_by(density)],
        value_label: "kinetic path energy".into(),
        equal: true,
    };
    let group = |name: &str, s: usize, slope: f64| {
        let at = |i: usize| {
            let x = normal(s + i);
            [3.0 + x, 10_f64.powf(slope * x + 0.3 * normal(s + 2 * i))]
        };
        Group::new(name, (0..250).map(at).collect())
    };
    let relation = Scatter {
        x: Axis::new("kinetic path energy"),
        y: Axis::new("density (15 nearest neighbours)").log(),
        groups: vec![
            group("two moons", 10, -0.5),
            group("eight Gaussians", 900, 0.1),
            group("checkerboard", 4000, 0.6),
        ],
        ..Scatter::default()
    };
    let figures = vec![
        figure(
            "plane",
            "Samples coloured by energy",
            "1500 samples, one unit as long on both axes.",
            "High energy at the outer ends of the moons.",
            Content::Scatter(plane),
        ),
        figure(
            "density",
            "Energy against density",
            "250 samples of each data set.",
            "A slope that changes sign between the data sets.",
            Content::Scatter(relation),
        ),
    ];
    section("points", "Energy and density", "", figures)
}

fn ring(i: usize) -> Image {
    let r = 5.0 + 6.0 * noise(i);
    let (cx, cy) = (11.0 + 6.0 * noise(i + 50), 11.0 + 6.0 * noise(i + 90));
    let level = |p: usize| {
        let (x, y) = ((p % 28) as f64, (p / 28) as f64);
        let d = ((x - cx).hypot(y - cy) - r).abs();
        (255.0 * (1.0 - d / 2.5).clamp(0.0, 1.0)) as u8
    };
    Image::gray((0..28 * 28).map(level).collect(), 28, 28, format!("sample {i}"))
}

fn blend(i: usize) -> Image {
    let level = |p: usize| {
        let (x, y) = ((p % 32) as f64 / 31.0, (p / 32) as f64 / 31.0);
        let wave = 0.5 + 0.5 * (TAU * (x * noise(i + 1) + y * noise(i + 2))).sin();
        [wave, y * noise(i + 3), 1.0 - x * noise(i + 4)].map(|v| (255.0 * v) as u8)
    };
    Image::rgb((0..32 * 32).flat_map(level).collect(), 32, 32, format!("{i}"))
}

fn pictures() -> Section {
    let grid = Images {
        columns: 8,
        cell: 72,
        items: (0..24).map(|i| ring(i).noted(format!("energy {:.1}", 10.0 + i as f64))).collect(),
        row_titles: vec![],
    };
    let pairs = Images {
        columns: 10,
        cell: 64,
        items: (0..30).map(blend).collect(),
        row_titles: vec![
            "Sample".into(),
            "Nearest neighbour in the data".into(),
            "Second nearest neighbour".into(),
        ],
    };
    let figures = vec![
        figure(
            "samples",
            "Samples by energy",
            "The 24 samples of least energy, from the lowest.",
            "Thin rings first.",
            Content::Images(grid),
        ),
        figure(
            "neighbours",
            "Samples over their nearest neighbours",
            "Each column is one sample and the two data points nearest to it.",
            "A sample equal to its neighbour was memorised.",
            Content::Images(pairs),
        ),
    ];
    section("pictures", "Images", "Small images are enlarged with hard edges.", figures)
}

fn numbers() -> Section {
    let bars = Bars {
        value: Axis::new("share of the error"),
        categories: vec![
            "discretisation".into(),
            "radial error of the field".into(),
            "angular error of the field (antisymmetric part of the Jacobian)".into(),
            "noise plan".into(),
        ],
        series: vec![
            BarSeries::new("16 steps", vec![0.42, 0.21, 0.11, -0.05]).with_intervals(vec![
                [0.38, 0.47],
                [0.15, 0.26],
                [0.08, 0.15],
                [-0.1, 0.01],
            ]),
            BarSeries::new("64 steps", vec![0.08, 0.24, 0.12, f64::NAN]),
        ],
    };
    let row = |name: &str, values: [f64; 5], best: usize| {
        let cells = values.iter().enumerate().map(|(i, v)| {
            let cell = Cell::number(*v);
            if i == best { cell.strong() } else { cell }
        });
        [Cell::text(name)].into_iter().chain(cells).collect::<Vec<_>>()
    };
    let table = Table {
        columns: vec![
            Column::text("solver and grid"),
            Column::numeric("evaluations"),
            Column::numeric("energy"),
            Column::numeric("Fréchet distance"),
            Column::numeric("sliced W2"),
            Column::numeric("seconds"),
        ],
        rows: vec![
            row("Euler, uniform", [50.0, 1.2345, 0.0123, 0.4, 1.25], 9),
            row("Heun, uniform", [50.0, 1.31, 0.0098, 0.31, 1.27], 9),
            row("Heun, shifted (a = 3)", [50.0, 1.29, 0.0071, f64::NAN, 1.26], 2),
            vec![Cell::text("no model (control)").quiet(), Cell::text("0").quiet()],
        ],
        note: "Bold: the best of its column. n/a: not measured.".into(),
    };
    let figures = vec![
        figure(
            "budget",
            "Error budget",
            "Parts of the error with 95 % intervals, paired by seed.",
            "Discretisation shrinks with more steps; the other parts do not.",
            Content::Bars(bars),
        ),
        figure(
            "solvers",
            "Solvers side by side",
            "Five runs with the same seeds.",
            "The shifted grid at equal cost.",
            Content::Table(table),
        ),
    ];
    section("numbers", "In numbers", "", figures)
}
