//! The crate over the shared packs, in the folder that BITFIT_VECTORS names.

use bitfit::{Engine, ErrorKind, Found, Row, SelfTest};
use std::path::PathBuf;

const TEXT: &str = "🙂 Please send the blüe box to Anna in Lisbon, not the red one.";
const TYPES: [&str; 6] = ["classification", "multi-label", "regression", "token-classification", "span", "embedding"];

fn vectors() -> PathBuf {
    std::env::var_os("BITFIT_VECTORS").map_or("../../../tests/vectors".into(), PathBuf::from)
}

fn pack(name: &str) -> Vec<u8> {
    std::fs::read(vectors().join("packs").join(format!("{name}.safetensors"))).unwrap()
}

fn engine() -> Engine {
    let engine = Engine::open_with(vectors().join("base").to_str().unwrap(), 1, SelfTest::Full).unwrap();
    for kind in TYPES {
        let data = pack(&format!("{kind}-int8"));
        engine.check_canary(&data).unwrap();
        engine.install(kind, &data, None).unwrap();
    }
    engine
}

#[test]
fn answers_every_type() {
    let engine = engine();
    let rows: Vec<Row> = TYPES.iter().map(|kind| Row::pair(kind, "who sent it?", TEXT)).collect();
    let answers = engine.predict(&rows).unwrap();
    assert!(answers.iter().all(|answer| answer.accepted.is_none()));
    match &answers[0].found {
        Found::Label { label, probability, probabilities, outlier: None } => {
            assert!(answers[0].labels.contains(label) && probabilities.contains(probability));
            assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
        other => panic!("{other:?}"),
    }
    assert!(
        matches!(&answers[1].found, Found::Labels { probabilities, .. } if probabilities.len() == answers[1].labels.len())
    );
    assert!(matches!(answers[2].found, Found::Number(_)));
    assert!(matches!(&answers[3].found, Found::Entities(pieces) if pieces.iter().all(|piece| piece.label.is_some())));
    match &answers[4].found {
        Found::Span(piece) => {
            let before = TEXT[..piece.bytes.start].chars().count();
            assert_eq!(piece.characters, before..before + TEXT[piece.bytes.clone()].chars().count());
        }
        other => panic!("{other:?}"),
    }
    let vector = engine.embed(&rows[5..]).unwrap().remove(0).numbers;
    assert_eq!(answers[5].found, Found::Vector(vector));
    assert!(engine.predict(&[]).unwrap().is_empty());
}

#[test]
fn rows_do_not_feel_their_company() {
    let engine = engine();
    let rows = [Row::new("classification", TEXT), Row::new("regression", ""), Row::pair("span", "who?", TEXT)];
    let together = engine.logits(&rows).unwrap();
    for (row, found) in rows.iter().zip(&together) {
        assert_eq!(&engine.logits(&[*row]).unwrap()[0], found);
    }
}

#[test]
fn refusals_leave_what_was_installed() {
    let engine = engine();
    let rows = [Row::new("classification", TEXT)];
    let (before, data) = (engine.logits(&rows).unwrap(), pack("classification-int8"));
    let kind = |result: Result<(), bitfit::Error>| result.unwrap_err().kind;
    assert_eq!(kind(engine.install("classification", &data[..100], None)), ErrorKind::PackFormat);
    assert_eq!(kind(engine.install("classification", &data, Some(&"0".repeat(64)))), ErrorKind::PackDigest);
    assert_eq!(kind(engine.install("a\0b", &data, None)), ErrorKind::Input);
    assert_eq!(kind(engine.predict(&[Row::new("nothing", TEXT)]).map(drop)), ErrorKind::UnknownTask);
    assert_eq!(kind(Engine::open("/nowhere").map(drop)), ErrorKind::BaseNotFound);
    assert_eq!(engine.logits(&rows).unwrap(), before);
    engine.remove("classification").unwrap();
    assert_eq!(kind(engine.remove("classification")), ErrorKind::UnknownTask);
}

#[test]
fn threads_share_an_engine() {
    let engine = engine();
    let rows = [Row::new("classification", TEXT), Row::new("multi-label", "no")];
    let expected = engine.logits(&rows).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..10).for_each(|_| assert_eq!(engine.logits(&rows).unwrap(), expected)));
        }
    });
}
