//! Files and tensors that do not fit give an error that names the tensor.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use pathline::{Seed, Shape};
use pathline_nn::{
    Activation, FlowTraining, Mlp, MlpConfig, Network, Parameters, Tensors, TrainingState,
    network_from_bytes, network_to_bytes,
};
use proptest::prelude::*;

fn mlp() -> Mlp {
    let hidden = vec![5, 4];
    let config = MlpConfig { shape: Shape::vector(2), hidden, activation: Activation::Gelu };
    Mlp::new(&config, Seed(1)).unwrap()
}

/// Changes to a map of tensors, and the words that the error must hold.
type Damage = (fn(&mut Tensors), &'static [&'static str]);

const DAMAGES: [Damage; 6] = [
    (|t| drop(t.remove("net.2.bias")), &["`net.2.bias`", "missing", "[4]"]),
    (|t| drop(t.remove("net.0.weight")), &["`net.0.weight`", "missing"]),
    (
        |t| drop(t.insert("net.2.weight".into(), (vec![4, 6], vec![0.0; 24]))),
        &["`net.2.weight`", "[4, 5]", "[4, 6]"],
    ),
    (
        |t| drop(t.insert("net.4.bias".into(), (vec![2, 1], vec![0.0; 2]))),
        &["`net.4.bias`", "[2]", "[2, 1]"],
    ),
    (|t| drop(t.insert("net.9.bias".into(), (vec![1], vec![0.0]))), &["`net.9.bias`", "not part"]),
    (
        |t| drop(t.insert("net.2.bias".into(), (vec![4], vec![f32::NAN; 4]))),
        &["`net.2.bias`", "NaN"],
    ),
];

#[test]
fn tensors_give_back_the_network() {
    let mlp = mlp();
    let same = Mlp::from_tensors(&mlp.parameters().to_tensors(), Activation::Gelu).unwrap();
    assert_eq!(same, mlp);
    assert_eq!(
        network_from_bytes(&network_to_bytes(&mlp).unwrap()).unwrap().config(),
        mlp.config()
    );
}

#[test]
fn damaged_tensors_are_named() {
    for (damage, words) in DAMAGES {
        let mut tensors = mlp().parameters().to_tensors();
        damage(&mut tensors);
        let message = Mlp::from_tensors(&tensors, Activation::Gelu).unwrap_err().to_string();
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    }
    let mut flat = mlp().parameters().to_tensors();
    flat.insert("net.2.weight".into(), (vec![20], vec![0.0; 20]));
    let message = Mlp::from_tensors(&flat, Activation::Gelu).unwrap_err().to_string();
    assert!(message.contains("`net.2.weight`") && message.contains("[outputs, inputs]"));
}

/// A state's file with its tensors changed.
fn damaged_state(damage: impl Fn(&mut Tensors)) -> String {
    let state = TrainingState::new(Box::new(mlp()), FlowTraining::default()).unwrap();
    let bytes = state.to_bytes().unwrap();
    let (parameters, config) = Parameters::from_safetensors(&bytes).unwrap();
    let mut tensors = parameters.to_tensors();
    damage(&mut tensors);
    let bytes = Parameters::from_tensors(&tensors).unwrap().to_safetensors(&config).unwrap();
    TrainingState::from_bytes(&bytes).unwrap_err().to_string()
}

#[test]
fn damaged_states_are_named() {
    let message = damaged_state(|t| drop(t.remove("first_moment.net.0.bias")));
    assert!(
        message.contains("`first_moment.net.0.bias`") && message.contains("missing"),
        "{message}"
    );
    let message = damaged_state(|t| drop(t.remove("parameters.net.0.bias")));
    assert!(message.contains("net.0.bias`") && message.contains("missing"), "{message}");
    let message = damaged_state(|t| {
        t.insert("average.0.net.2.bias".into(), (vec![2], vec![0.0; 2]));
    });
    assert!(message.contains("`average.0.net.2.bias`") && message.contains("[4]"), "{message}");
    let message =
        damaged_state(|t| drop(t.insert("average.1.net.0.bias".into(), (vec![1], vec![0.0]))));
    assert!(
        message.contains("`average.1.net.0.bias`") && message.contains("not part"),
        "{message}"
    );
    let message = damaged_state(|t| drop(t.insert("second".into(), (vec![0], vec![]))));
    assert!(message.contains("`second`"), "{message}");
}

#[test]
fn impossible_configs_are_errors() {
    for (shape, hidden) in [("[2]", "[0]"), ("[0]", "[4]"), ("[2]", "[99999999, 99999999]")] {
        let text = format!(
            r#"{{"kind": "mlp", "shape": {shape}, "hidden": {hidden}, "activation": "selu"}}"#
        );
        let config: serde_json::Value = serde_json::from_str(&text).unwrap();
        let bytes = mlp().parameters().to_safetensors(&config).unwrap();
        assert!(network_from_bytes(&bytes).is_err(), "{text}");
    }
    for text in [
        r#"{"kind": "mlp", "shape": [2], "hidden": [5, 4], "activation": "gelu", "depth": 2}"#,
        r#"{"kind": "mlp", "shape": [2], "hidden": [5, 4], "activation": "erf"}"#,
        r#"{"kind": "cnn"}"#,
        "3",
    ] {
        let config: serde_json::Value = serde_json::from_str(text).unwrap();
        let bytes = mlp().parameters().to_safetensors(&config).unwrap();
        assert!(network_from_bytes(&bytes).is_err(), "{text}");
    }
    let wrong = FlowTraining { batch: 0, ..FlowTraining::default() };
    assert!(TrainingState::new(Box::new(mlp()), wrong).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_damaged_byte_makes_a_reader_panic(at in 0_usize..10_000, to in any::<u8>(), cut in any::<bool>()) {
        let state = TrainingState::new(Box::new(mlp()), FlowTraining::default()).unwrap();
        let mut bytes = state.to_bytes().unwrap();
        let at = at % bytes.len();
        if cut { bytes.truncate(at) } else { bytes[at] = to }
        let _ = TrainingState::from_bytes(&bytes);
        let _ = network_from_bytes(&bytes);
    }
}
