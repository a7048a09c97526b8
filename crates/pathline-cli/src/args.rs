//! The table of flags: help and completion are made from it.

mod beside;
mod run;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use pathline::kernels::ProductPrecision;

pub(crate) use beside::BesideData;
pub(crate) use run::{Run, Way};

/// Sample flow-matching models, measure every trajectory, correct sampling without retraining.
#[derive(Parser)]
#[command(name = "pathline", version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Threads to use [default: all]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
}

const EXAMPLES: &str = "\
Examples:
  pathline demo                                     the whole story in one page
  pathline sample ring -n 512 --out ring.safetensors
  pathline view ring.safetensors

Exit codes: 0 done, 1 ended early, 2 could not run.";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show all of it on embedded real images, in one page, within a minute
    Demo(Demo),
    /// Fit a velocity network to data; an interrupted run goes on where it was
    Train(Train),
    /// Follow a velocity field from its source
    Sample(Sample),
    /// Say what trajectories cost, how they bend, and whether samples are memorised
    Measure(Measure),
    /// Runs from the same seeds side by side: differences with intervals, effects and tests
    Compare(Compare),
    /// Make a Pathline checkpoint of another program's, or of one's own in half precision
    Convert(Convert),
    /// Measure what papers claim of flow models again, and say what is left of each claim
    Claims(Claims),
    /// Draw recordings as self-contained pages
    View(View),
    /// Print a completion script for a shell
    #[command(after_help = "\
Examples:
  pathline completions bash > ~/.local/share/bash-completion/completions/pathline
  pathline completions zsh > ~/.zfunc/_pathline")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  pathline demo
  pathline demo --out my-demo --seed 7 --threads 2
  pathline demo --full --out full-demo

Writes report.html (open it in a browser), demo.json (the page's numbers) and run.safetensors (a
recording of the first flow). Needs no network. How many samples its last table draws depends on the
machine's speed, unless --samples says it. With --full the large table, which otherwise is shown as it
came with Pathline, is measured anew; that takes hours, and goes on where it was (table.json).")]
pub(crate) struct Demo {
    /// Folder to write to
    #[arg(long, value_name = "DIR", default_value = "pathline-demo")]
    pub(crate) out: PathBuf,
    /// Root of all randomness
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Samples a row of the last table, at least 40 [default: what half a minute allows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(40..=60_000))]
    pub(crate) samples: Option<u32>,
    /// Measure the large table anew, on the images in --data
    #[arg(long)]
    pub(crate) full: bool,
    /// Samples a row of the large table
    #[arg(long, value_name = "N", default_value_t = 10_000, requires = "full", value_parser = clap::value_parser!(u32).range(40..=60_000))]
    pub(crate) full_samples: u32,
    /// Numbers that the model's products multiply in the large table: f32, bf16, or `fastest` of them here
    #[arg(long, value_name = "NUMBERS", default_value = "f32", requires = "full")]
    pub(crate) full_precision: ProductPrecision,
    /// Folder of the four files of Fashion-MNIST, as Debian's package dataset-fashion-mnist installs them
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/usr/share/datasets/fashion-mnist",
        requires = "full"
    )]
    pub(crate) data: String,
    /// Print the numbers as JSON instead of a summary
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  pathline train moons --out run --steps 500
  pathline train run/config.json --out again --clock logit-normal --set training.optimiser.clip=1

DIR gets config.json, log.jsonl, the same for TensorBoard, state.safetensors, and at the end
model.safetensors and report.json.
Killed at any moment, the same command goes on from the last state and ends with the same bytes; with
more --steps it goes on further.")]
pub(crate) struct Train {
    /// A data set (any file, folder of images or built-in set) to fit a network to, or a config.json
    #[arg(value_name = "DATA|CONFIG.json")]
    pub(crate) data: String,
    /// Folder of the run, made if need be
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Number of updates [default: 5000]
    #[arg(long, value_name = "N")]
    pub(crate) steps: Option<u64>,
    /// Rows of a batch [default: 256]
    #[arg(long, value_name = "N")]
    pub(crate) batch: Option<usize>,
    /// Root of all randomness [default: 0]
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Parts that a batch goes through the network in, one after another, to save memory [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) accumulate: Option<usize>,
    /// Kind of network [default: mlp]
    #[arg(long, value_name = "KIND")]
    pub(crate) network: Option<String>,
    /// Widths of a perceptron's hidden layers [default: 128,128,128]
    #[arg(long, value_name = "WIDTHS")]
    pub(crate) hidden: Option<String>,
    /// Mirror half of the images left to right
    #[arg(long)]
    pub(crate) mirror: bool,
    /// Which noise goes with which row of a batch: independent, minibatch-ot, sinkhorn[:reg], condition-aware
    /// (minibatch OT within each label), or JSON [default: independent]
    #[arg(long)]
    pub(crate) coupling: Option<String>,
    /// How times are drawn: uniform, logit-normal[:mean,std], mode[:scale], cosmap, beta:alpha,beta,
    /// shifted:a, or JSON [default: uniform]
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) clock: Option<String>,
    /// What the network predicts: velocity, target, source, score [default: velocity]
    #[arg(long, value_name = "WHAT")]
    pub(crate) prediction: Option<String>,
    /// Numbers that products multiply: f32, bf16 (faster where the processor has AMX or AVX512-BF16), or `fastest` of
    /// them here [default: f32]
    #[arg(long, value_name = "NUMBERS")]
    pub(crate) precision: Option<ProductPrecision>,
    /// Decays of the moving averages to keep, or `none`; the first is the model that is written, and the
    /// others lie beside it [default: 0.999]
    #[arg(long, value_name = "DECAYS")]
    pub(crate) ema: Option<String>,
    /// Where samples start: `normal`, or a 2-D set such as `eight-gaussians` [default: normal]
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Peak learning rate [default: 0.001]
    #[arg(long, allow_negative_numbers = true, value_name = "RATE")]
    pub(crate) learning_rate: Option<f64>,
    /// Share of the rows that training never sees [default: 0.1]
    #[arg(long, allow_negative_numbers = true, value_name = "SHARE")]
    pub(crate) held_out: Option<f64>,
    /// Steps between two states on disk [default: 500]
    #[arg(long, value_name = "N")]
    pub(crate) checkpoint_every: Option<u64>,
    /// Any setting by its name in config.json; VALUE is JSON or a text; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  pathline convert SiT-XL-2-256.pt sit.safetensors
  pathline convert unet.pt unet.safetensors --shape 3,32,32 --heads 4
  pathline convert cfm.pt flow.safetensors
  pathline convert run/model.safetensors small.safetensors --half

Reads networks of SiT, torchcfm's U-Net and perceptrons (.pt, .pth, .safetensors) and Pathline's own; of
a training checkpoint the average of the weights, if it has one. No code in a file is run. DiT's files
have SiT's names but no velocity: they are not told apart, and give nonsense.")]
pub(crate) struct Convert {
    /// The checkpoint
    #[arg(value_name = "IN")]
    pub(crate) from: PathBuf,
    /// The new file
    #[arg(value_name = "OUT")]
    pub(crate) to: PathBuf,
    /// Heads of attention, where the checkpoint does not say
    #[arg(long, value_name = "N")]
    pub(crate) heads: Option<usize>,
    /// Shape of one state, where the checkpoint does not say: channels, height, width
    #[arg(long, value_name = "C,H,W", value_delimiter = ',')]
    pub(crate) shape: Vec<usize>,
    /// Write two bytes a parameter instead of four
    #[arg(long)]
    pub(crate) half: bool,
    /// Replace OUT if it is there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Args)]
#[command(after_help = "\
MODEL is one of
  ring, gaussian                   exact fields of 2-D Gaussians
  fashion-mnist, moons, DATA.npz   the exact empirical field over a data set (any file or built-in set)
  MODEL.pt, MODEL.safetensors      a trained MLP velocity network
  '{\"kind\": \"ring\", ...}'          any field, as JSON

Examples:
  pathline sample fashion-mnist --class each -n 100 --out garments.png
  pathline sample cfm.pt --source eight-gaussians --solver heun --steps 20 --out run.safetensors")]
pub(crate) struct Sample {
    /// The velocity field to follow
    pub(crate) model: String,
    #[command(flatten)]
    pub(crate) run: Run,
    /// File to write, by its ending: .npz, .csv, .png, or .safetensors (a recording); may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Vec<PathBuf>,
    /// Keep every N-th state in the recording [default: all of 2-D runs, the end of others]
    #[arg(long, value_name = "N")]
    pub(crate) save_every: Option<usize>,
    /// Replace files that exist
    #[arg(long)]
    pub(crate) force: bool,
    /// Print the run's record as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(after_help = "\
MODEL is a recording (.safetensors of `pathline sample`), or anything that `sample` takes.

Examples:
  pathline measure run.safetensors
  pathline measure fashion-mnist --class each -n 200 --data fashion-mnist --page measured.html
  pathline measure fashion-mnist -n 100 --data fashion-mnist --held-out fashion-mnist-test
  pathline measure fashion-mnist -n 200 --data fashion-mnist --bumps scott --components 50
  pathline measure net.pt -n 1000 --data photos --features efficientnet-lite0.pth")]
pub(crate) struct Measure {
    /// A recording, or the velocity field to sample and measure
    pub(crate) model: String,
    #[command(flatten)]
    pub(crate) run: Run,
    #[command(flatten)]
    pub(crate) beside: BesideData,
    /// More data of that kind, which the model has not seen: for the floor of memorisation, the velocity deficit and g*
    /// [default: the data themselves]
    #[arg(long, value_name = "DATA", requires = "data")]
    pub(crate) held_out: Option<String>,
    /// The neighbour whose distance gives the density of the data [default: 10]
    #[arg(long, value_name = "K", requires = "data", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) neighbours: Option<u32>,
    /// Estimate that density by Gaussian bumps instead: scott, silverman, median, or their width
    #[arg(long, value_name = "WIDTH", requires = "data", conflicts_with = "neighbours")]
    pub(crate) bumps: Option<String>,
    /// Principal components of the data in which it is estimated [default: all of the space]
    #[arg(long, value_name = "N", requires = "data", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) components: Option<u32>,
    /// Also write a page
    #[arg(long, value_name = "FILE.html")]
    pub(crate) page: Option<PathBuf>,
    /// Replace a page that exists
    #[arg(long)]
    pub(crate) force: bool,
    /// Print all numbers as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(after_help = "\
Each MODEL is a recording (.safetensors of `pathline sample`), or anything that `sample` takes. The
first run is the baseline. Flags outside of --run hold for every run, and those of a --run win over them.

Examples:
  pathline compare a.safetensors b.safetensors
  pathline compare ring -n 200 --run '--steps 20' --run '--solver heun --steps 10'
  pathline compare moons --run '--steps 5' --run '--steps 20' --data moons --page compared.html

d_z is the mean difference over the standard deviation of differences; p-values are of Wilcoxon's
signed-rank test, corrected for all tests of the comparison (Holm).")]
pub(crate) struct Compare {
    /// Recordings, or velocity fields to sample; several models take every --run each
    #[arg(required = true, value_name = "MODEL")]
    pub(crate) models: Vec<String>,
    /// Flags of one run, quoted, such as '--solver heun --steps 10'; once for each way to run the model
    #[arg(long = "run", value_name = "FLAGS", allow_hyphen_values = true)]
    pub(crate) ways: Vec<String>,
    #[command(flatten)]
    pub(crate) run: Run,
    #[command(flatten)]
    pub(crate) beside: BesideData,
    /// Weights of ST-LPIPS: also say how unlike paired images look
    #[arg(long, value_name = "FILE")]
    pub(crate) perceptual: Option<PathBuf>,
    /// Also write a page
    #[arg(long, value_name = "FILE.html")]
    pub(crate) page: Option<PathBuf>,
    /// Replace a page that exists
    #[arg(long)]
    pub(crate) force: bool,
    /// Print all numbers as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  pathline claims --list
  pathline claims 24 25                           quickly, on what is embedded
  pathline claims --full --cifar10 cifar10 --out claims
  pathline claims --judge docs/claims/raw         verdicts from kept numbers; measures nothing

Writes raw/ (the numbers, kept after every setting: an interrupted run goes on), a page a claim,
README.md and ledger.html. A verdict is corrected for how many claims are judged together.")]
pub(crate) struct Claims {
    /// Claims to measure, by number [default: all]
    #[arg(value_name = "NUMBER")]
    pub(crate) numbers: Vec<u32>,
    /// List the claims
    #[arg(long)]
    pub(crate) list: bool,
    /// Measure as the ledger was measured, with all data and many samples: takes hours
    #[arg(long)]
    pub(crate) full: bool,
    /// Folder to write to, or to go on in
    #[arg(long, value_name = "DIR", default_value = "pathline-claims")]
    pub(crate) out: PathBuf,
    /// Root of all randomness
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Judge the numbers in this folder instead of measuring
    #[arg(long, value_name = "RAW", conflicts_with_all = ["full", "seed", "out"])]
    pub(crate) judge: Option<PathBuf>,
    /// Folder of the four files of Fashion-MNIST, as Debian's package dataset-fashion-mnist installs them
    #[arg(long, value_name = "DIR", default_value = "/usr/share/datasets/fashion-mnist")]
    pub(crate) data: PathBuf,
    /// Folder with train.npz and test.npz of CIFAR-10; without it, what needs it is not measured
    #[arg(long, value_name = "DIR")]
    pub(crate) cifar10: Option<PathBuf>,
    /// Weights of a network, such as EfficientNet-Lite0: kernel distances of claims 4 to 6 also in its features
    #[arg(long, value_name = "FILE")]
    pub(crate) features: Option<PathBuf>,
    /// Print verdicts and findings as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  pathline view run.safetensors
  pathline view a.safetensors b.safetensors --out pages")]
pub(crate) struct View {
    /// Recordings made by `pathline sample` or `pathline demo`
    #[arg(required = true, value_name = "RECORDING")]
    pub(crate) recordings: Vec<PathBuf>,
    /// Folder for the pages, made if need be [default: beside each recording]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Replace pages that exist
    #[arg(long)]
    pub(crate) force: bool,
}
