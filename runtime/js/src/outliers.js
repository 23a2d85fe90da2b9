/** Outlier scores: how unlike a text is to those that a pack's classes were learned from. */
import { LOGITS } from "./graph.js";
import { argmax, softmax } from "./tasks/base.js";

const SOFTENED = 2; // times the pack's own temperature
const FLATTENED = 4;
const LEAST = 1e-9; // of 1 - p

/**
 * Return the score of a text with these logits and this pooled vector: more is less alike.
 * @param {import("./decisions.js").Decisions} decisions
 * @param {Float32Array} centres of length 1 each, end to end
 * @param {Float32Array} logits
 * @param {Float32Array} [pooled]
 */
export function outlierScore({ outliers, temperature }, centres, logits, pooled) {
  if (outliers?.space !== LOGITS) return -nearest(centres, direction(Float64Array.from(pooled ?? [])));
  const largest = logits[argmax(logits)];
  const roots = Float64Array.from(logits, (value) => Math.exp((value - largest) / (2 * FLATTENED)));
  const mean = roots.reduce((sum, value) => sum + value, 0) / roots.length;
  const likeliest = Math.max(...softmax(logits, SOFTENED * temperature));
  const similar = nearest(centres, direction(roots.map((value) => value - mean)));
  return Math.log(Math.max(1 - likeliest, LEAST)) - outliers.weight * similar;
}

/** @param {Float64Array} values */
function direction(values) {
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return values.map((value) => (length > 0 && length < Infinity ? value / length : 0));
}

/** @param {Float32Array} centres @param {Float64Array} vector */
function nearest(centres, vector) {
  let best = -Infinity;
  for (let start = 0; start < centres.length; start += vector.length) {
    best = Math.max(
      best,
      vector.reduce((sum, value, index) => sum + value * centres[start + index], 0),
    );
  }
  return best;
}
