//! bitfit-edge in Rust: one frozen base, many small packs, answers of any task for any row.
//!
//! ```no_run
//! # fn main() -> Result<(), bitfit::Error> {
//! let engine = bitfit::Engine::open("base")?;
//! engine.install("mood", &std::fs::read("mood.safetensors").unwrap(), None)?;
//! let answers = engine.predict(&[bitfit::Row::new("mood", "What a lovely day")])?;
//! println!("{:?}", answers[0].found);
//! # Ok(())
//! # }
//! ```

mod answer;
mod error;
mod ffi;

pub use answer::{Answer, Found, Piece, Values};
pub use error::{Error, ErrorKind};

use std::ffi::{c_int, CString};
use std::ptr;

/// How much is proved when a base is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfTest {
    Off = 0,
    Quick = 1,
    Full = 2,
}

/// A text, the task that answers it, and a second text where the task takes pairs.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    pub task: Option<&'a str>,
    pub text: &'a str,
    pub pair: Option<&'a str>,
}

impl<'a> Row<'a> {
    /// A row of one text.
    pub fn new(task: &'a str, text: &'a str) -> Self {
        Row { task: Some(task), text, pair: None }
    }

    /// A row of two texts.
    pub fn pair(task: &'a str, text: &'a str, pair: &'a str) -> Self {
        Row { task: Some(task), text, pair: Some(pair) }
    }
}

/// Answers texts with any of the tasks that are installed, another one for every row if need be.
#[derive(Debug)]
pub struct Engine {
    handle: *mut ffi::Engine,
}

// SAFETY: bitfit.h promises that an engine may be used from several threads at once; it is closed when nobody has it.
unsafe impl Send for Engine {}
unsafe impl Sync for Engine {}

impl Drop for Engine {
    fn drop(&mut self) {
        // SAFETY: the handle came from bitfit_open, and is given back once.
        unsafe { ffi::bitfit_close(self.handle) }
    }
}

/// What a call gave, given back when this is dropped.
struct Answers(*mut ffi::Answers);

impl Drop for Answers {
    fn drop(&mut self) {
        // SAFETY: the pointer came from the C core, or is null.
        unsafe { ffi::bitfit_release(self.0) }
    }
}

fn c_string(text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::input("a name or path holds a zero, where C ends a string; pass another"))
}

impl Engine {
    /// Load the base in a folder, on all cores.
    pub fn open(folder: &str) -> Result<Self, Error> {
        Self::open_with(folder, 0, SelfTest::Quick)
    }

    /// Load the base in a folder; 0 threads are one for each core.
    pub fn open_with(folder: &str, threads: u16, self_test: SelfTest) -> Result<Self, Error> {
        let options = ffi::Options {
            struct_size: std::mem::size_of::<ffi::Options>(),
            threads: c_int::from(threads),
            verify: 1,
            self_test: self_test as c_int,
        };
        let mut handle = ptr::null_mut();
        let folder = c_string(folder)?;
        // SAFETY: all pointers live through the call.
        error::check(unsafe { ffi::bitfit_open(folder.as_ptr(), &options, &mut handle) })?;
        Ok(Engine { handle })
    }

    /// Install a pack under a task's name. `sha256` is the digest that it must have.
    pub fn install(&self, task: &str, pack: &[u8], sha256: Option<&str>) -> Result<(), Error> {
        let (task, digest) = (c_string(task)?, sha256.map(c_string).transpose()?);
        let digest = digest.as_ref().map_or(ptr::null(), |text| text.as_ptr());
        // SAFETY: all pointers live through the call.
        error::check(unsafe {
            ffi::bitfit_install_bytes(self.handle, task.as_ptr(), pack.as_ptr().cast(), pack.len(), digest)
        })
    }

    /// Compare a pack's answers here with its canary, without installing it.
    pub fn check_canary(&self, pack: &[u8]) -> Result<(), Error> {
        // SAFETY: all pointers live through the call.
        error::check(unsafe { ffi::bitfit_check_canary(self.handle, pack.as_ptr().cast(), pack.len()) })
    }

    /// Remove a task.
    pub fn remove(&self, task: &str) -> Result<(), Error> {
        let task = c_string(task)?;
        // SAFETY: all pointers live through the call.
        error::check(unsafe { ffi::bitfit_remove(self.handle, task.as_ptr()) })
    }

    /// Answer rows, each by its own task, in their order.
    pub fn predict(&self, rows: &[Row]) -> Result<Vec<Answer>, Error> {
        self.run(rows, None, |answer| unsafe { answer::answer_of(answer) })
    }

    /// Each row's plain logits: `[1, labels]`, or `[tokens, labels]` where the task labels tokens.
    pub fn logits(&self, rows: &[Row]) -> Result<Vec<Values>, Error> {
        self.run(rows, Some(0), |answer| unsafe { answer::values_of(answer) })
    }

    /// Each row's pooled vector: the bare base's where a row has no task.
    pub fn embed(&self, rows: &[Row]) -> Result<Vec<Values>, Error> {
        self.run(rows, Some(1), |answer| unsafe { answer::values_of(answer) })
    }

    fn run<T>(&self, rows: &[Row], output: Option<c_int>, read: impl Fn(&ffi::Answer) -> T) -> Result<Vec<T>, Error> {
        let tasks = rows.iter().map(|row| row.task.map(c_string).transpose()).collect::<Result<Vec<_>, _>>()?;
        let given: Vec<ffi::Row> = rows.iter().zip(&tasks).map(|(row, task)| c_row(row, task.as_ref())).collect();
        let mut answers = Answers(ptr::null_mut());
        // SAFETY: all pointers live through the call.
        error::check(unsafe {
            match output {
                None => ffi::bitfit_predict(self.handle, given.as_ptr(), given.len(), &mut answers.0),
                Some(kind) => ffi::bitfit_outputs(self.handle, given.as_ptr(), given.len(), kind, &mut answers.0),
            }
        })?;
        // SAFETY: there is an answer for each row, which lives as long as `answers`.
        Ok((0..rows.len()).map(|row| read(unsafe { &*ffi::bitfit_answer_at(answers.0, row) })).collect())
    }
}

fn c_row(row: &Row, task: Option<&CString>) -> ffi::Row {
    ffi::Row {
        task: task.map_or(ptr::null(), |text| text.as_ptr()),
        text: row.text.as_ptr(),
        text_size: row.text.len(),
        pair: row.pair.map_or(ptr::null(), str::as_ptr),
        pair_size: row.pair.map_or(0, str::len),
    }
}
