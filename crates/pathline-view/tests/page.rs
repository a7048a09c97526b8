//! The page as text: complete, escaped, bounded, and nothing is loaded.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use pathline_view::{
    Axis, Cell, Column, Content, Error, Fact, Figure, Group, Image, Images, Lines, MAX_BYTES, Mark,
    Panel, Particles, Report, Scatter, Section, Series, Table, html,
};

#[path = "../examples/gallery/report.rs"]
mod report;

fn figure(id: &str, content: Content) -> Figure {
    Figure {
        id: id.into(),
        title: id.into(),
        caption: String::new(),
        look_for: String::new(),
        command: String::new(),
        alt: id.into(),
        content,
    }
}

fn with(figures: Vec<Figure>) -> Report {
    let section = Section { id: "all".into(), figures, ..Section::default() };
    Report { title: "t".into(), sections: vec![section], ..Report::default() }
}

#[test]
fn the_example_page_is_complete_and_loads_nothing() {
    let page = html(&report::example()).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    for (part, count) in
        [("<style>", 1), ("<script>", 1), ("<main", 1), ("<figure ", 9), ("<canvas ", 3)]
    {
        assert_eq!(page.matches(part).count(), count, "{part}");
    }
    assert_eq!(page.matches("What to look for").count(), 9);
    assert_eq!(page.matches("class=\"copy\"").count(), 10);
    for loading in [" src=", "<link", "@import", "url(http", "fetch(", "import("] {
        assert!(!page.contains(loading), "{loading}");
    }
    for senseless in ["NaN", "Infinity", ">-0<"] {
        assert!(!page.contains(senseless), "{senseless}");
    }
    assert_eq!(page, html(&report::example()).unwrap(), "the same bytes each time");
}

#[test]
fn hostile_text_stays_text_everywhere() {
    let evil = "</script></style><img src=x onerror=\"alert(1)\" x='";
    let text = || evil.to_owned();
    let series = Series::new(evil, vec![[0.0, 1.0], [1.0, 2.0]]);
    let lines = Lines {
        x: Axis::new(evil),
        y: Axis::new(evil),
        series: vec![series],
        marks: vec![Mark { at: 0.5, label: text() }],
    };
    let groups = vec![
        Group::new(evil, vec![[0.0, 0.0]]),
        Group::new(evil, vec![[0.0, 1.0]]).coloured_by(vec![1.0]),
    ];
    let scatter = Scatter { groups, value_label: text(), ..Scatter::default() };
    let panel = Panel {
        title: text(),
        times: vec![0.0],
        frames: vec![vec![[0.0, 0.0]]],
        ..Panel::default()
    };
    let image = Image::gray(vec![0], 1, 1, evil).noted(evil);
    let images = Images { columns: 1, cell: 32, items: vec![image], row_titles: vec![text()] };
    let bars = pathline_view::Bars {
        value: Axis::new(evil),
        categories: vec![text()],
        series: vec![
            pathline_view::BarSeries::new(evil, vec![1.0]),
            pathline_view::BarSeries::new(evil, vec![2.0]),
        ],
    };
    let table = Table {
        columns: vec![Column::text(evil)],
        rows: vec![vec![Cell::text(evil)]],
        note: text(),
    };
    let contents = [
        Content::Lines(lines),
        Content::Scatter(scatter),
        Content::Particles(Particles { panels: vec![panel] }),
        Content::Images(images),
        Content::Bars(bars),
        Content::Table(table),
    ];
    let figures = contents
        .into_iter()
        .map(|content| Figure {
            id: text(),
            title: text(),
            caption: text(),
            look_for: text(),
            command: text(),
            alt: text(),
            content,
        })
        .collect();
    let report = Report {
        title: text(),
        lead: text(),
        command: text(),
        facts: vec![Fact::new(evil, evil)],
        sections: vec![Section { id: text(), title: text(), text: text(), figures }],
        references: vec![text(), format!("https://x.y/{evil}")],
        footer: text(),
    };
    let page = html(&report).unwrap();
    assert_eq!(page.matches("<img").count(), 0);
    assert_eq!(page.matches("</script>").count(), 1);
    assert_eq!(page.matches("</style>").count(), 1);
    assert!(!page.contains("onerror=\""));
}

#[test]
fn anchors_are_unique() {
    let table = || figure("Energy!", Content::Table(Table::default()));
    let page =
        html(&with(vec![table(), table(), figure("report", Content::Table(Table::default()))]))
            .unwrap();
    for id in ["id=\"energy\"", "id=\"energy-2\"", "id=\"report-2\"", "id=\"report\""] {
        assert_eq!(page.matches(id).count(), 1, "{id}");
    }
}

fn swarm(particles: usize, frames: usize) -> Panel {
    let at = |k: usize, i: usize| [(k * i) as f32 % 7.0, (k + i) as f32 % 5.0];
    Panel {
        title: "panel".into(),
        times: (0..frames).map(|k| k as f64).collect(),
        frames: (0..frames).map(|k| (0..particles).map(|i| at(k, i)).collect()).collect(),
        target: (0..particles).map(|i| at(3, i)).collect(),
        labels: None,
    }
}

#[test]
fn a_big_report_stays_under_the_limit() {
    let cloud: Vec<[f64; 2]> =
        (0..2000).map(|i| [f64::from(i).sin(), f64::from(i).cos() * f64::from(i)]).collect();
    let scatter = |i: usize| {
        let groups = vec![Group::new("g", cloud.clone())];
        figure(&format!("s{i}"), Content::Scatter(Scatter { groups, ..Scatter::default() }))
    };
    let lines = |i: usize| {
        let points = (0..500).map(|k| [f64::from(k), (f64::from(k) * 0.1).sin()]).collect();
        let series = vec![Series::new("a", points); 5];
        figure(&format!("l{i}"), Content::Lines(Lines { series, ..Lines::default() }))
    };
    let mut figures = vec![figure(
        "p",
        Content::Particles(Particles {
            panels: vec![swarm(512, 41), swarm(512, 41), swarm(512, 41)],
        }),
    )];
    figures.extend((0..5).map(scatter));
    figures.extend((0..6).map(lines));
    let noise = |i: usize| (0..784_usize).map(|p| (p * p * 31 + i * 17) as u8).collect();
    let items = (0..128).map(|i| Image::gray(noise(i), 28, 28, "s")).collect();
    let images = Images { columns: 16, cell: 40, items, row_titles: vec![] };
    figures.push(figure("i", Content::Images(images)));
    let page = html(&with(figures)).unwrap();
    assert!(page.len() < 1_700_000, "{}", page.len());
}

#[test]
fn a_page_above_the_limit_names_the_figure() {
    let particles = Particles { panels: vec![swarm(2000, 300)] };
    let table = figure("small", Content::Table(Table::default()));
    match html(&with(vec![table, figure("swarm", Content::Particles(particles))])) {
        Err(Error::TooLarge { figure, bytes, figure_bytes, .. }) => {
            assert_eq!(figure, "swarm");
            assert!(bytes > MAX_BYTES && figure_bytes > MAX_BYTES);
        }
        other => panic!("{:?}", other.map(|page| page.len())),
    }
}

#[test]
fn an_empty_report_is_a_page() {
    assert!(html(&Report::default()).unwrap().contains("<main"));
}

#[test]
fn a_report_survives_json_with_numbers_that_are_not_finite() {
    let points = vec![[0.0, f64::NAN], [1.0, 2.0], [2.0, f64::INFINITY]];
    let band = vec![[0.5, f64::NAN]; 3];
    let lines = Lines {
        series: vec![Series::new("a", points.clone()).with_band(band)],
        marks: vec![Mark { at: f64::NAN, label: "m".into() }],
        ..Lines::default()
    };
    let group = Group::new("g", points).coloured_by(vec![f64::NAN, 1.0, 2.0]);
    let bars = pathline_view::Bars {
        categories: vec!["c".into()],
        series: vec![
            pathline_view::BarSeries::new("s", vec![1.0]).with_intervals(vec![[f64::NAN, 2.0]]),
        ],
        ..pathline_view::Bars::default()
    };
    let mut panel = swarm(3, 2);
    panel.frames[1][2] = [f32::NAN, 0.0];
    let report = with(vec![
        figure("l", Content::Lines(lines)),
        figure("s", Content::Scatter(Scatter { groups: vec![group], ..Scatter::default() })),
        figure("b", Content::Bars(bars)),
        figure("p", Content::Particles(Particles { panels: vec![panel] })),
    ]);
    let json = serde_json::to_string(&report).unwrap();
    let back: Report = serde_json::from_str(&json).unwrap();
    let page = html(&report).unwrap();
    assert!(page == html(&back).unwrap(), "the page changed on the way through JSON");
    for note in [
        "2 of 3 points (",
        "3 of 3 band entries",
        "1 of 1 marks",
        "1 of 1 intervals",
        "1 of 9 positions",
    ] {
        assert!(page.contains(note), "{note}");
    }
}
