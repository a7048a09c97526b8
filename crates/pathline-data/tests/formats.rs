//! Round trips, and files that NumPy wrote.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use pathline::{Batch, Shape};
use pathline_data::atomic::Existing;
use pathline_data::{Array, DataSet, Error, Tensor, Values, csv, idx, npy, npz, png, safetensors};
use proptest::prelude::*;

use common::golden;

const NOWHERE: &str = "memory";

fn nowhere() -> &'static Path {
    Path::new(NOWHERE)
}

#[test]
fn every_array_that_numpy_wrote_reads_as_what_was_written() {
    let counted: Vec<f32> = (1_u8..=12).map(f32::from).collect();
    let mut seen = 0;
    for entry in std::fs::read_dir(golden("")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !(name.ends_with("-C.npy") || name.ends_with("-F.npy")) {
            continue;
        }
        let array = npy::read(&path).unwrap();
        assert_eq!(array.shape(), [2, 2, 3], "{name}");
        let expected = if name.contains("bool") { vec![1.0; 12] } else { counted.clone() };
        let narrow = name.contains("u1") == matches!(array.values(), Values::U8(_));
        assert!(narrow, "{name}");
        assert_eq!(array.into_values().into_f32(), expected, "{name}");
        seen += 1;
    }
    assert_eq!(seen, 42);
    assert_eq!(npy::read(&golden("array-scalar.npy")).unwrap().values(), &Values::F32(vec![2.5]));
    assert_eq!(npy::read(&golden("array-empty.npy")).unwrap().shape(), [0, 2]);
    for refused in ["array-complex.npy", "array-object.npy"] {
        let error = npy::read(&golden(refused)).unwrap_err();
        assert!(matches!(error, Error::Unsupported(_)), "{error}");
    }
}

#[test]
fn arrays_one_after_another_are_read_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leaves.eqx");
    let arrays: Vec<_> =
        (0..3).map(|n| Array::new(vec![n], Values::F32(vec![1.5; n])).unwrap()).collect();
    std::fs::write(&path, arrays.iter().flat_map(npy::encode).collect::<Vec<_>>()).unwrap();
    assert_eq!(npy::read_all(&path).unwrap(), arrays);
    assert!(npy::read(&path).unwrap_err().to_string().contains("follow the array"));
}

fn arrays() -> impl Strategy<Value = Array> {
    (prop::collection::vec(0_usize..4, 0..4), 0..4, any::<u64>()).prop_map(|(shape, kind, bits)| {
        let n: usize = shape.iter().product();
        let bit = |i: usize| bits.rotate_left(i as u32 % 64).wrapping_add(i as u64);
        let values = match kind {
            0 => Values::U8((0..n).map(|i| bit(i) as u8).collect()),
            1 => Values::I64((0..n).map(|i| bit(i) as i64).collect()),
            2 => Values::F32((0..n).map(|i| bit(i) as f32).collect()),
            _ => Values::F64((0..n).map(|i| bit(i) as f64).collect()),
        };
        Array::new(shape, values).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn npy_round_trips(array in arrays()) {
        let bytes = npy::encode(&array);
        prop_assert!(bytes.len() >= 64);
        prop_assert_eq!(npy::decode(&bytes, nowhere()).unwrap(), array);
    }

    #[test]
    fn npz_round_trips_and_its_bytes_depend_on_the_arrays_alone(a in arrays(), b in arrays()) {
        let folder = tempfile::tempdir().unwrap();
        let arrays = BTreeMap::from([("x".to_owned(), a), ("y".to_owned(), b)]);
        let (one, two) = (folder.path().join("1.npz"), folder.path().join("2.npz"));
        npz::write(&one, &arrays, Existing::Keep).unwrap();
        npz::write(&two, &arrays, Existing::Keep).unwrap();
        prop_assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());
        prop_assert_eq!(npz::read(&one).unwrap(), arrays);
    }

    #[test]
    fn idx_round_trips(levels in prop::collection::vec(any::<u8>(), 1..60)) {
        let array = Array::new(vec![levels.len(), 1], Values::U8(levels)).unwrap();
        let bytes = idx::encode(&array, nowhere()).unwrap();
        prop_assert_eq!(idx::decode(bytes, nowhere()).unwrap(), array);
    }

    #[test]
    fn csv_round_trips_to_the_bit(rows in prop::collection::vec(
        (prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO, 0_u32..10), 1..40,
    )) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("points.csv");
        let data: Vec<f32> = rows.iter().flat_map(|r| [r.0, -r.0]).collect();
        let batch = Batch::from_vec(data, Shape::vector(2)).unwrap();
        let labels = Some(rows.iter().map(|r| r.1).collect());
        let set = DataSet::new(batch, labels, &path).unwrap();
        csv::write(&path, &set, Existing::Keep).unwrap();
        let back = csv::read(&path).unwrap();
        let bits = |s: &DataSet| s.batch.as_slice().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&back), bits(&set));
        prop_assert_eq!(back.labels, set.labels);
    }

    #[test]
    fn safetensors_round_trip_and_agree_with_the_reference(
        shape in prop::collection::vec(0_usize..4, 0..4), text in ".{0,20}", name in "[^_].{0,9}",
    ) {
        let n: usize = shape.iter().product();
        let data: Vec<f32> = (0..n).map(|i| i as f32 - 1.5).collect();
        let tensor = Tensor::new(shape.clone(), data.clone()).unwrap();
        let tensors = BTreeMap::from([
            (name.clone(), tensor),
            ("__b".to_owned(), Tensor::new(vec![1], vec![0.5]).unwrap()),
        ]);
        let bytes = safetensors::encode(&tensors, Some(("spec", &text)));
        let back = safetensors::decode(&bytes, nowhere()).unwrap();
        prop_assert_eq!(&back.tensors, &tensors);
        prop_assert_eq!(&back.metadata["spec"], &text);
        let reference = ::safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let view = reference.tensor(&name).unwrap();
        prop_assert_eq!(view.shape(), &shape[..]);
        let raw: Vec<u8> = data.iter().flat_map(|v| v.to_le_bytes()).collect();
        prop_assert_eq!(view.data(), &raw[..]);
    }
}

#[test]
fn safetensors_of_every_width_read_as_the_reference_wrote_them() {
    use ::safetensors::tensor::{Dtype, TensorView, serialize};
    let (f64s, f16s) =
        ([1.5_f64, -2.0].map(f64::to_le_bytes), [1.5_f32, -2.0].map(half::f16::from_f32));
    let f16s = f16s.map(half::f16::to_le_bytes);
    let bf16s = [1.5_f32, -2.0].map(|v| half::bf16::from_f32(v).to_le_bytes());
    let view = |kind, bytes| TensorView::new(kind, vec![2], bytes).unwrap();
    let tensors = [
        ("f64", view(Dtype::F64, f64s.as_flattened())),
        ("f16", view(Dtype::F16, f16s.as_flattened())),
        ("bf16", view(Dtype::BF16, bf16s.as_flattened())),
    ];
    let read = safetensors::decode(&serialize(tensors, None).unwrap(), nowhere()).unwrap();
    for (name, tensor) in read.tensors {
        assert_eq!(tensor.data(), [1.5, -2.0], "{name}");
    }
}

#[test]
fn csv_errors_name_line_and_column() {
    let error =
        |text: &str| csv::decode(text.as_bytes(), Path::new("a.csv")).unwrap_err().to_string();
    assert!(error("1,2\n3,x\n").starts_with("a.csv: line 2, column 2: \"x\""));
    assert!(error("1,2\n\n3,nan\n").starts_with("a.csv: line 3, column 2"));
    assert!(error("1,2\n3\n").starts_with("a.csv: line 2, column 2: 1 cells"));
    assert!(error("x,label\n1,-1\n").contains("no class"));
    for empty in ["", "\n# only this\n", "x,y\n", "label\n1\n"] {
        assert!(error(empty).contains("no line of numbers"), "{empty:?}");
    }
}

#[test]
fn images_round_trip_through_png() {
    for channels in 1..=4 {
        let levels = (0..2 * 3 * channels).map(|i| (i * 10) as u8).collect();
        let image = png::Image { width: 3, height: 2, channels, levels };
        let bytes = png::encode(&image, nowhere()).unwrap();
        assert_eq!(png::decode(&bytes, nowhere()).unwrap(), image);
    }
    let clear = png::Image { width: 1, height: 1, channels: 4, levels: vec![0, 100, 200, 0] };
    assert_eq!(clear.over_white().levels, [255; 3]);
}

#[test]
fn a_palette_and_sixteen_bits_become_eight() {
    use ::png::{BitDepth, ColorType, Encoder};
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 2, 1);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(vec![1, 2, 3, 40, 50, 60]);
    encoder.write_header().unwrap().write_image_data(&[1, 0]).unwrap();
    assert_eq!(png::decode(&bytes, nowhere()).unwrap().levels, [40, 50, 60, 1, 2, 3]);
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 1, 1);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::Sixteen);
    encoder.write_header().unwrap().write_image_data(&[7, 200]).unwrap();
    assert_eq!(png::decode(&bytes, nowhere()).unwrap().levels, [7]);
}

#[test]
fn a_grid_places_and_clamps_its_images() {
    let data = vec![-1.0, -1.0, 1.0, 1.0, 5.0, -5.0];
    let batch = Batch::from_vec(data, Shape::new([1, 1, 2]).unwrap()).unwrap();
    let grid = png::grid(&batch, 2, nowhere()).unwrap();
    assert_eq!((grid.width, grid.height), (6, 4));
    assert_eq!(grid.levels[..6], [0, 0, 0, 0, 255, 255]);
    assert_eq!(grid.levels[18..], [255, 0, 0, 0, 0, 0]);
    let nan = Batch::from_vec(vec![f32::NAN, 0.0], Shape::new([1, 2]).unwrap()).unwrap();
    assert!(png::grid(&nan, 1, nowhere()).is_err());
    assert!(png::grid(&batch, 0, nowhere()).is_err());
    assert!(png::grid(&Batch::zeros(1, Shape::vector(4)), 1, nowhere()).is_err());
}
