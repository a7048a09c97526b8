//! Trains the judge of generated Fashion-MNIST images and says how good it is:
//!
//! ```sh
//! cargo run --release -p pathline-study --example fashion_classifier -- FOLDER OUT.safetensors [STEPS]
//! ```
//!
//! FOLDER has the four published files (Debian: `/usr/share/datasets/fashion-mnist`, from the package
//! `dataset-fashion-mnist`). The file is written in half precision, and what is written is what is judged.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example talks")]

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;

use pathline::Seed;
use pathline_data::{DataSet, atomic};
use pathline_nn::{Classifier, ClassifierConfig, ClassifierTraining, Precision, train_classifier};
use pathline_study::Files;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, out, steps @ ..] = arguments.as_slice() else {
        return Err("give the folder of the data and the file to write".into());
    };
    let train = Files.data_set(folder)?;
    let test = Path::new(folder).join("t10k-images-idx3-ubyte.gz").display().to_string();
    let test = Files.data_set(&test)?;
    let config = ClassifierConfig::new(train.batch.shape().clone(), 10);
    let mut training = ClassifierTraining::default();
    if let Some(steps) = steps.first() {
        training.steps = steps.parse()?;
    }
    let fresh = Classifier::new(&config, Seed(0))?;
    println!("{} parameters, {training:?}", fresh.parameters().len());
    let data = (&train.batch, labels(&train)?);
    let trained = train_classifier(&fresh, data, &training, &mut |progress| {
        if progress.step % 100 == 0 {
            eprintln!("{} of {}: loss {:.4}", progress.step, training.steps, progress.loss);
        }
        ControlFlow::Continue(())
    })?;
    let bytes = trained.to_bytes(Precision::Half)?;
    atomic::replace(Path::new(out), &bytes)?;
    let judge = Classifier::from_bytes(&bytes)?;
    let found = judge.classify(&test.batch)?.classes();
    let right = found.iter().zip(labels(&test)?).filter(|(a, b)| a == b).count();
    println!("{} bytes; {right} of {} test images right", bytes.len(), found.len());
    Ok(())
}

fn labels(set: &DataSet) -> Result<&[u32], Box<dyn Error>> {
    Ok(set.labels.as_deref().ok_or("the images have no labels")?)
}
