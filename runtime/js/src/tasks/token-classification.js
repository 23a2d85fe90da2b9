/** Entities: labelled pieces of a text, found by a BIO label for each word. */
import { piece } from "../text.js";
import { wordsOf } from "../token-words.js";
import { INSIDE, OUTSIDE, chainScores, likeliestTags, logProbabilities, tagProbabilities } from "../transitions.js";
import { argmax, common, softmax } from "./base.js";

/**
 * A labelled piece of the first text: `start` to `end` (exclusive, in UTF-16 units), which is `text`.
 * @typedef {{label: string, text: string, start: number, end: number, probability: number}} Entity
 *
 * In the order of the text.
 * @typedef {{type: "token-classification", task: string, entities: Entity[], truncated: boolean}} Entities
 *
 * @typedef {import("./base.js").HeadOutput} HeadOutput
 * @typedef {import("../token-words.js").Word} Word
 */

/**
 * Turn token logits into entities. An I- tag that continues nothing begins an entity; a pack with transitions has none.
 * @param {HeadOutput} output
 * @returns {Entities}
 */
export function postprocess(output) {
  const { tokens, texts, info } = output;
  // Version 0.1.0 found no words in the first text of a pair, in training neither.
  const none = info.tokenizer === undefined && texts[1] && !tokens.cut[1];
  const words = none ? [] : wordsOf(tokens, texts[0]);
  /** @type {{label: string, start: number, end: number, seen: number[]}[]} */
  const found = [];
  /** @type {string | undefined} */
  let previous;
  tagsOf(output, words).forEach(([tag, probability], index) => {
    const { start, end } = words[index];
    const label = tag.replace(/^[BI]-/, "");
    if (tag === OUTSIDE) previous = undefined;
    else if (tag.startsWith(INSIDE) && previous === label) {
      const last = found[found.length - 1];
      last.end = end;
      last.seen.push(probability);
    } else found.push({ label, start, end, seen: [probability] });
    if (tag !== OUTSIDE) previous = label;
  });
  const entities = found.map(({ label, start, end, seen }) => {
    const probability = seen.reduce((sum, one) => sum + one, 0) / seen.length;
    return { label, ...piece(texts[0], start, end), probability };
  });
  return { type: "token-classification", ...common(output), entities };
}

/**
 * Return the tag of each word and its probability, over all paths where the pack has transitions.
 * @param {HeadOutput} output @param {Word[]} words
 * @returns {[string, number][]}
 */
function tagsOf(output, words) {
  const { labels } = output.info;
  if (!words.length) return [];
  const logits = wordLogits(output, words);
  if (!output.transitions) {
    return logits.map((row) => {
      const probabilities = softmax(row);
      const best = argmax(probabilities);
      return [labels[best], probabilities[best]];
    });
  }
  const alone = logits.map(logProbabilities);
  const scores = chainScores(labels, output.transitions);
  const best = likeliestTags(alone, scores);
  if (best.every((tag) => labels[tag] === OUTSIDE)) return words.map(() => [OUTSIDE, 1]);
  const probabilities = tagProbabilities(alone, scores);
  return best.map((tag, index) => [labels[tag], probabilities[index][tag]]);
}

/**
 * Return the logits of each word: its first token's, or the mean over those up to the next word.
 * @param {HeadOutput} output @param {Word[]} words
 * @returns {Float64Array[]}
 */
function wordLogits({ values, tokens, info }, words) {
  const count = info.labels.length;
  const stop = tokens.sides[0].stop;
  return words.map(({ token }, index) => {
    const end = info.words ? (words[index + 1]?.token ?? stop) : token + 1;
    const found = new Float64Array(count);
    for (let at = token; at < end; at++) {
      for (let label = 0; label < count; label++) found[label] += values[at * count + label];
    }
    return found.map((sum) => sum / (end - token));
  });
}
