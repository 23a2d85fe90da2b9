/** A number for each text or pair. */
import { common } from "./base.js";

/**
 * `value` is in the units of the training data.
 * @typedef {{type: "regression", task: string, value: number, truncated: boolean}} Score
 */

/** @param {import("./base.js").HeadOutput} output @returns {Score} */
export function postprocess(output) {
  return { type: "regression", ...common(output), value: output.values[0] };
}
