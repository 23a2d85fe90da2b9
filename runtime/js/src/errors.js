/**
 * Every error that the runtime raises on purpose; names and meanings are those of the Python runtime.
 *
 *     BitfitError
 *     ├── BaseError               a base cannot be used
 *     │   ├── BaseNotFoundError   no base there
 *     │   ├── BaseFormatError     its manifest or graph is malformed or of a newer schema
 *     │   ├── BaseIntegrityError  a file differs from the digest that the manifest gives
 *     │   ├── SelfTestError       the kernels here do not compute what the export computed
 *     │   └── InferenceError      ONNX Runtime failed while it ran the graph
 *     ├── PackError               a pack cannot be used
 *     │   ├── PackNotFoundError   no such file
 *     │   ├── PackFormatError     truncated, altered, not finite, over a limit, or of a newer schema
 *     │   └── PackMismatchError   made for another base
 *     ├── UpdateError
 *     │   ├── UnreachableError    the server or the network did not give what was asked for
 *     │   └── CanaryError         the pack does not compute here what it computed for its publisher
 *     ├── UnknownTaskError        no pack is installed under that name
 *     ├── InputError              the caller's texts or arguments are not what the method takes
 *     ├── UnsupportedError        this platform lacks what is needed: hashing, SIMD, a tokenizer
 *     └── OutOfMemoryError        there is not enough memory
 *
 * An AbortSignal's own reason is thrown as it is.
 */
const LONGEST_MESSAGE = 1000;
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/**
 * Root of the errors. A message may quote a file that nobody vouches for: what is not printable is escaped, and what is
 * too long loses its middle, since the end says what to do.
 */
export class BitfitError extends Error {
  name = "BitfitError";

  /** @param {string} message */
  constructor(message) {
    const escape = (/** @type {string} */ c) => `\\u{${c.codePointAt(0)?.toString(16)}}`;
    super(shortened(shortened(message).replace(UNPRINTABLE, escape)));
  }
}

export class BaseError extends BitfitError {
  name = "BaseError";
}
export class BaseNotFoundError extends BaseError {
  name = "BaseNotFoundError";
}
export class BaseFormatError extends BaseError {
  name = "BaseFormatError";
}
export class BaseIntegrityError extends BaseError {
  name = "BaseIntegrityError";
}
export class SelfTestError extends BaseError {
  name = "SelfTestError";
}
export class InferenceError extends BaseError {
  name = "InferenceError";
}
export class PackError extends BitfitError {
  name = "PackError";
}
export class PackNotFoundError extends PackError {
  name = "PackNotFoundError";
}
export class PackFormatError extends PackError {
  name = "PackFormatError";
}
export class PackMismatchError extends PackError {
  name = "PackMismatchError";
}
export class UpdateError extends BitfitError {
  name = "UpdateError";
}
export class UnreachableError extends UpdateError {
  name = "UnreachableError";
}
export class CanaryError extends UpdateError {
  name = "CanaryError";
}
export class UnknownTaskError extends BitfitError {
  name = "UnknownTaskError";
}
export class InputError extends BitfitError {
  name = "InputError";
}
export class UnsupportedError extends BitfitError {
  name = "UnsupportedError";
}
export class OutOfMemoryError extends BitfitError {
  name = "OutOfMemoryError";
}

/** @param {string} message */
function shortened(message) {
  const kept = LONGEST_MESSAGE / 2 - 2;
  return message.length <= LONGEST_MESSAGE ? message : `${message.slice(0, kept)} … ${message.slice(-kept)}`;
}
