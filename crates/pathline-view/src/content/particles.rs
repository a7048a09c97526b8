//! Particles that move with time, on one slider for all panels.
//!
//! Positions travel as 16-bit integers in base64: 65 534 levels over three times the width of the
//! picture, far finer than a screen, at 5.3 bytes a position.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::numbers;
use crate::error::Error;
use crate::escape;
use crate::plot::{Drawn, HUES, left_out};

/// Panels of moving particles side by side, on one scale and one clock.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Particles {
    /// The panels, two to four of them.
    pub panels: Vec<Panel>,
}

/// One set of particles.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Panel {
    /// What stands above it.
    pub title: String,
    /// The time of each frame, ascending. Between frames particles move on straight lines.
    pub times: Vec<f64>,
    /// Positions by frame, then by particle: as many frames as times, all of one length.
    #[serde(deserialize_with = "numbers::read")]
    pub frames: Vec<Vec<[f32; 2]>>,
    /// Points that stand still behind the particles: the data.
    #[serde(deserialize_with = "numbers::read")]
    pub target: Vec<[f32; 2]>,
    /// One label a particle, shown as colour (six hues, then again from the first).
    pub labels: Option<Vec<u32>>,
}

/// What the script reads for one figure.
#[derive(Serialize)]
struct Moving {
    times: [f64; 2],
    panels: Vec<MovingPanel>,
}

#[derive(Serialize)]
struct MovingPanel {
    times: Vec<f64>,
    count: usize,
    frames: String,
    target: String,
    labels: String,
}

/// The square that all panels show: its centre and half its width.
#[derive(Debug, Clone, Copy, PartialEq)]
struct View {
    centre: [f64; 2],
    half: f64,
}

pub(crate) fn draw(particles: &Particles, figure: &str, alt: &str) -> Result<Drawn, Error> {
    for panel in &particles.panels {
        check(panel, figure)?;
    }
    let times = particles.panels.iter().flat_map(|p| &p.times).copied();
    let (first, last) =
        times.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), t| (a.min(t), b.max(t)));
    if !first.is_finite() {
        return Err(Error::invalid(figure, "there is no frame to show: give at least one"));
    }
    let view = view(particles);
    let panels = particles.panels.iter().map(|p| moving(p, view)).collect();
    let data = serde_json::to_string(&Moving { times: [first, last], panels })
        .map_err(|source| Error::Json { figure: figure.to_owned(), source })?;
    Ok(Drawn { markup: markup(particles, alt), notes: notes(particles, view), data: Some(data) })
}

fn check(panel: &Panel, figure: &str) -> Result<(), Error> {
    Error::check_count(figure, "frames of a panel", panel.times.len(), panel.frames.len())?;
    let count = panel.frames.first().map_or(0, Vec::len);
    for frame in &panel.frames {
        Error::check_count(figure, "particles of a frame", count, frame.len())?;
    }
    if let Some(labels) = &panel.labels {
        Error::check_count(figure, "labels of a panel", count, labels.len())?;
    }
    let ascending = panel.times.windows(2).all(|w| w[0] < w[1]);
    if !ascending || panel.times.iter().any(|t| !t.is_finite()) {
        return Err(Error::invalid(figure, "the times of a panel must be finite and ascend"));
    }
    Ok(())
}

/// The canvases, and the controls that move them.
fn markup(particles: &Particles, alt: &str) -> String {
    let panels = particles.panels.iter().map(|panel| {
        let title = escape::inline(&panel.title);
        let label = escape::text(&format!("{}: {alt}", panel.title));
        format!(
            "<div class=\"panel\"><p class=\"panel-title\">{title}</p>\
             <canvas width=\"320\" height=\"320\" role=\"img\" aria-label=\"{label}\"></canvas></div>"
        )
    });
    format!(
        "<div class=\"particles\"><div class=\"panels\">{}</div>\n\
         <div class=\"controls\"><button type=\"button\" class=\"play\">Play</button>\
         <label class=\"time\">Time <input type=\"range\" min=\"0\" max=\"1000\" value=\"1000\" \
         step=\"1\"></label><output></output>\
         <label class=\"trails\"><input type=\"checkbox\"> Trails</label></div>\n\
         <noscript><p class=\"note\">Moving particles need JavaScript.</p></noscript></div>\n",
        panels.collect::<String>()
    )
}

fn positions(particles: &Particles) -> impl Iterator<Item = [f32; 2]> + '_ {
    let moving = particles.panels.iter().flat_map(|p| p.frames.iter().flatten());
    moving.chain(particles.panels.iter().flat_map(|p| &p.target)).copied()
}

/// The square that holds the middle 99 % of every frame and of every target, with some air: a few
/// particles that fly off do not shrink the rest to a dot, and no moment of the flow is cut off.
fn view(particles: &Particles) -> View {
    let frames = particles.panels.iter().flat_map(|p| p.frames.iter().chain([&p.target]));
    let ends = |axis: usize| {
        frames
            .clone()
            .filter_map(|frame| middle(frame, axis))
            .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], [from, to]| {
                [low.min(from), high.max(to)]
            })
    };
    let [x, y] = [ends(0), ends(1)];
    let half = 0.56 * (x[1] - x[0]).max(y[1] - y[0]);
    if half.is_finite() && half > 0.0 {
        View { centre: [(x[0] + x[1]) / 2.0, (y[0] + y[1]) / 2.0], half }
    } else {
        let at = |ends: [f64; 2]| if ends[0].is_finite() { ends[0] } else { 0.0 };
        View { centre: [at(x), at(y)], half: 1.0 }
    }
}

/// Where the middle 99 % of one frame's finite positions begin and end on one axis.
fn middle(frame: &[[f32; 2]], axis: usize) -> Option<[f64; 2]> {
    let mut values: Vec<f32> = frame.iter().map(|p| p[axis]).filter(|v| v.is_finite()).collect();
    values.sort_by(f32::total_cmp);
    let last = values.len().checked_sub(1)?;
    let at = |share: f64| f64::from(values[(share * last as f64).round() as usize]);
    Some([at(0.005), at(0.995)])
}

fn notes(particles: &Particles, view: View) -> Vec<String> {
    let total = positions(particles).count();
    let finite = || positions(particles).filter(|p| p.iter().all(|v| v.is_finite()));
    let outside = finite()
        .filter(|p| (0..2).any(|k| (f64::from(p[k]) - view.centre[k]).abs() > view.half))
        .count();
    let mut notes: Vec<String> =
        left_out("positions", total - finite().count(), total, false).into_iter().collect();
    if outside > 0 {
        notes.push(format!("Outside the picture: {outside} of {total} positions."));
    }
    notes
}

fn moving(panel: &Panel, view: View) -> MovingPanel {
    let labels: Vec<u8> = panel
        .labels
        .iter()
        .flatten()
        .map(|l| u8::try_from(*l as usize % HUES).unwrap_or(0))
        .collect();
    MovingPanel {
        times: panel.times.clone(),
        count: panel.frames.first().map_or(0, Vec::len),
        frames: pack(panel.frames.iter().flatten(), view),
        target: pack(panel.target.iter(), view),
        labels: STANDARD.encode(labels),
    }
}

/// Little-endian `i16` pairs: 32767 is three half widths from the centre; -32768 is "nowhere".
fn pack<'a>(points: impl Iterator<Item = &'a [f32; 2]>, view: View) -> String {
    let mut bytes = vec![];
    for point in points {
        let finite = point.iter().all(|v| v.is_finite());
        for (value, centre) in point.iter().zip(view.centre) {
            let scaled = (f64::from(*value) - centre) / (3.0 * view.half);
            let level = (scaled * 32767.0).round().clamp(-32767.0, 32767.0) as i16;
            bytes.extend_from_slice(&(if finite { level } else { i16::MIN }).to_le_bytes());
        }
    }
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel() -> Panel {
        Panel {
            title: "Euler".into(),
            times: vec![0.0, 1.0],
            frames: vec![vec![[0.0, 0.0], [1.0, 1.0]], vec![[1.0, 0.0], [f32::NAN, 1.0]]],
            target: vec![[0.5, 0.5]],
            labels: Some(vec![0, 7]),
        }
    }

    #[test]
    fn positions_survive_packing_to_a_pixel() {
        let view = View { centre: [1.0, -2.0], half: 4.0 };
        let points = [[0.25_f32, -3.5], [4.0, 1.0], [f32::NAN, 0.0], [1e30, 0.0]];
        let bytes = STANDARD.decode(pack(points.iter(), view)).unwrap();
        let levels: Vec<i16> =
            bytes.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
        for (point, level) in points.iter().take(2).zip(levels.chunks_exact(2)) {
            for k in 0..2 {
                let back = f64::from(level[k]) / 32767.0 * 3.0 * view.half + view.centre[k];
                assert!((back - f64::from(point[k])).abs() < view.half * 1e-4);
            }
        }
        assert_eq!(&levels[4..], &[i16::MIN, i16::MIN, 32767, 5461]);
    }

    #[test]
    fn lost_particles_are_said() {
        let drawn = draw(&Particles { panels: vec![panel()] }, "f", "").unwrap();
        assert_eq!(drawn.notes, ["Left out: 1 of 5 positions (not finite)."]);
        let near = [[0.0, 0.0], [1.0, 1.0]].repeat(500);
        let mut last = near.clone();
        last[0] = [9.0, 9.0];
        last[1] = [f32::NAN, 0.0];
        let far = Panel { frames: vec![near, last], labels: None, ..panel() };
        let drawn = draw(&Particles { panels: vec![far] }, "f", "").unwrap();
        assert_eq!(drawn.notes.len(), 2, "{:?}", drawn.notes);
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        for bad in [
            Panel { times: vec![0.0], ..panel() },
            Panel { times: vec![1.0, 0.0], ..panel() },
            Panel { times: vec![0.0, f64::NAN], ..panel() },
            Panel { labels: Some(vec![1]), ..panel() },
            Panel { frames: vec![vec![[0.0, 0.0]], vec![]], labels: None, ..panel() },
            Panel::default(),
        ] {
            assert!(draw(&Particles { panels: vec![bad] }, "f", "").is_err());
        }
    }

    #[test]
    fn an_infinite_spread_still_has_a_view() {
        let wild = Panel {
            frames: vec![vec![[f32::MAX, f32::MIN], [f32::NAN, 0.0]]; 2],
            target: vec![],
            ..panel()
        };
        assert!(view(&Particles { panels: vec![wild] }).half.is_finite());
    }
}
