/**
 * Joins of windows: from what the graph gave for each window of a text to what it is taken to have given for the text.
 * All is computed in float64, in the order of the windows, and rounded to float32 once.
 */
import { LOGITS, POOLED } from "./graph.js";
import { positionsOf, speakersOf } from "./long-texts.js";
import { MAXIMUM, MEAN, NOISY_OR, argmax } from "./tasks/base.js";

/** @typedef {(Float32Array | Float64Array)[]} Parts */
const LARGEST = (2 - 2 ** -23) * 2 ** 127;

/**
 * Return the output of a text whose windows gave `parts`.
 * @param {import("./windows.js").WindowedText} windowed
 * @param {Float32Array[]} parts
 * @param {string} output
 * @param {{taskType: string, windows?: {join: string}}} info
 * @returns {Float32Array}
 */
export function join(windowed, parts, output, { taskType, windows }) {
  if (parts.length === 1) return parts[0];
  if (output === POOLED) return Float32Array.from(mean(parts));
  if (output !== LOGITS) return byOffsets(windowed, parts);
  /** @type {Record<string, (parts: Parts) => Float64Array>} */
  const rules = {
    [MEAN]: mean,
    [MAXIMUM]: maximum,
    [NOISY_OR]: taskType === "classification" ? noisyOrOfOne : noisyOr,
  };
  const joined = rules[windows?.join ?? MEAN](parts);
  return Float32Array.from(joined, (value) => Math.min(Math.max(value, -LARGEST), LARGEST));
}

/** @param {Parts} parts @param {number} from @param {(held: number, value: number) => number} rule */
function folded(parts, from, rule) {
  return Float64Array.from(parts[0], (_, index) => parts.reduce((held, part) => rule(held, part[index]), from));
}

/** @param {Parts} parts */
const mean = (parts) => folded(parts, 0, (sum, value) => sum + value).map((sum) => sum / parts.length);

/** @param {Parts} parts */
const maximum = (parts) => folded(parts, -Infinity, Math.max);

/**
 * Return log(p / (1 - p)), where 1 - p is the product of a label's 1 - p over the windows, each a sigmoid.
 * @param {Parts} parts
 */
function noisyOr(parts) {
  const softplus = (/** @type {number} */ value) => Math.max(value, 0) + Math.log1p(Math.exp(-Math.abs(value)));
  const surely = folded(parts, 0, (sum, value) => sum + softplus(value));
  const largest = maximum(parts);
  return surely.map((sum, index) => Math.max(sum + Math.log(-Math.expm1(-sum)), largest[index]));
}

/**
 * Return log(p), where 1 - p is the product of a label's 1 - p over the windows, each of a softmax.
 * @param {Parts} parts
 */
function noisyOrOfOne(parts) {
  const chances = parts.map(logChances);
  const surely = folded(chances, 0, (sum, value) => sum - logOfOthers(value));
  const least = maximum(chances);
  return surely.map((sum, index) => Math.max(Math.log(-Math.expm1(-sum)), least[index]));
}

/**
 * Return the logarithm of the softmax, that of the largest to its last digits.
 * @param {Float32Array | Float64Array} logits
 */
function logChances(logits) {
  const best = argmax(logits);
  let others = 0;
  for (let index = 0; index < logits.length; index++) {
    if (index !== best) others += Math.exp(logits[index] - logits[best]);
  }
  return Float64Array.from(logits, (value) => value - logits[best] - Math.log1p(others));
}

/**
 * Return log(1 - p) for log(p).
 * @param {number} chance
 */
const logOfOthers = (chance) => (chance > -Math.LN2 ? Math.log(-Math.expm1(chance)) : Math.log1p(-Math.exp(chance)));

/**
 * Return for each token of the whole text what the window gave that it speaks from.
 * @param {import("./windows.js").WindowedText} windowed
 * @param {Float32Array[]} parts
 */
function byOffsets(windowed, parts) {
  const speakers = speakersOf(windowed);
  const width = parts[0].length / positionsOf(windowed, 0).length;
  const joined = new Float32Array(speakers.length * width);
  parts.forEach((part, index) => {
    positionsOf(windowed, index).forEach((token, row) => {
      if (speakers[token] === index) joined.set(part.subarray(row * width, (row + 1) * width), token * width);
    });
  });
  return joined;
}
