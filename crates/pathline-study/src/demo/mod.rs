//! `demo`: the whole story on embedded real images, in one page and within a minute.
//!
//! One file a part: two trained 2-D flows and their deficit (`flows`), a perfect memoriser and its
//! energies (`memoriser`), corrections with their controls (`corrections`), a class that is switched in
//! mid-flight (`switching`), the embedded trained model beside all of that (`trained`,
//! `model_switching`), and ways of sampling it at equal evaluations (`table`).

mod corrections;
mod flows;
mod images;
mod memoriser;
mod model_switching;
mod switching;
mod table;
mod trained;

pub use corrections::{Correction, Corrections};
pub use flows::{Flow, Flows};
pub use memoriser::Memoriser;
pub use model_switching::{ModelSwitchPoint, ModelSwitching};
pub use switching::{SwitchPoint, Switching};
pub use table::Live;
pub use trained::Trained;

use pathline::Seed;
use pathline::recording::Recording;
use pathline_view::{Fact, Report};

use crate::error::Error;
use crate::progress::{Part, Progress};
use crate::table::{QualityTable, embedded_table};
use images::Images;
use trained::Model;

/// Everything that the demo measured. Serialises to its numbers; pictures stay behind.
#[derive(serde::Serialize)]
pub struct Demo {
    /// Version of Pathline.
    pub version: &'static str,
    /// Root of all randomness.
    pub seed: Seed,
    /// Two 2-D flows.
    pub flows: Flows,
    /// The exact field over real images.
    pub memoriser: Memoriser,
    /// Corrections and controls on it.
    pub corrections: Corrections,
    /// Its class, switched in mid-flight.
    pub switching: Switching,
    /// The embedded model.
    pub trained: Trained,
    /// Ways of sampling it.
    pub ways: Live,
    #[serde(skip)]
    images: Images,
}

/// What a demo is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct DemoSpec {
    /// Root of all randomness.
    pub seed: Seed,
    /// Samples a row of the table that is measured on the spot, at least 40; `None` for as many as this
    /// machine can draw in half a minute.
    pub samples: Option<usize>,
    /// The table of many samples.
    pub table: QualityTable,
}

impl DemoSpec {
    /// The demo with the table that comes with Pathline.
    ///
    /// # Errors
    /// None is expected: the table is embedded.
    pub fn new(seed: Seed) -> Result<Self, Error> {
        Ok(Self { seed, samples: None, table: embedded_table()? })
    }
}

/// Runs the demo.
///
/// # Errors
/// None is expected; whatever a part raises.
pub fn demo(spec: &DemoSpec, progress: &mut dyn Progress) -> Result<Demo, Error> {
    let seed = spec.seed;
    progress.at(0.0, "reading the embedded images");
    let (images, model) = (Images::load()?, Model::load()?);
    let flows = flows::flows(seed, &mut Part::new(progress, 0.0, 0.2))?;
    progress.at(0.2, "sampling the exact field");
    let memoriser = memoriser::memoriser(&images, seed)?;
    let corrections = corrections::corrections(&images, seed, &mut Part::new(progress, 0.23, 0.3))?;
    let switching = switching::switching(&images, seed, &mut Part::new(progress, 0.3, 0.37))?;
    let trained = trained::trained(&model, &images, seed, &mut Part::new(progress, 0.37, 0.55))?;
    let how = (spec.samples, spec.table.clone());
    let ways = table::live(&model, &images, seed, how, &mut Part::new(progress, 0.55, 1.0))?;
    progress.at(1.0, "done");
    Ok(Demo {
        version: env!("CARGO_PKG_VERSION"),
        seed,
        flows,
        memoriser,
        corrections,
        switching,
        trained,
        ways,
        images,
    })
}

impl Demo {
    /// The run of the first 2-D flow, every step saved.
    #[must_use]
    pub fn recording(&self) -> Option<&Recording> {
        self.flows.recording()
    }

    /// The page.
    #[must_use]
    pub fn report(&self) -> Report {
        let mut sections = vec![self.flows.section()];
        sections.extend(self.memoriser.sections(&self.images));
        sections.push(self.corrections.section());
        sections.push(self.switching.section());
        sections.push(self.flows.deficit_section());
        sections.extend(self.trained.sections());
        sections.push(self.ways.section());
        if self.seed != Seed(0) {
            // The commands under the figures are those of the default seed.
            let figures = sections.iter_mut().flat_map(|s| &mut s.figures);
            let other = |f: &&mut pathline_view::Figure| {
                f.command.starts_with("pathline view") || f.command == self.ways.full.command
            };
            for figure in figures.filter(|f| !other(f)) {
                figure.command = format!("{} --seed {}", figure.command, self.seed.0);
            }
        }
        Report {
            title: "Pathline: how samples got there".to_owned(),
            lead: "Flow-matching models carry noise to data along trajectories. Most tools look at where \
                   the trajectories end. This page looks at the trajectories: their energy, their \
                   straightness, what corrections do to them, and what of it is the model's doing. \
                   Everything on it was computed on this machine just now, except where a table says that \
                   it was measured before."
                .to_owned(),
            command: format!("pathline demo --seed {}", self.seed.0),
            facts: vec![
                Fact::new("seed", self.seed.0),
                Fact::new("images", "2 000 of Fashion-MNIST"),
                Fact::new("trained just now", "two 2-D flows"),
                Fact::new("trained before", "a U-Net, on 59 400"),
                Fact::new("Pathline", self.version),
            ],
            sections,
            references: REFERENCES.iter().map(|&r| r.to_owned()).collect(),
            footer: "Made by `pathline demo`. Images: Fashion-MNIST, MIT licence, Zalando SE.".to_owned(),
        }
    }

    /// The findings, one line each, for the terminal.
    #[must_use]
    pub fn summary(&self) -> Vec<String> {
        let percent = |v: f64| format!("{:.1} %", 100.0 * v);
        let [independent, paired] = [0, 1].map(|i| self.flows.flows.get(i));
        let straight = |f: Option<&Flow>| f.map_or(f64::NAN, |f| f.straightness.value);
        let mild = self.corrections.rows.get(1);
        let late = self.switching.points.last();
        let half = self.trained.switching.points.iter().find(|p| p.new.value < 0.5);
        vec![
            format!(
                "straightness   independent {:.3}, minibatch OT {:.3}",
                straight(independent),
                straight(paired)
            ),
            format!(
                "memorised      exact field {}, held-out real images {}",
                percent(self.memoriser.memorised.value),
                percent(self.memoriser.memorised_floor.value)
            ),
            format!(
                "KTS .01 / .01  leaves {} of the way, memorised {}",
                percent(mild.map_or(f64::NAN, |r| r.residual)),
                percent(mild.map_or(f64::NAN, |r| r.memorised.value))
            ),
            format!(
                "late switch    class agreement {}, distance {:.2}",
                percent(late.map_or(f64::NAN, |p| p.agreement.value)),
                late.map_or(f64::NAN, |p| p.distance)
            ),
            format!(
                "radial error   of the first flow: at most {} of the needed speed at any time",
                percent(self.flows.radial_error())
            ),
            format!(
                "trained model  {} of its images show the class asked for (real images: {})",
                percent(self.trained.agreement.value),
                percent(self.trained.real_agreement.value)
            ),
            format!(
                "               its class is decided by t = {}",
                half.map_or_else(|| "1".to_owned(), |p| format!("{:.2}", p.t))
            ),
        ]
    }
}

const REFERENCES: &[&str] = &[
    "Lipman, Chen, Ben-Hamu, Nickel, Le (2023), Flow Matching for Generative Modeling, \
     https://arxiv.org/abs/2210.02747",
    "Liu, Gong, Liu (2023), Flow Straight and Fast, https://arxiv.org/abs/2209.03003",
    "Tong et al. (2024), Improving and Generalizing Flow-Based Generative Models with Minibatch Optimal \
     Transport, https://arxiv.org/abs/2302.00482",
    "Bertrand, Gagneux, Massias, Emonet (2025), On the Closed-Form of Flow Matching, \
     https://arxiv.org/abs/2506.03719",
    "A Kinetic Energy Perspective of Flow Matching (2026), https://arxiv.org/abs/2602.07928",
    "Velocity Deficit in Flow Matching (2026), https://arxiv.org/abs/2605.14819",
    "Peebles, Xie (2023), Scalable Diffusion Models with Transformers, https://arxiv.org/abs/2212.09748",
    "Ma et al. (2024), SiT, https://arxiv.org/abs/2401.08740",
    "Ho, Salimans (2022), Classifier-Free Diffusion Guidance, https://arxiv.org/abs/2207.12598",
    "Binkowski, Sutherland, Arbel, Gretton (2018), Demystifying MMD GANs, \
     https://arxiv.org/abs/1801.01401",
    "Kynkaanniemi et al. (2019), Improved Precision and Recall Metric, https://arxiv.org/abs/1904.06991",
    "Xiao, Rasul, Vollgraf (2017), Fashion-MNIST, https://arxiv.org/abs/1708.07747",
];
