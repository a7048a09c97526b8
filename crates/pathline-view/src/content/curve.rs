//! One curve of a picture: its band, its stroke or dots, and the places that answer the pointer.

use super::lines::{LineStyle, Series};
use crate::escape;
use crate::number::{coordinate, number, typeset};
use crate::plot::frame::Frame;

/// Places per curve that answer the pointer.
const TOOLTIPS: usize = 40;

/// Band, stroke or dots, and the places that answer the pointer.
pub(crate) fn curve(series: &Series, frame: &Frame) -> String {
    let mut out = String::new();
    if let Some(band) = &series.band {
        out += &area(series, band, frame);
    }
    let mut path = String::new();
    let mut pen_up = true;
    for place in thinned(series.points.iter().map(|p| frame.place(*p)), series.style) {
        let Some([x, y]) = place else {
            pen_up = true;
            continue;
        };
        let (x, y) = (coordinate(x), coordinate(y));
        match series.style {
            LineStyle::Points => path += &format!("M{x} {y}h.01"),
            _ if pen_up => path += &format!("M{x} {y}"),
            _ => path += &format!("L{x} {y}"),
        }
        pen_up = false;
    }
    let kind = if series.style == LineStyle::Points { "dots" } else { "line" };
    out += &format!("<path class=\"{kind}\" d=\"{path}\"/>");
    let stride = series.points.len().div_ceil(TOOLTIPS).max(1);
    for point in series.points.iter().step_by(stride) {
        let Some([x, y]) = frame.place(*point) else { continue };
        out += &format!(
            "<circle class=\"hit\" cx=\"{}\" cy=\"{}\" r=\"7\"><title>{}: ({}, {})</title></circle>",
            coordinate(x),
            coordinate(y),
            escape::text(&series.name),
            typeset(&number(point[0])),
            typeset(&number(point[1])),
        );
    }
    out
}

/// The filled region between the low and the high ends, broken where one is missing.
fn area(series: &Series, band: &[[f64; 2]], frame: &Frame) -> String {
    let ends: Vec<_> = series
        .points
        .iter()
        .zip(band)
        .map(|(p, [low, high])| Some((frame.place([p[0], *low])?, frame.place([p[0], *high])?)))
        .collect();
    let mut path = String::new();
    for run in ends.split(Option::is_none).filter(|run| run.len() > 1) {
        let run: Vec<_> = run.iter().flatten().collect();
        let high = run.iter().map(|(_, h)| h);
        let low = run.iter().rev().map(|(l, _)| l);
        for (i, [x, y]) in high.chain(low).enumerate() {
            let pen = if i == 0 { 'M' } else { 'L' };
            path += &format!("{pen}{} {}", coordinate(*x), coordinate(*y));
        }
        path.push('Z');
    }
    format!("<path class=\"band\" d=\"{path}\"/>")
}

/// Of each run of places in one pixel column, the first, lowest, highest and last: the same
/// picture from far fewer points. Single points are all kept.
fn thinned(
    places: impl Iterator<Item = Option<[f64; 2]>>,
    style: LineStyle,
) -> Vec<Option<[f64; 2]>> {
    let places: Vec<_> = places.collect();
    if style == LineStyle::Points || places.len() < 1000 {
        return places;
    }
    let column = |p: &Option<[f64; 2]>| p.map(|[x, _]| x.floor());
    let mut out = vec![];
    for run in places.chunk_by(|a, b| column(a) == column(b)) {
        let by_height = |a: &usize, b: &usize| match (run[*a], run[*b]) {
            (Some(a), Some(b)) => a[1].total_cmp(&b[1]),
            _ => std::cmp::Ordering::Equal,
        };
        let lowest = (0..run.len()).min_by(by_height).unwrap_or(0);
        let highest = (0..run.len()).max_by(by_height).unwrap_or(0);
        let mut keep = vec![0, lowest, highest, run.len() - 1];
        keep.sort_unstable();
        keep.dedup();
        out.extend(keep.into_iter().map(|i| run[i]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_curve_is_thinned_without_losing_its_peaks() {
        let mut places: Vec<Option<[f64; 2]>> =
            (0..100_000).map(|i| Some([f64::from(i) * 0.007, 1.0])).collect();
        places[54_321] = Some([54_321.0 * 0.007, -5.0]);
        let kept = thinned(places.into_iter(), LineStyle::Solid);
        assert!(kept.len() < 3000);
        assert!(kept.iter().flatten().any(|p| p[1] == -5.0));
    }
}
