/**
 * Transitions of tags: which tag may follow which, and the likeliest tags of a whole text, in a linear chain.
 *
 * Scores are rows of a score for each label: row i is the tag of the word before, the last row that of no word before.
 * Everything is computed in float64, word after word, so that a text's answer depends on the text alone.
 */
import { argmax } from "./tasks/base.js";

export const OUTSIDE = "O";
export const BEGIN = "B-";
export const INSIDE = "I-";
const LEAST = -120; // log-probability of a word's tag, below which nothing is told apart

/** @typedef {Float64Array[]} Rows */

/**
 * Return the logarithm of the softmax.
 * @param {Float64Array} logits
 */
export function logProbabilities(logits) {
  const largest = logits[argmax(logits)];
  const values = logits.map((value) => value - largest);
  const sum = Math.log(values.reduce((total, value) => total + Math.exp(value), 0));
  return values.map((value) => value - sum);
}

/**
 * Return the learned scores, end to end, as rows; minus infinity where a label may not follow: I-NAME follows B-NAME and
 * I-NAME alone.
 * @param {string[]} labels
 * @param {Float32Array} learned
 * @returns {Rows}
 */
export function chainScores(labels, learned) {
  const count = labels.length;
  return [...labels, undefined].map((before, row) =>
    Float64Array.from(labels, (label, column) => {
      const follows = !label.startsWith(INSIDE) || before === label || before === BEGIN + label.slice(INSIDE.length);
      return follows ? learned[row * count + column] : -Infinity;
    }),
  );
}

/**
 * Return the path of the largest score for log-probabilities of words; of equal ones, the label before with the lowest
 * index is taken.
 * @param {Rows} words
 * @param {Rows} scores
 */
export function likeliestTags(words, scores) {
  const count = scores.length - 1;
  /** @type {Uint16Array[]} */
  const before = [];
  let best = words[0].map((value, label) => value + scores[count][label]);
  for (const word of words.slice(1)) {
    const from = new Uint16Array(count);
    const next = new Float64Array(count);
    for (let label = 0; label < count; label++) {
      let largest = -Infinity;
      for (let last = 0; last < count; last++) {
        const reached = scores[last][label] + best[last];
        if (reached > largest) [largest, from[label]] = [reached, last];
      }
      next[label] = largest + word[label];
    }
    before.push(from);
    best = next;
  }
  const path = [argmax(best)];
  for (const from of before.reverse()) path.unshift(from[path[0]]);
  return path;
}

/**
 * Return how likely each word has each tag over all legal paths, for log-probabilities.
 * @param {Rows} words
 * @param {Rows} scores
 * @returns {Rows}
 */
export function tagProbabilities(words, scores) {
  const count = scores.length - 1;
  const chances = words.map((word) => word.map((value) => Math.exp(Math.max(value, LEAST))));
  const factors = scores.map((row) => row.map(Math.exp));
  const ahead = [chances[0].map((chance, label) => chance * factors[count][label])];
  for (const chance of chances.slice(1)) {
    const row = new Float64Array(count);
    const last = ahead[ahead.length - 1];
    for (let from = 0; from < count; from++) {
      for (let label = 0; label < count; label++) row[label] += last[from] * factors[from][label];
    }
    ahead.push(toOne(row.map((value, label) => value * chance[label])));
  }
  let behind = new Float64Array(count).fill(1);
  const found = [toOne(ahead[words.length - 1])];
  for (let index = words.length - 2; index >= 0; index--) {
    const next = behind.map((value, label) => value * chances[index + 1][label]);
    behind = toOne(
      Float64Array.from({ length: count }, (_, from) =>
        next.reduce((sum, value, label) => sum + factors[from][label] * value, 0),
      ),
    );
    found.unshift(toOne(ahead[index].map((value, label) => value * behind[label])));
  }
  return found;
}

/** @param {Float64Array} values */
function toOne(values) {
  const sum = values.reduce((total, value) => total + value, 0);
  return values.map((value) => value / sum);
}
