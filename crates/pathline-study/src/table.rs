//! The full quality table of the embedded model: every way of sampling at equal evaluations, and plain
//! Euler under guidance, at a number of samples that takes hours.
//!
//! Rows are kept as their group is measured (all ways at one number of evaluations, or one guided row), so
//! a table that was interrupted goes on with the group it was at.

use std::path::Path;
use std::sync::Arc;

use pathline::Seed;
use pathline::kernels::ProductPrecision;
use pathline_data::atomic;
use pathline_nn::Network;

use crate::embedded::{embedded_judge, embedded_model};
use crate::error::Error;
use crate::files::Files;
use crate::in_turn::told_in_turn_in;
use crate::json::json;
use crate::progress::Progress;
use crate::quality::{Bench, Floor, Judged, Real, plain};

/// Evaluations at which every way is compared.
const COMPARED: [usize; 3] = [10, 20, 50];
/// Evaluations of plain Euler at which guidance scales are.
const GUIDED: [usize; 4] = [10, 20, 50, 100];
const SCALES: [f64; 4] = [1.0, 1.5, 2.0, 3.0];

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
    samples: usize,
}

impl Work<'_> {
    fn bench<'b>(&'b self, field: &'b dyn pathline::VelocityField, guidance: f64) -> Bench<'b> {
        let (judge, real, samples) = (self.judge, self.real, self.samples);
        Bench { field, guidance, judge, real, seed: Seed(0), samples }
    }
}

/// Measures the table with the real images of `data` (the folder of Fashion-MNIST), with so many samples a row
/// and the model's products in these numbers, or goes on with the one in the file `kept`.
///
/// # Errors
/// [`Error::Data`] if files cannot be read or written, [`Error::Usage`] if `kept` is of another model or
/// number of samples.
pub fn quality_table(
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
    let print = pathline::field::fingerprint(
        network.parameters().as_slice().iter().flat_map(|v| v.to_le_bytes()),
    );
    let fresh = QualityTable {
        command: format!(
            "pathline demo --full --full-samples {samples} --full-precision {precision} --data {data}"
        ),
        model: format!("{print:016x}"),
        precision,
        samples,
        real_images: real.len(),
        real_agreement: real.agreement,
        floor: real.floor(samples, Seed(0))?,
        ways: Vec::new(),
        guidance: Vec::new(),
    };
    let mut table = begun(kept, &fresh)?.unwrap_or(fresh);
    let work = Work { network, judge: &judge, real: &real, samples };
    let calls: usize = COMPARED.iter().map(|e| 5 * e).sum::<usize>()
        + GUIDED.iter().map(|e| (SCALES.len() * 2 - 1) * e).sum::<usize>();
    let mut done = 0;
    for evaluations in COMPARED {
        if table.ways.iter().filter(|row| row.evaluations == evaluations).count() < 5 {
            table.ways.retain(|row| row.evaluations != evaluations);
            let field = told_in_turn_in(precision, &work.network, 0, 1.0)?;
            let rows = work.bench(&*field, 1.0).compare(evaluations, &mut |row| {
                done += evaluations;
                let doing = format!("{} with {evaluations} evaluations", row.method);
                progress.at(done as f64 / calls as f64, &doing);
                Ok(())
            })?;
            table.ways.extend(rows);
            keep(kept, &table)?;
        } else {
            done += 5 * evaluations;
        }
    }
    for (scale, evaluations) in SCALES.iter().flat_map(|s| GUIDED.map(|e| (*s, e))) {
        done += if scale == 1.0 { evaluations } else { 2 * evaluations };
        let same = |row: &&Judged| row.guidance == scale && row.evaluations == evaluations;
        if table.guidance.iter().any(|row| same(&row)) {
            continue;
        }
        let same = |row: &&Judged| same(row) && row.method == "Euler";
        let row = match table.ways.iter().find(same) {
            Some(row) => row.clone(),
            None => {
                let field = told_in_turn_in(precision, &work.network, 0, scale)?;
                let method = plain(evaluations)?;
                let bench = work.bench(&*field, scale);
                bench.judge(&method, &bench.draw(&method)?, None)?.0
            }
        };
        table.guidance.push(row);
        keep(kept, &table)?;
        let doing = format!("guidance {scale} with {evaluations} evaluations");
        progress.at(done as f64 / calls as f64, &doing);
    }
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
