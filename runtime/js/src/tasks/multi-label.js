/** Any number of labels for each text or pair, each on its own. */
import { common } from "./base.js";

/**
 * A probability for each of `labels`, each on its own. `chosen` are those of at least their threshold, one half where the
 * pack has none.
 * @typedef {object} LabelSet
 * @property {"multi-label"} type
 * @property {string} task
 * @property {string[]} chosen
 * @property {string[]} labels
 * @property {number[]} probabilities
 * @property {boolean} truncated
 */

/** @param {import("./base.js").HeadOutput} output @returns {LabelSet} */
export function postprocess(output) {
  const { labels, decisions } = output.info;
  const { temperature = 1, thresholds } = decisions ?? {};
  const probabilities = Array.from(output.values, (logit) => 1 / (1 + Math.exp(-logit / temperature)));
  const chosen = labels.filter((_, index) => probabilities[index] >= (thresholds?.[index] ?? 0.5));
  return { type: "multi-label", ...common(output), chosen, labels, probabilities };
}
