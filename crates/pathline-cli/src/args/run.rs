//! The flags of a run.

use clap::{Args, Parser};
use pathline::kernels::ProductPrecision;

/// What to follow and how: shared by `sample` and `measure`.
#[derive(Args, PartialEq)]
pub(crate) struct Run {
    /// Classes to draw: `3`, `0,5`, or `each` for all in turn
    #[arg(long, value_name = "CLASS")]
    pub(crate) class: Option<String>,
    /// Switch to this class on the way
    #[arg(long, value_name = "CLASS", requires = "class", requires = "switch_at")]
    pub(crate) switch_to: Option<u32>,
    /// Time of the switch, between 0 and 1
    #[arg(long, allow_negative_numbers = true, value_name = "T", requires = "switch_to")]
    pub(crate) switch_at: Option<f64>,
    /// Classifier-free guidance scale (1: none); needs --class
    #[arg(long, allow_negative_numbers = true, value_name = "W", requires = "class")]
    pub(crate) guidance: Option<f64>,
    /// Numbers that a network's products multiply: f32, bf16 (faster where the processor has AMX or AVX512-BF16), or
    /// `fastest` of them here [default: f32]
    #[arg(long, value_name = "NUMBERS")]
    pub(crate) precision: Option<ProductPrecision>,
    /// Number of samples
    #[arg(short = 'n', long, default_value_t = 64)]
    pub(crate) samples: usize,
    /// Root of all randomness
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Index of the first sample: shards of one run differ in nothing else
    #[arg(long, value_name = "INDEX", default_value_t = 0)]
    pub(crate) first: u64,
    /// Where samples start: `normal`, or a 2-D set such as `eight-gaussians`
    #[arg(long, default_value = "normal")]
    pub(crate) source: String,
    /// Solver: euler, midpoint, heun, rk4, dopri5
    #[arg(long, default_value = "euler")]
    pub(crate) solver: String,
    /// Number of steps
    #[arg(long, default_value_t = 50)]
    pub(crate) steps: usize,
    /// Time grid: `uniform`, `shifted:3`, `power:2`, the quantiles of a clock of `train` (logit-normal[:mean,std],
    /// mode[:scale], cosmap, beta:alpha,beta), or the times themselves, `0,0.5,1`
    #[arg(long, default_value = "uniform")]
    pub(crate) grid: String,
    /// Where the run ends, between 0 and 1
    #[arg(long, allow_negative_numbers = true, value_name = "T")]
    pub(crate) until: Option<f64>,
    /// Adaptive steps with this relative tolerance (dopri5)
    #[arg(long, allow_negative_numbers = true, value_name = "TOL", conflicts_with_all = ["steps", "grid"])]
    pub(crate) rtol: Option<f64>,
    /// Absolute tolerance of adaptive steps [default: that of --rtol]
    #[arg(long, allow_negative_numbers = true, value_name = "TOL", requires = "rtol")]
    pub(crate) atol: Option<f64>,
    /// End an adaptive run after this many evaluations, with what it has
    #[arg(long, value_name = "N", requires = "rtol")]
    pub(crate) max_evaluations: Option<u64>,
    /// Kinetic trajectory shaping with launch and landing strengths, such as `0.01,0.01`
    #[arg(long, allow_hyphen_values = true, value_name = "A0,B0", conflicts_with_all = ["ssc", "gain"])]
    pub(crate) kts: Option<String>,
    /// Scale schedule corrector of this area, such as `0.05` (quad-in)
    #[arg(long, allow_negative_numbers = true, value_name = "AREA", conflicts_with = "gain")]
    pub(crate) ssc: Option<f64>,
    /// Divide the predicted noise by this from t = 0.1 on, such as `1.005` (epsilon scaling), or from another
    /// time, `1.005,0.2`
    #[arg(long, allow_hyphen_values = true, value_name = "LAMBDA[,T]")]
    pub(crate) source_scale: Option<String>,
    /// Tell the field a time that is this much later, such as `0.01` (time-shift sampling)
    #[arg(long, allow_negative_numbers = true, value_name = "DELTA")]
    pub(crate) clock_shift: Option<f64>,
    /// Any gain as JSON, such as `{"kind":"ssc","shape":"linear","area":0.05}`
    #[arg(long, value_name = "JSON")]
    pub(crate) gain: Option<String>,
}

/// The flags of a run and nothing else: what `--run` of `compare` holds.
#[derive(Parser)]
#[command(
    name = "--run",
    no_binary_name = true,
    disable_help_flag = true,
    args_override_self = true
)]
pub(crate) struct Way {
    #[command(flatten)]
    pub(crate) run: Run,
}

impl Run {
    /// Whether no flag asks for anything but its default.
    pub(crate) fn is_default(&self) -> bool {
        Way::try_parse_from([""; 0]).is_ok_and(|way| way.run == *self)
    }
}
