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
                let line = (pixel / out.width * stride + tap / 3) as isize - 1;
                let column = (pixel % out.width * stride + tap % 3) as isize - 1;
                if !(0..image.height as isize).contains(&line)
                    || !(0..image.width as isize).contains(&column)
                {
                    continue;
                }
                let row = sample * image.pixels() + line as usize * image.width + column as usize;
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
    check_in(ProductPrecision::F32, extents, samples);
}

fn check_in(precision: ProductPrecision, extents: [usize; 5], samples: usize) {
    let operation = convolution(extents);
    let extent = |image: Image, width| Extent { rows: image.pixels(), width };
    let check = Check {
        operation: &operation,
        inputs: vec![extent(operation.image, operation.inputs)],
        output: extent(operation.output(), operation.outputs),
        parameters: operation.weight.end,
        samples,
        precision,
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
fn bf16_matches_the_definition_where_nothing_is_rounded() {
    for [height, width, inputs, outputs] in [[5, 3, 32, 32], [1, 1, 32, 64], [7, 7, 64, 32]] {
        check_in(ProductPrecision::Bf16, [height, width, inputs, outputs, 1], 3);
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
