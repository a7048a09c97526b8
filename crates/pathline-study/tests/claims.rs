//! The ledger: verdicts are recomputed from the committed numbers, claims about exact fields are measured
//! again, and a measurement that is interrupted goes on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::path::{Path, PathBuf};

use pathline_study::Progress;
use pathline_study::claims::{
    CLAIMS, DataSources, Decision, Effort, Evidence, Finding, Folder, Order, Role, Verdict,
    index_page, judge, markdown_page, measure_claim,
};

fn ledger() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/claims")
}

fn quick() -> Order {
    Order { effort: Effort::Quick, seed: 0, sources: DataSources::default() }
}

fn measured(number: u32) -> Evidence {
    measure_claim(number, &quick(), None, &mut |_| Ok(()), &mut ()).unwrap()
}

#[test]
fn every_page_is_what_the_committed_numbers_say() {
    let evidence = Folder::evidence(&ledger().join("raw")).unwrap();
    let found: Vec<u32> = evidence.iter().map(|e| e.claim).collect();
    assert_eq!(
        found,
        CLAIMS.map(|c| c.number),
        "a claim without numbers, or numbers without a claim"
    );
    assert!(evidence.iter().all(|e| e.effort == Effort::Full));
    let judged = judge(&evidence).unwrap();
    for (entry, evidence) in judged.entries.iter().zip(&evidence) {
        let path = ledger().join(format!("{:02}-{}.md", entry.number, entry.slug));
        let page = std::fs::read_to_string(&path).unwrap();
        assert_eq!(page, markdown_page(entry, evidence).unwrap(), "{}", path.display());
        let claim = CLAIMS.iter().find(|c| c.number == entry.number).unwrap();
        assert!(!claim.remark.is_empty(), "claim {} has numbers and no words", entry.number);
    }
    let index = std::fs::read_to_string(ledger().join("README.md")).unwrap();
    assert_eq!(index, index_page(&judged), "docs/claims/README.md");
}

/// What the whole ledger warns of: images paired with unrelated noise have the published correlation of energy with
/// density, and without their distance from the mean there is nothing left of it.
#[test]
fn the_null_of_images_has_the_published_correlation() {
    let judged = judge(&Folder::evidence(&ledger().join("raw")).unwrap()).unwrap();
    let claim = judged.entries.iter().find(|e| e.number == 1).unwrap();
    let of = |what: &str| {
        let in_place = |f: &&Finding| f.setting == "CIFAR-10, no model" && f.what == what;
        claim.findings.iter().find(in_place).unwrap().estimate
    };
    let (raw, given_mean) = (of("no-model null with density"), of("null given |x1 − mean|²"));
    assert!(raw.contains(-0.64), "{raw:?}");
    assert!(given_mean.contains(0.0) && given_mean.value.abs() < 0.05, "{given_mean:?}");
}

/// A definition under which an exact field had an error would be a wrong one.
#[test]
fn the_radial_gain_of_every_exact_field_has_one_in_its_interval() {
    let judged = judge(&Folder::evidence(&ledger().join("raw")).unwrap()).unwrap();
    let claim = judged.entries.iter().find(|e| e.number == 8).unwrap();
    let gains: Vec<_> =
        claim.findings.iter().filter(|f| f.what.starts_with("radial gain")).collect();
    assert!(gains.len() >= 12, "{gains:?}");
    assert!(gains.iter().all(|f| f.estimate.contains(1.0)), "{gains:?}");
}

/// The U-Net is trained anew now and then: numbers of an older one would be numbers of nothing that is here.
#[test]
fn numbers_are_those_of_the_networks_that_are_embedded() {
    let transformer = include_bytes!("../assets/fashion-mnist-dit.safetensors");
    let transformer = pathline_nn::network_from_bytes(transformer).unwrap();
    let u_net = pathline_study::embedded_model().unwrap();
    let known = [
        ("the embedded transformer", transformer.parameters().fingerprint()),
        ("the embedded U-Net", u_net.parameters().fingerprint()),
    ];
    let mut seen = [0; 2];
    for evidence in Folder::evidence(&ledger().join("raw")).unwrap() {
        for setting in &evidence.settings {
            for (i, (network, print)) in known.iter().enumerate() {
                if setting.about.contains(network) {
                    let asked = format!("{network} ({print:016x}");
                    assert!(
                        setting.about.contains(&asked),
                        "claim {}: {}",
                        evidence.claim,
                        setting.about
                    );
                    seen[i] += 1;
                }
            }
        }
    }
    assert!(seen.iter().all(|&n| n >= 9), "{seen:?}");
}

#[test]
fn a_changed_number_changes_the_verdict() {
    let mut evidence = Folder::evidence(&ledger().join("raw")).unwrap();
    let verdict = |evidence: &[Evidence], claim| {
        let judged = judge(evidence).unwrap();
        judged.entries.iter().find(|e| e.number == claim).unwrap().verdict
    };
    assert_eq!(verdict(&evidence, 24), Verdict::Holds);
    let slopes = evidence.iter_mut().find(|e| e.claim == 24).unwrap();
    for setting in &mut slopes.settings {
        setting.columns.get_mut("slope").unwrap().iter_mut().for_each(|s| *s += 1.0);
    }
    assert_eq!(verdict(&evidence, 24), Verdict::DoesNotHoldHere);
}

#[test]
fn exact_fields_reach_the_spread_that_they_should() {
    // Claim 8: the deficit is large, and nothing falls short once the integrator is fine.
    let judged = judge(&[measured(8)]).unwrap();
    let findings = &judged.entries[0].findings;
    let primary: Vec<_> = findings.iter().filter(|f| f.role == Role::Primary).collect();
    assert!(primary.len() >= 5);
    for finding in primary {
        assert_ne!(finding.decision, Some(Decision::Yes), "{finding:?}");
        assert!(finding.estimate.value.abs() < 0.06, "{finding:?}");
    }
    let coarse = findings.iter().filter(|f| f.role == Role::Control && f.estimate.value > 0.02);
    assert!(coarse.count() >= 2, "Euler's own shortfall is not seen");
    for gain in findings.iter().filter(|f| f.what.starts_with("radial gain")) {
        let half = (gain.estimate.high - gain.estimate.low) / 2.0;
        assert!((gain.estimate.value - 1.0).abs() < 2.5 * half, "{gain:?}");
    }
}

#[test]
fn exact_trajectories_have_no_terminal_blow_up_and_the_law_its_slope() {
    let judged = judge(&[measured(23), measured(24)]).unwrap();
    let exact = &judged.entries[0].findings;
    let on = exact.iter().find(|f| f.what == "slope, on the trajectories").unwrap();
    let off = exact.iter().find(|f| f.what == "slope, off the trajectories").unwrap();
    assert_eq!(on.decision, Some(Decision::No), "{on:?}");
    assert!(off.estimate.value > 0.3, "{off:?}");
    assert_eq!(judged.entries[0].verdict, Verdict::DoesNotHoldHere);
    let slopes = judged.entries[1].findings.iter().filter(|f| f.what == "slope");
    for slope in slopes {
        assert!((slope.estimate.value - 2.0).abs() < 0.3, "{slope:?}");
    }
}

#[test]
fn the_energy_of_exact_fields_is_what_the_variance_leaves() {
    let judged = judge(&[measured(9)]).unwrap();
    let findings = judged.entries[0].findings.iter();
    let primary: Vec<_> = findings.filter(|f| f.role == Role::Primary).collect();
    assert!(primary.len() >= 3, "{primary:?}");
    for finding in primary {
        assert!((finding.estimate.value - 1.0).abs() < 0.15, "{finding:?}");
    }
}

#[test]
fn exact_fields_are_gradients_and_networks_are_not() {
    let judged = judge(&[measured(25)]).unwrap();
    let findings = judged.entries[0].findings.iter();
    let primary: Vec<_> = findings.filter(|f| f.role == Role::Primary).collect();
    let (exact, networks): (Vec<_>, Vec<_>) =
        primary.into_iter().partition(|f| f.setting.contains("exact"));
    let constructed = judged.entries[0].findings.iter();
    let constructed: Vec<_> =
        constructed.filter(|f| f.setting.contains("by construction")).collect();
    // Differences of velocities in single precision know less.
    let most = |what: &str| if what.contains("differences") { 1e-3 } else { 1e-5 };
    assert!(constructed.len() >= 3, "{constructed:?}");
    assert!(constructed.iter().all(|f| f.estimate.value < most(&f.what)), "{constructed:?}");
    assert!(exact.len() == 3 && networks.len() >= 2, "{exact:?} {networks:?}");
    assert!(exact.iter().all(|f| f.estimate.value < 1e-6), "{exact:?}");
    assert!(networks.iter().all(|f| (0.02..0.2).contains(&f.estimate.value)), "{networks:?}");
}

#[test]
fn a_measurement_goes_on_where_it_was_ended() {
    struct Stops(usize);
    impl Progress for Stops {
        fn at(&mut self, _: f64, _: &str) {
            self.0 += 1;
        }
    }
    let whole = measured(24);
    // Ended after two settings: whatever is kept is whole, and what follows is the same.
    let mut kept: Option<Evidence> = None;
    let ended = measure_claim(
        24,
        &quick(),
        None,
        &mut |evidence| {
            if evidence.settings.len() > 2 {
                return Err(pathline_study::Error::usage("test", "ended", "go on"));
            }
            kept = Some(evidence.clone());
            Ok(())
        },
        &mut (),
    );
    assert!(ended.is_err());
    assert_eq!(kept.as_ref().unwrap().settings.len(), 2);
    let mut asked = Stops(0);
    let rest = measure_claim(24, &quick(), kept, &mut |_| Ok(()), &mut asked).unwrap();
    assert_eq!(rest, whole);
    assert!(asked.0 > 0);
    // Numbers of another seed are not gone on with.
    let other = Order { seed: 1, ..quick() };
    assert!(measure_claim(24, &other, Some(rest), &mut |_| Ok(()), &mut ()).is_err());
    assert!(measure_claim(99, &quick(), None, &mut |_| Ok(()), &mut ()).is_err());
}

#[test]
fn other_features_give_other_distances_beside_those_that_decide() {
    // The judge in the place of another network: its distances must be the judge's again.
    let judge_itself = "assets/fashion-mnist-judge.safetensors";
    let features = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join(judge_itself));
    let order = Order { sources: DataSources { features, ..DataSources::default() }, ..quick() };
    let found = measure_claim(6, &order, None, &mut |_| Ok(()), &mut ()).unwrap();
    let setting = &found.settings[0];
    assert!(setting.about.contains("to 500 of them in the features of"), "{}", setting.about);
    assert!(setting.about.contains(judge_itself));
    for (name, column) in &setting.columns {
        if let Some(name) = name.strip_suffix(", other features") {
            assert_eq!(column, &setting.columns[name], "{name}");
        } else {
            assert!(setting.columns.contains_key(&format!("{name}, other features")), "{name}");
        }
    }
    let mut without = found.clone();
    without.settings[0].columns.retain(|name, _| !name.ends_with("other features"));
    let [more, plain] =
        [found, without].map(|evidence| judge(&[evidence]).unwrap().entries.remove(0));
    assert_eq!(more.verdict, plain.verdict);
    assert_eq!(more.findings.len(), 2 * plain.findings.len());
    let others = |f: &&Finding| f.what.ends_with("other features");
    assert!(more.findings.iter().filter(others).all(|f| f.role == Role::Secondary));
}

#[test]
fn a_folder_that_is_not_a_ledger_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.txt"), "mine").unwrap();
    assert!(Folder::open(folder.path()).is_err());
    let fresh = folder.path().join("ledger");
    let opened = Folder::open(&fresh).unwrap();
    assert!(opened.write().is_err(), "nothing was measured");
    std::fs::create_dir_all(fresh.join("raw")).unwrap();
    std::fs::write(fresh.join("raw/01.json"), "{\"claim\": 1}").unwrap();
    let error = opened.write().unwrap_err().to_string();
    assert!(error.contains("01.json"), "{error}");
}
