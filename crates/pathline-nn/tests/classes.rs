//! A network trained on labelled images draws the class it is told, and any of them when it is told none.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::ops::ControlFlow;

use pathline::field::Conditions;
use pathline::solver::EULER;
use pathline::{Batch, Purpose, Run, Seed, Shape, Source, TimeGrid, sample};
use pathline_nn::{
    AdamW, Dit, DitConfig, FlowData, FlowTraining, Network, NetworkField, TrainingState, UNet,
    UNetConfig, train,
};

/// Images of 4 x 4, bright on the left for class 0, on top for class 1.
fn images(n: usize) -> (Batch, Vec<u32>) {
    let mut images = Batch::zeros(n, Shape::new([1, 4, 4]).unwrap());
    Seed(2).normal(Purpose::Data, 0, 0, images.as_mut_slice());
    let labels: Vec<u32> = (0..n as u32).map(|i| i % 2).collect();
    for (image, label) in images.as_mut_slice().chunks_mut(16).zip(&labels) {
        for (i, pixel) in image.iter_mut().enumerate() {
            let bright = if *label == 0 { i % 4 < 2 } else { i < 8 };
            *pixel = 0.2 * *pixel + if bright { 1.0 } else { -1.0 };
        }
    }
    (images, labels)
}

/// The class an image looks like: whether the corners that set the two apart are bright.
fn looks_like(image: &[f32]) -> u32 {
    let left = image[8] + image[9] + image[12] + image[13];
    let top = image[2] + image[3] + image[6] + image[7];
    u32::from(top > left)
}

fn shares_of_class_one(network: Box<dyn Network>, steps: u64) -> [f64; 3] {
    let (target, labels) = images(64);
    let data = FlowData { labels: Some(&labels), ..FlowData::from_noise(&target) };
    let optimiser = AdamW { ema: vec![0.9], ..AdamW::default() };
    let training =
        FlowTraining { steps, batch: 32, label_dropout: 0.2, optimiser, ..FlowTraining::default() };
    let mut state = TrainingState::new(network, training).unwrap();
    train(&mut state, &data, &mut |_| ControlFlow::Continue(())).unwrap();
    let network: std::sync::Arc<dyn Network> = state.network().duplicate().into();
    let run = Run::on(TimeGrid::uniform(20).unwrap(), &EULER);
    [Conditions::Shared(0), Conditions::Shared(1), Conditions::None].map(|of| {
        let field = NetworkField::conditioned(network.clone(), of);
        let end = sample(&field, &Source::new(Seed(7), 100), &run, &mut ()).unwrap().end;
        let ones: u32 = (0..100).map(|i| looks_like(end.row(i))).sum();
        f64::from(ones) / 100.0
    })
}

#[test]
fn a_transformer_and_a_u_net_draw_the_class_they_are_told() {
    let shape = Shape::new([1, 4, 4]).unwrap();
    let dit =
        DitConfig { patch: 2, width: 32, depth: 2, heads: 2, ..DitConfig::new(shape.clone(), 2) };
    let unet = UNetConfig { channel_mult: vec![2], classes: Some(2), ..UNetConfig::new(shape) };
    let networks: [(&str, Box<dyn Network>, u64); 2] = [
        ("transformer", Box::new(Dit::new(&dit, Seed(1)).unwrap()), 800),
        ("U-Net", Box::new(UNet::new(&unet, Seed(1)).unwrap()), 150),
    ];
    for (name, network, steps) in networks {
        let [first, second, any] = shares_of_class_one(network, steps);
        assert!(first < 0.05 && second > 0.95, "{name}: {first} {second}");
        assert!((0.2..0.8).contains(&any), "{name}, not told: {any}");
    }
}
