/** A vector for each text, whose cosine to another says how similar they are. */
import { common } from "./base.js";

/** @typedef {{type: "embedding", task: string, vector: Float32Array, truncated: boolean}} Embedding */

/** @param {import("./base.js").HeadOutput} output @returns {Embedding} */
export function postprocess(output) {
  return { type: "embedding", ...common(output), vector: output.values };
}
