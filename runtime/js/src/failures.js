/** What failed, in words; and parts of this package that could not be loaded. */
import { UnreachableError } from "./errors.js";

/**
 * Return the first line of what was thrown, whatever it is.
 * @param {unknown} error
 */
export function firstLine(error) {
  return (
    String(error instanceof Error ? error.message : error)
      .trim()
      .split("\n")[0] || "no reason given"
  );
}

/**
 * Return how a value of unknown type looks in a message.
 * @param {unknown} value
 */
export function shown(value) {
  const kind = value === null ? "null" : Array.isArray(value) ? "a list" : typeof value;
  return ["string", "number", "boolean", "bigint"].includes(kind) ? JSON.stringify(String(value)) : kind;
}

/**
 * Return a part of this package that is loaded when it is needed. Throws UnreachableError.
 * @template T
 * @param {Promise<T>} module
 */
export async function part(module) {
  try {
    return await module;
  } catch (error) {
    throw new UnreachableError(
      `a part of bitfit-edge cannot be loaded (${firstLine(error)}); check the network, try again`,
    );
  }
}
