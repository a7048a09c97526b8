use super::*;
use crate::graph::operation::Extent;
use crate::ops::check::Check;

fn convolution([height, width, inputs, outputs, stride]: [usize; 5]) -> Convolution {
    let weight = outputs..outputs + 9 * inputs * outputs;
    let image = Image { height, width };
    Convolution { image, inputs, outputs, stride, weight, bias: 0..outputs }
}

/// The definition, sum by sum.
fn reference(convolution: &Convolution, parameters: &[f64], x: &[f64]) -> Vec<f64> {
    let Convolution { image, inputs, outputs, stride, .. } = *convolution;
    let out = convolution.output();
    let samples = x.len() / (image.pixels() * inputs);
    let mut y = Vec::new();
    for place in 0..samples * out.pixels() {
        let (sample, pixel) = (place / out.pixels(), place % out.pixels());
        for o in 0..outputs {
            let mut sum = parameters[convolution.bias.start + o];
            for tap in 0..9 {
                let iy = (pixel / out.width * stride + tap / 3) as isize - 1;
                let ix = (pixel % out.width * stride + tap % 3) as isize - 1;
                if !(0..image.height as isize).contains(&iy)
                    || !(0..image.width as isize).contains(&ix)
                {
                    continue;
                }
                let row = sample * image.pixels() + iy as usize * image.width + ix as usize;
                for c in 0..inputs {
                    let weight = convolution.weight.start + (o * inputs + c) * 9 + tap;
                    sum += x[row * inputs + c] * parameters[weight];
                }
            }
            y.push(sum);
        }
    }
    y
}

fn check(extents: [usize; 5], samples: usize) {
    let operation = convolution(extents);
    let extent = |image: Image, width| Extent { rows: image.pixels(), width };
    let check = Check {
        operation: &operation,
        inputs: vec![extent(operation.image, operation.inputs)],
        output: extent(operation.output(), operation.outputs),
        parameters: operation.weight.end,
        samples,
    };
    check.run(3e-5, |p, x| reference(&operation, p, &x[0]));
}

#[test]
fn odd_channels_images_and_strides_match_the_definition() {
    for stride in [1, 2] {
        check([5, 3, 7, 5, stride], 1);
        check([5, 3, 1, 7, stride], 3);
        check([4, 6, 16, 3, stride], 2);
        check([1, 1, 2, 2, stride], 1);
        check([9, 10, 3, 2, stride], 3);
    }
}

#[test]
fn tiles_match_the_definition_at_odd_images() {
    check([5, 3, 16, 32, 1], 1);
    check([1, 1, 16, 16, 1], 2);
    check([2, 7, 48, 16, 1], 3);
    // More tiles than a block holds.
    check([21, 19, 16, 16, 1], 4);
}

#[test]
#[ignore = "a measurement"]
fn speed() {
    use crate::graph::operation::Place;
    use pathline::field::Conditions;
    use pathline::{At, Batch, Samples, Shape, Times};
    for [samples, inputs, outputs, side] in [
        [16, 64, 64, 32],
        [16, 32, 32, 28],
        [16, 64, 64, 14],
        [16, 128, 128, 7],
        [16, 64, 32, 28],
        [16, 1, 32, 28],
        [16, 32, 1, 28],
    ] {
        if std::env::var("CASE").is_ok_and(|c| c != format!("{inputs}-{side}")) {
            continue;
        }
        for block in [16] {
            for stride in [1] {
                let op = convolution([side, side, inputs, outputs, stride]);
                let parameters = crate::ops::check::noise(op.weight.end, 1);
                let states = Batch::zeros(samples, Shape::vector(1));
                let at =
                    At::new(Samples::first(samples), Times::Shared(0.0), states.rows()).unwrap();
                let extent = Extent { rows: side * side, width: inputs };
                let out = Extent { rows: op.output().pixels(), width: outputs };
                let x = crate::ops::check::noise(extent.buffer(block), 2);
                let mut y = vec![0.0; out.buffer(block)];
                let mut dx = vec![0.0; x.len()];
                let mut gradient = vec![0.0; parameters.len()];
                let mut work = Work::default();
                let mut best = [f64::MAX; 2];
                for _ in 0..std::env::var("ROUNDS").map_or(12, |r| r.parse().unwrap()) {
                    let call = |training| Call {
                        at: &at,
                        conditions: &Conditions::None,
                        from: 0,
                        samples: block,
                        parameters: &parameters,
                        training,
                    };
                    let start = std::time::Instant::now();
                    for _ in 0..samples / block {
                        op.forward(&call(false), &[&x], &mut y, &mut [], &mut work);
                    }
                    best[0] = best[0].min(start.elapsed().as_secs_f64() * 1e3);
                    let start = std::time::Instant::now();
                    for _ in 0..samples / block {
                        op.forward(&call(true), &[&x], &mut y, &mut [], &mut work);
                        let into = &mut [Some(Place { values: &mut dx, add: false })];
                        op.backward(
                            &call(true),
                            Back {
                                inputs: &[&x],
                                kept: &[],
                                delta: &mut y,
                                into,
                                gradient: &mut gradient,
                            },
                            &mut work,
                        );
                    }
                    best[1] = best[1].min(start.elapsed().as_secs_f64() * 1e3);
                }
                eprintln!(
                    "{samples} {inputs} {outputs} {side} stride {stride} block {block}: {best:?}"
                );
            }
        }
    }
}
