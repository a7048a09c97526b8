//! What MODEL and the run's flags mean, as a spec.

use std::path::Path;

use pathline::Save;
use pathline::kernels::ProductPrecision;
use pathline::schedule::ScheduleSpec;
use pathline::spec::{
    ClassSpec, FieldSpec, GainSpec, RunSpec, SampleSpec, SolverSpec, SourceSpec, SteppingSpec,
    from_json,
};
use pathline_study::{Files, read_network};

use crate::args::Run;
use crate::output::Failure;

/// The spec of a run.
pub(crate) fn spec(model: &str, run: &Run, save: Save) -> Result<SampleSpec, Failure> {
    let solver: SolverSpec = run.solver.parse()?;
    let source = match run.source.as_str() {
        "normal" => SourceSpec::Normal {},
        name => SourceSpec::Points { name: name.to_owned() },
    };
    Ok(SampleSpec {
        field: field(model, run)?,
        source,
        run: RunSpec { solver, stepping: stepping(run)?, gain: gain(run)?, save },
        seed: pathline::Seed(run.seed),
        samples: run.samples,
        first: run.first,
    })
}

fn field(model: &str, run: &Run) -> Result<FieldSpec, Failure> {
    let base = named(model, run.precision)?;
    let by_file = matches!(base, FieldSpec::Network { .. }) && !model.trim_start().starts_with('{');
    if run.precision.is_some() && !by_file {
        let problem = "only a network that is named by its file takes it; leave it out, or write \"precision\" \
                       into the JSON of a network";
        return Err(Failure::usage("--precision", problem));
    }
    let field = match &run.class {
        Some(class) => told(base, class, run)?,
        None => base,
    };
    shifted(field, run)
}

/// The field with the corrections that earlier work made to its source or its clock.
fn shifted(mut field: FieldSpec, run: &Run) -> Result<FieldSpec, Failure> {
    if let Some(text) = &run.source_scale {
        let (lambda, from) = text.split_once(',').unwrap_or((text, "0.1"));
        let (lambda, from) = (number("--source-scale", lambda)?, number("--source-scale", from)?);
        field = FieldSpec::SourceScaled { field: Box::new(field), lambda, from };
    }
    if let Some(delta) = run.clock_shift {
        finite("--clock-shift", delta)?;
        field = FieldSpec::ClockShifted { field: Box::new(field), delta };
    }
    Ok(field)
}

/// The field of samples of a class or classes, switched and guided as the flags say.
fn told(base: FieldSpec, class: &str, run: &Run) -> Result<FieldSpec, Failure> {
    let of = |class| match base.clone() {
        FieldSpec::Empirical { data, schedule, .. } => {
            Ok(FieldSpec::Empirical { data, class, schedule })
        }
        FieldSpec::LowRank { data, directions, least_std, schedule, .. } => {
            Ok(FieldSpec::LowRank { data, directions, least_std, class, schedule })
        }
        FieldSpec::Network { checkpoint, precision, .. } => {
            Ok(FieldSpec::Network { checkpoint, class, precision })
        }
        _ => {
            let problem = "only a network or a labelled data set has classes; leave it out, or name \
                           one of those";
            Err(Failure::usage("--class", problem))
        }
    };
    let mut field = of(classes(class, &base)?)?;
    if let (Some(to), Some(at)) = (run.switch_to, run.switch_at) {
        time("--switch-at", at)?;
        let after = Box::new(of(ClassSpec::One { class: to })?);
        field = FieldSpec::Switched { before: Box::new(field), after, at };
    }
    if let Some(scale) = run.guidance {
        let unconditional = Box::new(of(ClassSpec::Any {})?);
        let conditional = Box::new(field);
        field = FieldSpec::Guided { conditional, unconditional, scale, interval: None };
    }
    Ok(field)
}

/// A field by name, as JSON, or as a file.
fn named(model: &str, precision: Option<ProductPrecision>) -> Result<FieldSpec, Failure> {
    let schedule = ScheduleSpec::CondOt {};
    match model {
        "ring" => return Ok(FieldSpec::Ring { modes: 8, radius: 4.0, std: 0.3, schedule }),
        "gaussian" => {
            return Ok(FieldSpec::Gaussian { mean: vec![2.0, 0.0], std: 0.5, schedule });
        }
        _ if model.trim_start().starts_with('{') => return Ok(from_json("MODEL", model)?),
        _ => {}
    }
    let ending = Path::new(model).extension().and_then(|e| e.to_str()).unwrap_or_default();
    Ok(match ending.to_lowercase().as_str() {
        "pt" | "pth" | "bin" | "ckpt" | "safetensors" => {
            let (checkpoint, class) = (model.to_owned(), ClassSpec::Any {});
            FieldSpec::Network { checkpoint, class, precision: precision.unwrap_or_default() }
        }
        _ => FieldSpec::Empirical { data: model.to_owned(), class: ClassSpec::Any {}, schedule },
    })
}

fn classes(text: &str, base: &FieldSpec) -> Result<ClassSpec, Failure> {
    let each = text == "each";
    // A network without classes is named here rather than by the first evaluation, which knows no flag.
    let ask = each || matches!(base, FieldSpec::Network { .. });
    let known = if ask { known_classes(base)? } else { Vec::new() };
    match base {
        FieldSpec::Network { checkpoint, .. } if known.is_empty() => {
            let problem = format!(
                "the network {checkpoint} was told no class; leave the flag out, or name a network that \
                 was, or a labelled data set"
            );
            return Err(Failure::usage("--class", &problem));
        }
        FieldSpec::Empirical { data, .. } | FieldSpec::LowRank { data, .. }
            if each && known.is_empty() =>
        {
            return Err(Failure::usage("--class", &format!("the data set {data} has no labels")));
        }
        _ if each => return Ok(ClassSpec::Cycle { classes: known }),
        _ => {}
    }
    let classes: Result<Vec<u32>, _> = text.split(',').map(|c| c.trim().parse()).collect();
    match classes.as_deref() {
        Ok([class]) => Ok(ClassSpec::One { class: *class }),
        Ok(classes) => Ok(ClassSpec::Cycle { classes: classes.to_vec() }),
        Err(_) => {
            let problem =
                format!("`{text}` is not a class; give a number, numbers `0,5`, or `each`");
            Err(Failure::usage("--class", &problem))
        }
    }
}

/// Every class that a model knows, in order.
fn known_classes(base: &FieldSpec) -> Result<Vec<u32>, Failure> {
    Ok(match base {
        FieldSpec::Empirical { data, .. } | FieldSpec::LowRank { data, .. } => {
            let mut classes = Files.data_set(data)?.labels.unwrap_or_default();
            classes.sort_unstable();
            classes.dedup();
            classes
        }
        FieldSpec::Network { checkpoint, .. } => {
            let classes = read_network(Path::new(checkpoint))?.0.classes();
            (0..u32::try_from(classes).unwrap_or(u32::MAX)).collect()
        }
        _ => Vec::new(),
    })
}

fn number(flag: &str, text: &str) -> Result<f64, Failure> {
    let value = text.trim().parse();
    let problem = || Failure::usage(flag, &format!("`{text}` is not a number; write it like 0.05"));
    finite(flag, value.map_err(|_| problem())?)
}

fn finite(flag: &str, value: f64) -> Result<f64, Failure> {
    let problem = || Failure::usage(flag, &format!("{value} is not finite; use a finite number"));
    if value.is_finite() { Ok(value) } else { Err(problem()) }
}

/// Fails unless a time is one.
fn time(flag: &str, t: f64) -> Result<(), Failure> {
    if (0.0..=1.0).contains(&t) {
        return Ok(());
    }
    Err(Failure::usage(flag, &format!("{t} is no time; times run from 0 (source) to 1 (target)")))
}

fn stepping(run: &Run) -> Result<SteppingSpec, Failure> {
    if let Some(end) = run.until {
        time("--until", end)?;
    }
    let (steps, span) = (run.steps, run.until.map(|end| [0.0, end]));
    if let Some(rtol) = run.rtol {
        let max_evaluations = run.max_evaluations.unwrap_or(10_000);
        let atol = run.atol.unwrap_or(rtol);
        return Ok(SteppingSpec::Adaptive { rtol, atol, max_evaluations, span });
    }
    let (name, value) = run.grid.split_once(':').unwrap_or((&run.grid, ""));
    match name {
        "uniform" if value.is_empty() => Ok(SteppingSpec::Uniform { steps, span }),
        "shifted" => {
            Ok(SteppingSpec::Shifted { steps, shift: number("--grid shifted", value)?, span })
        }
        "power" => {
            Ok(SteppingSpec::Power { steps, exponent: number("--grid power", value)?, span })
        }
        times if times.contains(',') => {
            if run.until.is_some() {
                let problem = "the times of --grid say where the run ends; leave one of them out";
                return Err(Failure::usage("--until", problem));
            }
            let times: Result<Vec<f64>, _> =
                times.split(',').map(|t| number("--grid", t)).collect();
            Ok(SteppingSpec::Custom { times: times? })
        }
        _ => match run.grid.parse() {
            Ok(clock) => Ok(SteppingSpec::Clock { steps, clock, span }),
            Err(_) => {
                let grid = &run.grid;
                let known = "known are uniform, shifted:A, power:P, a clock of `train` such as logit-normal:0,1, \
                             and times such as 0,0.5,1";
                Err(Failure::usage("--grid", &format!("unknown grid `{grid}`; {known}")))
            }
        },
    }
}

fn gain(run: &Run) -> Result<Option<GainSpec>, Failure> {
    if let Some(json) = &run.gain {
        return Ok(Some(from_json("--gain", json)?));
    }
    if let Some(area) = run.ssc {
        finite("--ssc", area)?;
        let json = serde_json::json!({"kind": "ssc", "area": area});
        return Ok(Some(from_json("--ssc", &json.to_string())?));
    }
    let Some(kts) = &run.kts else { return Ok(None) };
    let Some((launch, landing)) = kts.split_once(',') else {
        let problem = format!("`{kts}` is not two numbers; write launch,landing such as 0.01,0.01");
        return Err(Failure::usage("--kts", &problem));
    };
    let (launch, landing) = (number("--kts", launch)?, number("--kts", landing)?);
    let json =
        serde_json::json!({"kind": "kts", "launch_strength": launch, "landing_strength": landing});
    Ok(Some(from_json("--kts", &json.to_string())?))
}
