//! Answers, copied out of what the C core holds.

use crate::ffi;
use std::ffi::{c_char, CStr};
use std::ops::Range;

/// A piece of a text. `bytes` cuts a `str`, `characters` counts its `char`s; `label` is none for a span task's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    pub label: Option<String>,
    pub bytes: Range<usize>,
    pub characters: Range<usize>,
    pub probability: f64,
}

/// What a task's type makes of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// The most probable label and its probability; probabilities are in the order of the labels.
    Label {
        label: String,
        probability: f64,
        probabilities: Vec<f64>,
        outlier: Option<f64>,
    },
    /// The labels that are chosen, each on its own.
    Labels {
        chosen: Vec<String>,
        probabilities: Vec<f64>,
    },
    Number(f64),
    Entities(Vec<Piece>),
    Span(Piece),
    Vector(Vec<f32>),
}

/// The answer to a row. `accepted` is none where the pack decides nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub found: Found,
    pub labels: Vec<String>,
    pub truncated: bool,
    pub accepted: Option<bool>,
}

/// Numbers `[rows, columns]`, row after row.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    pub rows: usize,
    pub columns: usize,
    pub numbers: Vec<f32>,
}

/// # Safety
/// `pointer` leads to `count` items, or `count` is 0.
unsafe fn slice<'a, T>(pointer: *const T, count: usize) -> &'a [T] {
    if pointer.is_null() || count == 0 {
        return &[];
    }
    std::slice::from_raw_parts(pointer, count)
}

/// # Safety
/// `text` is null or a string that ends with a zero.
unsafe fn string(text: *const c_char) -> Option<String> {
    (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
}

/// # Safety
/// `answer` is one that the C core gave and still holds.
pub(crate) unsafe fn values_of(answer: &ffi::Answer) -> Values {
    let numbers = slice(answer.values, answer.rows * answer.columns).to_vec();
    Values { rows: answer.rows, columns: answer.columns, numbers }
}

/// # Safety
/// `answer` is one that the C core gave and still holds.
pub(crate) unsafe fn answer_of(answer: &ffi::Answer) -> Answer {
    let labels: Vec<String> =
        slice(answer.labels, answer.label_count).iter().filter_map(|&text| string(text)).collect();
    Answer {
        found: found_of(answer, &labels),
        labels,
        truncated: answer.truncated != 0,
        accepted: (answer.accepted >= 0).then_some(answer.accepted > 0),
    }
}

unsafe fn found_of(answer: &ffi::Answer, labels: &[String]) -> Found {
    let probabilities = || slice(answer.probabilities, answer.label_count).to_vec();
    let mut pieces = slice(answer.pieces, answer.piece_count).iter().map(|piece| piece_of(piece));
    match answer.kind {
        0 => Found::Label {
            label: labels[answer.best].clone(),
            probability: probabilities()[answer.best],
            probabilities: probabilities(),
            outlier: (answer.has_outlier != 0).then_some(answer.outlier),
        },
        1 => {
            let chosen = slice(answer.chosen, answer.label_count).iter().zip(labels);
            let chosen = chosen.filter(|(&flag, _)| flag != 0).map(|(_, label)| label.clone()).collect();
            Found::Labels { chosen, probabilities: probabilities() }
        }
        2 => Found::Number(answer.value),
        3 => Found::Entities(pieces.collect()),
        4 => Found::Span(pieces.next().expect("a span has one piece")),
        _ => Found::Vector(values_of(answer).numbers),
    }
}

unsafe fn piece_of(piece: &ffi::Piece) -> Piece {
    Piece {
        label: string(piece.label),
        bytes: piece.start..piece.end,
        characters: piece.start_character..piece.end_character,
        probability: piece.probability,
    }
}
