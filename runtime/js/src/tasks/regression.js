/** A number for each text or pair. */
import { LOGITS } from "../graph.js";
import { MAXIMUM, MEAN, common } from "./base.js";

/**
 * `value` is in the units of the training data.
 * @typedef {{type: "regression", task: string, value: number, truncated: boolean}} Score
 */

/** @param {import("./base.js").HeadOutput} output @returns {Score} */
function postprocess(output) {
  return { type: "regression", ...common(output), value: output.values[0] };
}

/** @type {import("./base.js").TaskType} */
export const REGRESSION = {
  name: "regression",
  output: LOGITS,
  minLabels: 1,
  maxLabels: 1,
  postprocess,
  joins: [MEAN, MAXIMUM],
  decides: [],
};
