//! Answers texts with a pack: `cargo run --release -- BASE PACK TEXT…`, with BITFIT_LIBRARY_DIR naming the build folder.

use bitfit::{Engine, Row};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base, pack, texts @ ..] = arguments.as_slice() else {
        return Err("answer BASE PACK TEXT…".into());
    };
    let engine = Engine::open(base)?;
    engine.install("task", &std::fs::read(pack)?, None)?;
    let rows: Vec<Row> = texts.iter().map(|text| Row::new("task", text)).collect();
    for answer in engine.predict(&rows)? {
        println!("{:?}", answer.found);
    }
    Ok(())
}
