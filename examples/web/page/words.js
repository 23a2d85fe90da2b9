/** Figures and errors in plain words. */

/** @param {number} bytes */
export const kilobytes = (bytes) => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

/** @param {number} probability */
export function percent(probability) {
  const rounded = Math.round(100 * probability);
  if (rounded === 0 && probability > 0) return "under 1 %";
  return rounded === 100 && probability < 1 ? "over 99 %" : `${rounded} %`;
}

/** @type {Record<string, string>} */
const SAID = {
  PackFormatError: "This file is not a pack, or it is damaged.",
  PackMismatchError: "This pack was made for another base.",
  PackNotFoundError: "There is no such pack.",
  CanaryError: "This pack does not answer here as it did where it was made.",
  BaseNotFoundError: "The base is not on the server.",
  BaseFormatError: "The base cannot be read.",
  BaseIntegrityError: "The base was damaged on its way.",
  SelfTestError: "This browser does not compute what the base needs.",
  UnreachableError: "The server cannot be reached.",
  UnsupportedError: "This browser lacks something that is needed.",
  OutOfMemoryError: "There is not enough memory.",
  InputError: "This text cannot be read.",
};

/** @param {unknown} error @returns {{plain: string, detail: string}} */
export function inWords(error) {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { plain: SAID[name] ?? "Something went wrong.", detail: message };
}
