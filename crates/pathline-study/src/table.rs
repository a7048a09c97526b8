//! The full quality table of the embedded model: every way of sampling at equal evaluations, and plain
//! Euler under guidance, at a number of samples that takes hours.
//!
//! Samples are kept on disk as they are drawn, and rows as their group is measured (all ways at one number of
//! evaluations, or one guided row): a table that was interrupted goes on where it was.

use std::path::Path;
use std::sync::Arc;

use pathline::kernels::ProductPrecision;
use pathline::{Batch, Seed, VelocityField};
use pathline_data::atomic;
use pathline_nn::Network;

use crate::embedded::{embedded_judge, embedded_model};
use crate::error::Error;
use crate::files::Files;
use crate::in_turn::told_in_turn;
use crate::json::json;
use crate::progress::Progress;
use crate::quality::{Bench, Floor, Judged, Method, Real, plain};
use crate::shards::Shards;

/// Which rows a table has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TableRows<'a> {
    /// Evaluations at which every way is compared, fewest first.
    pub compared: &'a [usize],
    /// Evaluations of plain Euler at which guidance scales are.
    pub guided: &'a [usize],
    /// Those scales.
    pub scales: &'a [f64],
}

impl TableRows<'_> {
    /// Those of the table that comes with Pathline.
    pub const PUBLISHED: TableRows<'static> = TableRows {
        compared: &[10, 20, 50],
        guided: &[10, 20, 50, 100],
        scales: &[1.0, 1.5, 2.0, 3.0],
    };
}

/// Ways that are compared.
const WAYS: usize = 5;
/// Most samples of a row by guidance scale, of which there are many.
const GUIDED_SAMPLES: usize = 1000;

/// The table, and what it was measured with.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QualityTable {
    /// The command that measured it.
    pub command: String,
    /// Fingerprint of the model's parameters.
    pub model: String,
    /// In which numbers the model's products multiplied.
    #[serde(default)]
    pub precision: ProductPrecision,
    /// Samples a row.
    pub samples: usize,
    /// Real images that they are compared with: the 10 000 of the test set.
    pub real_images: usize,
    /// Share of real images that the judge puts into their own class.
    pub real_agreement: pathline::statistics::Estimate,
    /// Frechet distance between halves of the real images.
    pub floor: Floor,
    /// Frechet distance between halves of the real images, with as many images as rows by guidance have.
    pub guidance_floor: Floor,
    /// Every way of sampling, at equal evaluations and without guidance.
    pub ways: Vec<Judged>,
    /// Plain Euler by guidance scale.
    pub guidance: Vec<Judged>,
}

/// The table that comes with Pathline.
///
/// # Errors
/// [`Error::Library`]; never for the file this crate comes with.
pub fn embedded_table() -> Result<QualityTable, Error> {
    let text = include_str!("../assets/fashion-mnist-table.json");
    Ok(pathline::spec::from_json("embedded table", text)?)
}

/// What is measured, for one number of samples.
struct Work<'a> {
    network: Arc<dyn Network>,
    judge: &'a pathline_nn::Classifier,
    real: &'a Real,
    shards: Shards,
    precision: ProductPrecision,
}

/// Calls of the network that are done, of all there will be.
struct Told<'a> {
    progress: &'a mut dyn Progress,
    calls: usize,
    done: usize,
}

fn calls_an_evaluation(guidance: f64) -> usize {
    if guidance == 1.0 { 1 } else { 2 }
}

impl Work<'_> {
    fn field(&self, guidance: f64) -> Result<Arc<dyn VelocityField>, Error> {
        told_in_turn(self.precision, &self.network, 0, guidance)
    }

    fn bench<'b>(
        &'b self,
        field: &'b dyn VelocityField,
        guidance: f64,
        samples: usize,
    ) -> Bench<'b> {
        Bench { field, guidance, judge: self.judge, real: self.real, seed: Seed(0), samples }
    }

    /// A way's samples, kept as they are drawn.
    fn draw(&self, bench: &Bench<'_>, way: &Method, told: &mut Told<'_>) -> Result<Batch, Error> {
        let Method { name, evaluations, .. } = way;
        let guidance = bench.guidance;
        let (doing, before) =
            (format!("{name}, {evaluations} evaluations, guidance {guidance}"), told.done);
        let name = format!("{name}-{evaluations}-{guidance}");
        let each = evaluations * calls_an_evaluation(guidance);
        let mut draw = |which| bench.draw_some(way, which);
        self.shards.all((&name, bench.field.shape()), bench.samples, &mut draw, &mut |samples| {
            told.done = before + samples * each;
            told.progress.at(told.done as f64 / told.calls as f64, &doing);
        })
    }

    /// Every way of sampling with so many evaluations, unless the table has them.
    fn compare(
        &self,
        evaluations: usize,
        table: &mut QualityTable,
        kept: &Path,
        told: &mut Told<'_>,
    ) -> Result<(), Error> {
        let samples = table.samples;
        if table.ways.iter().filter(|row| row.evaluations == evaluations).count() >= WAYS {
            told.done += WAYS * evaluations * samples;
            return Ok(());
        }
        table.ways.retain(|row| row.evaluations != evaluations);
        let field = self.field(1.0)?;
        let bench = self.bench(&*field, 1.0, samples);
        let mut draw = |way: &Method| self.draw(&bench, way, told);
        let rows = bench.compare(evaluations, &mut draw, &mut |_| Ok(()))?;
        table.ways.extend(rows);
        keep(kept, table)
    }

    /// Plain Euler under every guidance scale, but for rows that the table has.
    fn guide(
        &self,
        rows: &TableRows<'_>,
        table: &mut QualityTable,
        kept: &Path,
        told: &mut Told<'_>,
    ) -> Result<(), Error> {
        let samples = table.samples.min(GUIDED_SAMPLES);
        let each = rows.guided.iter().flat_map(|&e| rows.scales.iter().map(move |&s| (s, e)));
        for (scale, evaluations) in each {
            let same = |row: &Judged| row.guidance == scale && row.evaluations == evaluations;
            if table.guidance.iter().any(same) {
                told.done += evaluations * samples * calls_an_evaluation(scale);
                continue;
            }
            let (field, way) = (self.field(scale)?, plain(evaluations)?);
            let bench = self.bench(&*field, scale, samples);
            let row = bench.judge(&way, &self.draw(&bench, &way, told)?, None)?.0;
            table.guidance.push(row);
            table.guidance.sort_by(|a, b| {
                (a.guidance.total_cmp(&b.guidance)).then(a.evaluations.cmp(&b.evaluations))
            });
            keep(kept, table)?;
        }
        Ok(())
    }
}

/// Measures these rows with the real images of `data` (the folder of Fashion-MNIST), with so many samples each
/// and the model's products in these numbers, or goes on with the table in the file `kept`.
///
/// # Errors
/// [`Error::Data`] if files cannot be read or written, [`Error::Usage`] if `kept` is of another model or
/// number of samples.
pub fn quality_table(
    rows: &TableRows<'_>,
    data: &str,
    (samples, precision): (usize, ProductPrecision),
    kept: &Path,
    progress: &mut dyn Progress,
) -> Result<QualityTable, Error> {
    let (network, judge) = (embedded_model()?, embedded_judge()?);
    let test = Path::new(data).join("t10k-images-idx3-ubyte.gz").display().to_string();
    let test = Files.data_set(&test)?;
    let labels = test.labels.unwrap_or_default();
    let real = Real::new(&test.batch, &labels, &judge)?;
    let fewer = samples.min(GUIDED_SAMPLES);
    let fresh = QualityTable {
        command: format!(
            "pathline demo --full --full-samples {samples} --full-precision {precision} --data {data}"
        ),
        model: format!("{:016x}", network.parameters().fingerprint()),
        precision,
        samples,
        real_images: real.len(),
        real_agreement: real.agreement,
        floor: real.floor(samples, Seed(0))?,
        guidance_floor: real.floor(fewer, Seed(0))?,
        ways: Vec::new(),
        guidance: Vec::new(),
    };
    let mut table = begun(kept, &fresh)?.unwrap_or(fresh);
    let shards = Shards::beside(kept, format!("{}-{precision}", table.model));
    let work = Work { network, judge: &judge, real: &real, shards, precision };
    let ways = rows.compared.iter().map(|e| WAYS * e * samples).sum::<usize>();
    let a_scale: usize = rows.scales.iter().map(|&scale| calls_an_evaluation(scale)).sum();
    let guided = rows.guided.iter().map(|e| a_scale * e * fewer).sum::<usize>();
    let mut told = Told { progress, calls: ways + guided, done: 0 };
    // Cheap groups first: a table that is ended early has some of everything.
    for (i, &evaluations) in rows.compared.iter().enumerate() {
        work.compare(evaluations, &mut table, kept, &mut told)?;
        if i == 0 {
            work.guide(rows, &mut table, kept, &mut told)?;
        }
    }
    work.shards.remove()?;
    Ok(table)
}

/// The table in a file, if there is one and it is of the same model, data and number of samples.
fn begun(kept: &Path, fresh: &QualityTable) -> Result<Option<QualityTable>, Error> {
    if !kept.exists() {
        return Ok(None);
    }
    let text =
        String::from_utf8_lossy(&pathline_data::file::read_capped(kept, 1 << 24)?).into_owned();
    let table: QualityTable = pathline::spec::from_json(&kept.display().to_string(), &text)?;
    let bare = QualityTable { ways: Vec::new(), guidance: Vec::new(), ..table.clone() };
    if bare == *fresh {
        return Ok(Some(table));
    }
    let problem = "a table of another model, other data or another number of samples";
    Err(Error::usage(kept.display().to_string(), problem, "move it away, or choose another --out"))
}

fn keep(kept: &Path, table: &QualityTable) -> Result<(), Error> {
    Ok(atomic::replace(kept, &json(table)?)?)
}
