/** A vector for each text, whose cosine to another says how similar they are. */
import { POOLED } from "../graph.js";
import { MEAN, common } from "./base.js";

/** @typedef {{type: "embedding", task: string, vector: Float32Array, truncated: boolean}} Embedding */

/** @param {import("./base.js").HeadOutput} output @returns {Embedding} */
function postprocess(output) {
  return { type: "embedding", ...common(output), vector: output.values };
}

/** @type {import("./base.js").TaskType} */
export const EMBEDDING = {
  name: "embedding",
  output: POOLED,
  minLabels: 0,
  maxLabels: 0,
  postprocess,
  joins: [MEAN],
  decides: [],
};
