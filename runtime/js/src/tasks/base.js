/**
 * What a task type is: what it asks of the graph, and how the graph's output becomes an answer.
 *
 * What the graph gave for one row. `values` are the row's part of the task type's output, without padding: logits
 * `[labels]`, token logits `[tokens, labels]` end to end, or pooled `[hidden]`. `texts` are the row's, as code points.
 * @typedef {object} HeadOutput
 * @property {string} task the name that the pack is installed under
 * @property {import("../formats/pack.js").PackInfo} info
 * @property {[Uint32Array, Uint32Array | undefined]} texts
 * @property {Float32Array} values
 * @property {import("../tokenized-text.js").TokenizedText} tokens
 * @property {Float32Array} [transitions] `[labels + 1, labels]`: the pack's scores of a tag after another
 * @property {number} [outlier] the text's score where the pack's decisions ask for one
 *
 * @typedef {(output: HeadOutput) => Answer} Postprocess
 *
 * `output` is the graph's output that a type reads; `joins` are the rules that can join the windows of a long text; of a
 * pair the `searched` side is cut into windows, the longer one without it. `hasTags`: the labels are BIO tags. `decides`
 * are the fields of decisions that packs may have.
 * @typedef {object} TaskType
 * @property {string} name
 * @property {string} output
 * @property {number} minLabels
 * @property {number} [maxLabels] absent: the limit of the format
 * @property {() => Promise<{postprocess: Postprocess}>} load
 * @property {string[]} joins
 * @property {number} [searched]
 * @property {boolean} [hasTags]
 * @property {string[]} decides
 *
 * @typedef {import("./classification.js").Prediction
 *   | import("./multi-label.js").LabelSet
 *   | import("./regression.js").Score
 *   | import("./token-classification.js").Entities
 *   | import("./span.js").Span
 *   | import("./embedding.js").Embedding} Answer
 */
export const MEAN = "mean";
export const MAXIMUM = "maximum";
export const NOISY_OR = "noisy-or";
export const OFFSETS = "offsets";

/**
 * Return the probabilities of logits.
 * @param {ArrayLike<number>} logits
 * @param {number} [temperature]
 */
export function softmax(logits, temperature = 1) {
  const largest = logits[argmax(logits)];
  const found = Float64Array.from(logits, (value) => Math.exp((value - largest) / temperature));
  const sum = found.reduce((total, value) => total + value, 0);
  return found.map((value) => value / sum);
}

/**
 * Return the place of the largest number, of equal ones the first.
 * @param {ArrayLike<number>} values
 */
export function argmax(values) {
  let best = 0;
  for (let index = 1; index < values.length; index++) if (values[index] > values[best]) best = index;
  return best;
}

/**
 * Return what every answer has: the task under whose name it was given, and whether the text was cut.
 * @param {HeadOutput} output
 */
export function common({ task, tokens }) {
  return { task, truncated: tokens.cut[0] || tokens.cut[1] };
}
