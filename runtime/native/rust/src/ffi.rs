//! `bitfit.h`, by hand.

use std::ffi::{c_char, c_int, c_void};

#[repr(C)]
pub struct Engine {
    _private: [u8; 0],
}

#[repr(C)]
pub struct Answers {
    _private: [u8; 0],
}

#[repr(C)]
pub struct Options {
    pub struct_size: usize,
    pub threads: c_int,
    pub verify: c_int,
    pub self_test: c_int,
}

#[repr(C)]
pub struct Row {
    pub task: *const c_char,
    pub text: *const u8,
    pub text_size: usize,
    pub pair: *const u8,
    pub pair_size: usize,
}

#[repr(C)]
pub struct Piece {
    pub label: *const c_char,
    pub start: usize,
    pub end: usize,
    pub start_character: usize,
    pub end_character: usize,
    pub probability: f64,
}

#[repr(C)]
pub struct Answer {
    pub kind: c_int,
    pub truncated: c_int,
    pub accepted: c_int,
    pub has_outlier: c_int,
    pub outlier: f64,
    pub label_count: usize,
    pub labels: *const *const c_char,
    pub probabilities: *const f64,
    pub best: usize,
    pub chosen: *const u8,
    pub value: f64,
    pub piece_count: usize,
    pub pieces: *const Piece,
    pub rows: usize,
    pub columns: usize,
    pub values: *const f32,
}

extern "C" {
    pub fn bitfit_open(folder: *const c_char, options: *const Options, engine: *mut *mut Engine) -> c_int;
    pub fn bitfit_close(engine: *mut Engine);
    pub fn bitfit_install_bytes(
        engine: *mut Engine,
        task: *const c_char,
        data: *const c_void,
        size: usize,
        sha256: *const c_char,
    ) -> c_int;
    pub fn bitfit_check_canary(engine: *mut Engine, data: *const c_void, size: usize) -> c_int;
    pub fn bitfit_remove(engine: *mut Engine, task: *const c_char) -> c_int;
    pub fn bitfit_predict(engine: *mut Engine, rows: *const Row, count: usize, answers: *mut *mut Answers) -> c_int;
    pub fn bitfit_outputs(
        engine: *mut Engine,
        rows: *const Row,
        count: usize,
        output: c_int,
        answers: *mut *mut Answers,
    ) -> c_int;
    pub fn bitfit_answer_at(answers: *const Answers, row: usize) -> *const Answer;
    pub fn bitfit_release(answers: *mut Answers);
    pub fn bitfit_error() -> *const c_char;
}
