//! What a base, a pack or a row was refused for.

use crate::ffi;
use std::ffi::{c_int, CStr};
use std::fmt;

/// Kinds of errors, as `bitfit_status` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    BaseNotFound,
    BaseFormat,
    BaseIntegrity,
    SelfTest,
    Inference,
    PackNotFound,
    PackFormat,
    PackMismatch,
    PackDigest,
    Canary,
    UnknownTask,
    Input,
    Unsupported,
    OutOfMemory,
    Internal,
}

const KINDS: [ErrorKind; 15] = [
    ErrorKind::BaseNotFound,
    ErrorKind::BaseFormat,
    ErrorKind::BaseIntegrity,
    ErrorKind::SelfTest,
    ErrorKind::Inference,
    ErrorKind::PackNotFound,
    ErrorKind::PackFormat,
    ErrorKind::PackMismatch,
    ErrorKind::PackDigest,
    ErrorKind::Canary,
    ErrorKind::UnknownTask,
    ErrorKind::Input,
    ErrorKind::Unsupported,
    ErrorKind::OutOfMemory,
    ErrorKind::Internal,
];

/// An error: its kind, and one line that says what was expected, what was found and what to do next.
#[derive(Clone, Debug)]
pub struct Error {
    pub kind: ErrorKind,
    pub message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl Error {
    pub(crate) fn input(message: &str) -> Self {
        Error { kind: ErrorKind::Input, message: message.to_string() }
    }
}

/// Turn the status of a call that was just made on this thread into a result.
pub(crate) fn check(status: c_int) -> Result<(), Error> {
    if status == 0 {
        return Ok(());
    }
    // SAFETY: the message is a string that lives until the next call that fails on this thread.
    let message = unsafe { CStr::from_ptr(ffi::bitfit_error()) }.to_string_lossy().into_owned();
    let kind = usize::try_from(status - 1).ok().and_then(|index| KINDS.get(index)).copied();
    Err(Error { kind: kind.unwrap_or(ErrorKind::Internal), message })
}
