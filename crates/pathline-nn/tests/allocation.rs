//! Once warm, neither sampling nor a training step allocates, but for what the library of matrix products
//! packs its operands into.
//!
//! On one thread, whose allocations alone are looked at; and on two, of which either may meet a buffer that is
//! still cold, so that it takes some calls until all are warm. A file of its own, because it takes an allocator
//! of its own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::sync::Arc;

use pathline::diagnostics::KineticEnergy;
use pathline::field::{Conditions, Guided};
use pathline::kernels::ProductPrecision;
use pathline::observer::Advance;
use pathline::path::Prediction;
use pathline::solver::{EULER, HEUN, RK4};
use pathline::{
    At, Batch, Error, Observer, Purpose, Run, Samples, Seed, Shape, TimeGrid, Times, VelocityField,
    integrate,
};
use pathline_nn::{
    Activation, AdamW, Dit, DitConfig, FlowData, FlowTraining, Memory, Mlp, MlpConfig, Network,
    NetworkField, Output, Scratch, TrainingBatch, TrainingState, UNet, UNetConfig, train,
};

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    /// Where this thread allocated while it was watched.
    static SEEN: RefCell<Vec<Backtrace>> = const { RefCell::new(Vec::new()) };
}

/// The system's allocator, which notes who calls it.
struct Watching;

impl Watching {
    fn note() {
        // Noting allocates too.
        if WATCHED.replace(false) {
            SEEN.with_borrow_mut(|seen| seen.push(Backtrace::force_capture()));
            WATCHED.set(true);
        }
    }
}

#[expect(unsafe_code, reason = "an allocator is unsafe to be; all work is the system's")]
// SAFETY: every call is handed on unchanged.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::note();
        // SAFETY: as for this function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as for this function.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::note();
        // SAFETY: as for this function.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

/// Allocations in `work` that are not the product library's, each by the stack it came from.
fn watch(work: impl FnOnce()) -> (usize, Vec<String>) {
    WATCHED.set(true);
    work();
    WATCHED.set(false);
    let seen = SEEN.take();
    (seen.len(), not_of_products(&seen))
}

fn not_of_products(seen: &[Backtrace]) -> Vec<String> {
    seen.iter().map(ToString::to_string).filter(|stack| !stack.contains("gemm_f32::")).collect()
}

fn networks() -> Vec<Box<dyn Network>> {
    let image = Shape::new([1, 8, 8]).unwrap();
    let dit = DitConfig { width: 32, depth: 2, heads: 2, ..DitConfig::new(image.clone(), 3) };
    let unet = UNetConfig {
        channel_mult: vec![1, 2],
        attention: vec![2],
        classes: Some(3),
        ..UNetConfig::new(image.clone())
    };
    let mlp = MlpConfig { shape: image, hidden: vec![48, 48], activation: Activation::Silu };
    vec![
        Box::new(Dit::new(&dit, Seed(1)).unwrap()),
        Box::new(UNet::new(&unet, Seed(1)).unwrap()),
        Box::new(Mlp::new(&mlp, Seed(1)).unwrap()),
    ]
}

const PRECISIONS: [ProductPrecision; 2] = [ProductPrecision::F32, ProductPrecision::Bf16];

/// Each network in each precision.
fn cases() -> impl Iterator<Item = (Box<dyn Network>, ProductPrecision)> {
    PRECISIONS.into_iter().flat_map(|p| networks().into_iter().map(move |network| (network, p)))
}

fn told(network: &dyn Network) -> Conditions {
    if network.classes() == 0 { Conditions::None } else { Conditions::Shared(1) }
}

/// Runs on a pool of one thread, where the thread that counts does all the work.
fn alone<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(work)
}

fn images(n: usize, shape: &Shape) -> Batch {
    let mut batch = Batch::zeros(n, shape.clone());
    Seed(3).normal(Purpose::Data, 0, 0, batch.as_mut_slice());
    batch
}

#[test]
fn a_warm_evaluation_allocates_nothing() {
    for (network, precision) in cases() {
        let name = format!("{precision:?}, {:?}", network.config());
        let (x, of) = (images(37, network.shape()), told(&*network));
        let field = NetworkField::conditioned(network.into(), of).in_precision(precision);
        let mut out = Batch::zeros(37, field.shape().clone());
        let (seen, ours) = alone(|| {
            let mut call = || {
                let at = At::new(Samples::first(37), Times::Shared(0.3), x.rows()).unwrap();
                field.velocity(&at, out.rows_mut()).unwrap();
            };
            call();
            call();
            watch(call)
        });
        assert!(ours.is_empty(), "{name}: {} of {seen}, such as\n{}", ours.len(), ours[0]);
        eprintln!("{name}: {seen} allocations, all of the product library");
    }
}

#[test]
fn a_warm_training_step_allocates_nothing() {
    for (mut network, precision) in cases() {
        let name = format!("{precision:?}, {:?}", network.config());
        let of = told(&*network);
        let (x, y) = (images(37, network.shape()), images(37, network.shape()));
        let mut gradient = vec![0.0; network.parameters().len()];
        let optimiser = AdamW::default();
        let mut memory = Memory::new(network.parameters().as_slice(), optimiser.ema.len());
        let mut scratch = Scratch::in_precision(precision);
        let (seen, ours) = alone(|| {
            let mut step = |k| {
                let at = At::new(Samples::first(37), Times::Shared(0.3), x.rows()).unwrap();
                let batch = TrainingBatch::new(at, &of, y.rows());
                network.gradient(&batch, &mut gradient, &mut scratch).unwrap();
                let parameters = network.parameter_values_mut();
                optimiser.update((k, 9), &gradient, parameters, &mut memory).unwrap();
            };
            step(1);
            step(2);
            watch(|| step(3))
        });
        assert!(ours.is_empty(), "{name}: {} of {seen}, such as\n{}", ours.len(), ours[0]);
        eprintln!("{name}: {seen} allocations, all of the product library");
    }
}

/// Calls `call` until three calls in a row, of those shared by two threads, have allocated nothing. There are at
/// most two sets of buffers, and each grows a few times only: what allocates over and over never comes to that.
fn settles(name: &str, mut call: impl FnMut() + Send) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let (mut quiet, mut shared, mut last) = (0, 0, Vec::new());
    for _ in 0..5000 {
        pool.broadcast(|_| WATCHED.set(true));
        pool.install(&mut call);
        let found = pool.broadcast(|_| {
            WATCHED.set(false);
            SEEN.take()
        });
        // The product library allocates at every call: a thread that does not had no share of the work.
        if found.iter().any(Vec::is_empty) {
            continue;
        }
        last = not_of_products(&found.into_iter().flatten().collect::<Vec<_>>());
        (quiet, shared) = (if last.is_empty() { quiet + 1 } else { 0 }, shared + 1);
        if quiet == 3 {
            return;
        }
        if shared == 100 {
            break;
        }
    }
    panic!("{name}: {shared} calls were shared, {quiet} of the last were quiet: {last:#?}");
}

#[test]
fn two_threads_stop_allocating() {
    if std::thread::available_parallelism().is_ok_and(|cores| cores.get() == 1) {
        eprintln!("SKIPPED: one core, on which two threads may never work at a time");
        return;
    }
    for network in networks() {
        let (name, of) = (format!("{:?}", network.config()), told(&*network));
        // Enough for two parts, each with a second block or a shorter one.
        let rows = if name.starts_with("Mlp") { 300 } else { 19 };
        let (x, y) = (images(rows, network.shape()), images(rows, network.shape()));
        let at = || At::new(Samples::first(rows), Times::Shared(0.3), x.rows()).unwrap();
        let mut gradient = vec![0.0; network.parameters().len()];
        let mut scratch = Scratch::new();
        settles(&format!("gradient of {name}"), || {
            let batch = TrainingBatch::new(at(), &of, y.rows());
            network.gradient(&batch, &mut gradient, &mut scratch).unwrap();
        });
        let mut out = Batch::zeros(rows, network.shape().clone());
        let field = NetworkField::conditioned(network.into(), of);
        settles(&name, || field.velocity(&at(), out.rows_mut()).unwrap());
    }
}

/// Watches from the end of the second step to the end of the fifth, and allocates once, to be seen.
struct SomeSteps;

impl SomeSteps {
    fn after(step: u64) {
        match step {
            1 => WATCHED.set(true),
            2 => allocating(),
            4 => WATCHED.set(false),
            _ => {}
        }
    }
}

impl Observer for SomeSteps {
    fn step(&mut self, advance: &Advance<'_>) -> Result<ControlFlow<()>, Error> {
        Self::after(advance.step);
        Ok(ControlFlow::Continue(()))
    }
}

/// Allocations while [`SomeSteps`] watched, that are neither the product library's nor its own.
fn ours() -> Vec<String> {
    let seen = SEEN.take();
    let stacks: Vec<String> = seen.iter().map(ToString::to_string).collect();
    let (own, others): (Vec<_>, Vec<_>) =
        stacks.into_iter().partition(|stack| stack.contains("allocation::allocating"));
    assert_eq!(own.len(), 1, "the watch was not kept");
    others.into_iter().filter(|stack| !stack.contains("gemm_f32::")).collect()
}

#[test]
fn a_guided_run_allocates_nothing_from_step_to_step() {
    for network in networks() {
        let name = format!("{:?}", network.config());
        let network: Arc<dyn Network> = network.into();
        let told = told(&*network);
        // One that predicts the velocity, and one that predicts the target.
        let plain = Arc::new(NetworkField::new(Arc::clone(&network)));
        let output = Output { prediction: Prediction::Target, ..Output::default() };
        let other = Arc::new(NetworkField::conditioned(network, told).predicting(output));
        let field = Guided::new(other, plain, 1.5).unwrap();
        for solver in [&EULER, &HEUN, &RK4] {
            let run = Run::on(TimeGrid::uniform(6).unwrap(), solver);
            let x = images(5, field.shape());
            let ours = alone(|| {
                let mut energy = KineticEnergy::new();
                let mut observers: [&mut dyn Observer; 2] = [&mut energy, &mut SomeSteps];
                integrate(&field, x, 0..5, &run, &mut observers).unwrap();
                ours()
            });
            assert!(ours.is_empty(), "{name}: {}, such as\n{}", ours.len(), ours[0]);
        }
    }
}

#[test]
fn a_training_run_allocates_nothing_from_step_to_step() {
    for network in networks() {
        let name = format!("{:?}", network.config());
        let target = images(40, network.shape());
        let labels: Vec<u32> = (0..40).map(|i| i % 3).collect();
        let training =
            FlowTraining { steps: 6, batch: 21, mirror: true, ..FlowTraining::default() };
        let mut state = TrainingState::new(network, training).unwrap();
        let ours = alone(|| {
            let data = FlowData { labels: Some(&labels), ..FlowData::from_noise(&target) };
            train(&mut state, &data, &mut |now| {
                SomeSteps::after(now.step - 1);
                ControlFlow::Continue(())
            })
            .unwrap();
            ours()
        });
        assert!(ours.is_empty(), "{name}: {}, such as\n{}", ours.len(), ours[0]);
    }
}

#[inline(never)]
fn allocating() {
    drop(std::hint::black_box(vec![0_u8; 100]));
}

#[test]
fn an_allocation_is_seen() {
    let (seen, ours) = watch(allocating);
    assert_eq!((seen, ours.len()), (1, 1));
    assert!(ours[0].contains("allocation::"), "{}", ours[0]);
}
