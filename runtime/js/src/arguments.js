/** Arguments of public functions: what is of the wrong type or out of bounds is refused in one line, by its name. */
import { InputError } from "./errors.js";
import { shown } from "./failures.js";
import { LIMITS } from "./formats/schema.js";

/**
 * Return a whole number within its bounds.
 * @param {unknown} value
 * @param {string} name
 * @param {number} least
 */
export function wholeNumber(value, name, least) {
  if (Number.isSafeInteger(value) && /** @type {number} */ (value) >= least) return /** @type {number} */ (value);
  throw new InputError(`${name} should be a whole number of at least ${least}, found ${shown(value)}`);
}

/**
 * Check that an object of options has no others than are known, so that a misspelt one is not passed over.
 * @param {object} options
 * @param {string[]} known
 */
export function checkOptions(options, known) {
  if (options === null || typeof options !== "object") {
    throw new InputError(`options should be an object, found ${shown(options)}`);
  }
  const strange = Object.keys(options).find((name) => !known.includes(name));
  if (strange !== undefined)
    throw new InputError(`there is no option ${shown(strange)}; there are ${known.join(", ")}`);
}

/**
 * Check a name for a task.
 * @param {unknown} name
 */
export function checkName(name) {
  if (typeof name === "string" && name && name.length <= LIMITS.taskNameCharacters) return;
  throw new InputError(
    `a task name should be a string of 1 to ${LIMITS.taskNameCharacters} characters, found ${shown(name)}`,
  );
}

/**
 * Check a digest: 64 hexadecimal digits behind a prefix.
 * @param {unknown} value
 * @param {string} name
 * @param {string} prefix
 */
export function checkDigest(value, name, prefix) {
  if (value === undefined || value === "none") return;
  if (typeof value === "string" && value.startsWith(prefix) && /^[0-9a-f]{64}$/.test(value.slice(prefix.length)))
    return;
  throw new InputError(`${name} should be ${prefix}64 hexadecimal digits, or 'none', found ${shown(value)}`);
}
