/** One label of several for each text or pair. */
import { accepts } from "../decisions.js";
import { argmax, common, softmax } from "./base.js";

/**
 * `probabilities` are in the order of `labels` and sum to one. `accepted` says whether to act on the answer, `outlier` how
 * unlike the text is to those of the classes; either is absent where the pack does not decide it.
 * @typedef {object} Prediction
 * @property {"classification"} type
 * @property {string} task
 * @property {string} label the most probable one
 * @property {number} probability
 * @property {string[]} labels
 * @property {number[]} probabilities
 * @property {boolean} truncated whether the text was longer than the pack takes, and was cut
 * @property {boolean} [accepted]
 * @property {number} [outlier]
 */

/** @param {import("./base.js").HeadOutput} output @returns {Prediction} */
export function postprocess(output) {
  const { labels, decisions } = output.info;
  const probabilities = [...softmax(output.values, decisions?.temperature)];
  const best = argmax(probabilities);
  const accepted = accepts(decisions, probabilities[best], output.outlier);
  return {
    type: "classification",
    ...common(output),
    label: labels[best],
    probability: probabilities[best],
    labels,
    probabilities,
    ...(accepted !== undefined && { accepted }),
    ...(output.outlier !== undefined && { outlier: output.outlier }),
  };
}
