//! What was measured for a claim, as plain columns of numbers: enough to judge it again without running
//! anything.

use std::collections::BTreeMap;

use pathline::statistics::{Jackknife, JackknifeEstimate};

use crate::error::Error;
use crate::ranks_within::ranks_within;
use crate::sets::BLOCKS;

/// Named columns of equal length: a row is a sample, a time, a training seed, whatever the unit is.
pub type Columns = BTreeMap<String, Vec<f64>>;

/// The column of the class of each sample.
pub(super) const CLASS: &str = "class";

/// How much work a measurement may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effort {
    /// Some minutes for all claims, on what is embedded: wide intervals, many claims undecided.
    Quick,
    /// The numbers that the ledger is written from: hours.
    Full,
}

/// All numbers of one claim.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The claim's number in the ledger.
    pub claim: u32,
    /// How much work was put in.
    pub effort: Effort,
    /// Root of all randomness.
    pub seed: u64,
    /// Version of Pathline that measured.
    pub version: String,
    /// Where it was measured, in the order of the work.
    pub settings: Vec<Setting>,
    /// What could not be measured, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
}

/// One experiment: a field, data, a way of sampling.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// A short name, unique within the claim.
    pub name: String,
    /// What was done, for whoever wants to do it again.
    pub about: String,
    /// What came out.
    pub columns: Columns,
}

/// An experiment that was not done.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// The setting's name.
    pub name: String,
    /// Why it was not done, and what it needs.
    pub why: String,
}

impl Setting {
    /// A setting whose numbers are rounded to seven digits: `f32` knows no more, and files stay small.
    ///
    /// # Errors
    /// [`Error::Usage`] for columns of different length or a number that is not finite.
    pub fn new(name: &str, about: String, mut columns: Columns) -> Result<Self, Error> {
        check(name, &columns)?;
        columns.values_mut().flatten().for_each(|value| *value = rounded(*value));
        Ok(Self { name: name.to_owned(), about, columns })
    }

    /// A column by name.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is no such column: the file is of another version.
    pub fn column(&self, name: &str) -> Result<&[f64], Error> {
        self.columns.get(name).map(Vec::as_slice).ok_or_else(|| {
            let problem = format!("has no column `{name}`");
            Error::usage(&self.name, problem, "measure the claim again")
        })
    }

    /// The class of each row, where the rows have one.
    pub(super) fn classes(&self) -> Option<Vec<u32>> {
        Some(self.columns.get(CLASS)?.iter().map(|&class| class as u32).collect())
    }

    /// The setting with these columns alone, ranked within classes.
    pub(super) fn ranked(&self, columns: &[&str]) -> Result<Self, Error> {
        self.column(CLASS)?;
        let classes = self.classes().unwrap_or_default();
        let rank =
            |&name: &&str| Ok((name.to_owned(), ranks_within(self.column(name)?, &classes)?));
        let columns = columns.iter().map(rank).collect::<Result<Columns, Error>>()?;
        Ok(Self { name: self.name.clone(), about: self.about.clone(), columns })
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.columns.values().map(Vec::len).max().unwrap_or(0)
    }

    /// A statistic of the rows, with its delete-block jackknife over 19 blocks (fewer when there are fewer
    /// rows).
    ///
    /// # Errors
    /// [`Error::Library`] when it is undefined on a part of the rows.
    pub fn jackknife(
        &self,
        statistic: impl Fn(&[usize]) -> Option<f64> + Sync,
    ) -> Result<(JackknifeEstimate, f64), Error> {
        let blocks = BLOCKS.min(self.rows());
        let found = Jackknife { blocks, level: 0.95 }.interval(self.rows(), statistic)?;
        Ok((found, blocks as f64 - 1.0))
    }
}

impl Evidence {
    /// The setting of this name, if it was measured.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|s| s.name == name)
    }

    /// Reads what [`Evidence::to_json`] wrote.
    ///
    /// # Errors
    /// [`Error::Library`] naming the place in the text; [`Error::Usage`] as [`Setting::new`].
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let evidence: Self = pathline::spec::from_json("evidence", text)?;
        evidence.settings.iter().try_for_each(|s| check(&s.name, &s.columns))?;
        Ok(evidence)
    }

    /// One column a line, so that differences between measurements can be read.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = format!(
            "{{\"claim\": {}, \"effort\": {}, \"seed\": {}, \"version\": {},\n\"missing\": {},\n\"settings\": [",
            self.claim,
            text(&self.effort),
            self.seed,
            text(&self.version),
            text(&self.missing)
        );
        for (i, setting) in self.settings.iter().enumerate() {
            out += if i == 0 { "\n" } else { ",\n" };
            out += &format!(
                "{{\"name\": {}, \"about\": {}, \"columns\": {{",
                text(&setting.name),
                text(&setting.about)
            );
            for (j, (name, values)) in setting.columns.iter().enumerate() {
                out += if j == 0 { "\n" } else { ",\n" };
                out += &format!("  {}: {}", text(name), text(values));
            }
            out += "}}";
        }
        out + "\n]}\n"
    }
}

/// Columns must be equally long and hold numbers.
fn check(setting: &str, columns: &Columns) -> Result<(), Error> {
    let length = columns.values().next().map_or(0, Vec::len);
    for (column, values) in columns {
        if values.len() != length || values.iter().any(|v| !v.is_finite()) {
            let problem = format!("column `{column}` is short or holds no number somewhere");
            return Err(Error::usage(setting, problem, "measure the claim again"));
        }
    }
    Ok(())
}

/// A value whose JSON cannot fail: texts, and numbers that were checked to be finite.
fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// To seven significant digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.6e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_the_file() {
        let columns = Columns::from([("x".to_owned(), vec![1.0 / 3.0, -2e-9, 0.0])]);
        let setting = Setting::new("a \"quoted\" name", "about".to_owned(), columns).unwrap();
        assert_eq!(setting.column("x").unwrap()[0], 0.333_333_3);
        let evidence = Evidence {
            claim: 9,
            effort: Effort::Quick,
            seed: 3,
            version: "0".to_owned(),
            settings: vec![setting],
            missing: vec![Missing { name: "b".to_owned(), why: "no file".to_owned() }],
        };
        assert_eq!(Evidence::from_json(&evidence.to_json()).unwrap(), evidence);
        assert!(Evidence::from_json("{}").is_err());
        let mut short = evidence.clone();
        short.settings[0].columns.insert("y".to_owned(), vec![1.0]);
        assert!(Evidence::from_json(&short.to_json()).is_err());
        assert!(evidence.settings[0].column("y").is_err());
    }
}
