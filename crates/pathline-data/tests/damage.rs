//! Damaged files of every format: cut anywhere, and with bytes changed. No reader may panic; each
//! gives an error of one line or a valid value.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::path::Path;

use pathline_data::{Error, csv, idx, jpeg, npy, npz, png, safetensors, torch};
use proptest::prelude::*;

type Reader = fn(&[u8], &Path) -> Result<(), Error>;

/// A small valid file of each format, and its reader.
fn subjects() -> Vec<(&'static str, Vec<u8>, Reader)> {
    let golden = |name: &str| {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name))
            .unwrap()
    };
    let image = png::Image { width: 5, height: 4, channels: 3, levels: (0..60).collect() };
    let png_bytes = png::encode(&image, Path::new("a.png")).unwrap();
    let tensor = pathline_data::Tensor::new(vec![2, 3], vec![0.5; 6]).unwrap();
    let tensors = [("a".to_owned(), tensor.clone()), ("b".to_owned(), tensor)].into();
    let header = safetensors::encode(&tensors, Some(("k", "v")));
    let gz = include_bytes!("../assets/fashion-mnist-test-labels.idx.gz");
    let pt: Reader = |b, p| torch::decode(b, p).map(drop);
    vec![
        ("a.npy", golden("array-f4-big-F.npy"), |b, p| npy::decode(b, p).map(drop)),
        ("a.npz", golden("points.npz"), |b, p| npz::decode(b, p).map(drop)),
        ("b.npz", golden("images.npz"), |b, p| npz::decode(b, p).map(drop)),
        ("a.idx.gz", gz.to_vec(), |b, p| idx::decode(b.to_vec(), p).map(drop)),
        ("a.idx", vec![0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 1, 7, 8], |b, p| {
            idx::decode(b.to_vec(), p).map(drop)
        }),
        ("a.png", png_bytes, |b, p| png::decode(b, p).map(drop)),
        ("a.jpg", golden("gray.jpg"), |b, p| jpeg::decode(b, p).map(drop)),
        ("b.jpg", golden("half.jpg"), |b, p| jpeg::decode(b, p).map(drop)),
        ("c.jpg", golden("progressive.jpg"), |b, p| jpeg::decode(b, p).map(drop)),
        ("d.jpg", golden("restarts.jpg"), |b, p| jpeg::decode(b, p).map(drop)),
        ("a.csv", b"x,y,label\n0.5,1e3,0\n-2.5,.5,1\n".to_vec(), |b, p| {
            csv::decode(b, p).map(drop)
        }),
        ("a.safetensors", header, |b, p| safetensors::decode(b, p).map(drop)),
        ("a.pt", golden("state-2.pt"), pt),
        ("b.pt", golden("module.pt"), pt),
        ("c.pt", golden("state-5.pt"), pt),
        ("a.pth", golden("state-legacy.pth"), pt),
    ]
}

fn check(name: &str, bytes: &[u8], read: Reader) -> bool {
    match read(bytes, Path::new(name)) {
        Ok(()) => true,
        Err(error) => {
            let text = error.to_string();
            assert!(text.starts_with(name) && text.lines().count() == 1, "{text}");
            assert!(!error.fault().remedy.is_empty());
            false
        }
    }
}

#[test]
fn files_cut_at_every_byte_are_refused() {
    for (name, bytes, read) in subjects() {
        assert!(check(name, &bytes, read), "{name} is valid");
        for end in 0..bytes.len() {
            let valid = check(name, &bytes[..end], read);
            // A table cut between two digits is still a table.
            assert!(!valid || name == "a.csv" || name == "a.png", "{name} cut at {end}");
        }
    }
}

#[test]
fn every_byte_set_to_its_extremes_is_survived() {
    for (name, mut bytes, read) in subjects() {
        for at in 0..bytes.len() {
            let old = bytes[at];
            for new in [0x00, 0x7f, 0x80, 0xff, old ^ 1] {
                bytes[at] = new;
                check(name, &bytes, read);
            }
            bytes[at] = old;
        }
    }
}

/// A pickle in a zip archive, so that random opcodes reach the machine past the checksums.
fn archived(program: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in [("a/data.pkl", program), ("a/data/0", &[0; 16])] {
        zip.start_file(name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

const OPCODES: &[u8] = b"((..0012NJ\x02\0\0\0K\x01M\x88\x89G\x8a\x01\x05X\x01\0\0\0aT]]laee}}sud\x8f\x90\x91)t\x85\x86\x87RR\x81\x92bbQQq\x01q\x02h\x01h\x02\x94\x93";

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => prop::sample::select(OPCODES).prop_map(|b| vec![b]),
        2 => Just(b"X\x07\0\0\0storage".to_vec()),
        2 => Just(b"ctorch\nFloatStorage\n".to_vec()),
        2 => Just(b"ctorch._utils\n_rebuild_tensor_v2\n".to_vec()),
        2 => Just(b"ctorch._utils\n_rebuild_parameter\n".to_vec()),
        1 => Just(b"ccollections\nOrderedDict\n".to_vec()),
        1 => Just(b"cos\nsystem\n".to_vec()),
        2 => Just(b"(X\x07\0\0\0storageq\x05ctorch\nFloatStorage\nX\x01\0\0\x000h\x05K\x04tQ".to_vec()),
        1 => any::<u8>().prop_map(|b| vec![b]),
        1 => prop::collection::vec(any::<u8>(), 4).prop_map(|b| [&b"J"[..], &b].concat()),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|p| [&b"\x80\x02"[..], &p.concat(), b"."].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_damage_is_survived(hits in prop::collection::vec((any::<usize>(), any::<u8>()), 1..8), end in any::<usize>()) {
        for (name, mut bytes, read) in subjects() {
            for &(at, new) in &hits {
                let length = bytes.len();
                bytes[at % length] = new;
            }
            check(name, &bytes, read);
            check(name, &bytes[..end % bytes.len()], read);
        }
    }

    #[test]
    fn random_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for (name, valid, read) in subjects() {
            check(name, &bytes, read);
            // The same after a valid beginning.
            check(name, &[&valid[..valid.len().min(24)], &bytes].concat(), read);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_pickles_are_survived(program in pieces()) {
        check("a.pt", &archived(&program), |b, p| torch::decode(b, p).map(drop));
    }
}

#[test]
fn pickles_that_multiply_are_refused_quickly() {
    let read: Reader = |b, p| torch::decode(b, p).map(drop);
    // A long text, a long name and a long list of pairs, each named again and again.
    let text =
        [&b"\x80\x02X"[..], &(1_u32 << 20).to_le_bytes(), &[b'a'; 1 << 20], b"q\0]("].concat();
    let texts = [&text[..], &b"h\0".repeat(200_000), b"e."].concat();
    assert!(!check("a.pt", &archived(&texts), read));
    let names = [&text[..], &b"h\0h\0\x93".repeat(1000), b"e."].concat();
    assert!(!check("a.pt", &archived(&names), read));
    let pairs = [&b"\x80\x02]("[..], &b"K\x01K\x02\x86".repeat(100_000), b"e\x85q\0"].concat();
    let calls = [&pairs[..], &b"ccollections\nOrderedDict\nh\0R".repeat(10_000), b"."].concat();
    assert!(!check("a.pt", &archived(&calls), read));
    let marks = [&b"\x80\x02"[..], &[b'('; 5_000_000]].concat();
    assert!(!check("a.pt", &archived(&marks), read));
    let keys = [&text[..], b"}h\0]s", b"e."].concat();
    assert!(check("a.pt", &archived(&keys), read));
}

#[test]
fn headers_that_claim_too_much_allocate_nothing() {
    let npy = b"\x93NUMPY\x01\0\x4a\0{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999,), }      \n";
    assert!(!check("a.npy", npy, |b, p| npy::decode(b, p).map(drop)));
    let idx = [&[0, 0, 8, 4][..], &[0xff; 16]].concat();
    assert!(!check("a.idx", &idx, |b, p| idx::decode(b.to_vec(), p).map(drop)));
    let length = u64::MAX.to_le_bytes();
    assert!(!check("a.safetensors", &length, |b, p| safetensors::decode(b, p).map(drop)));
    for header in [
        r#"{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}"#,
        &"[".repeat(100_000),
    ] {
        let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 8]].concat();
        assert!(!check("a.safetensors", &bytes, |b, p| safetensors::decode(b, p).map(drop)));
    }
}
