/** The piece of a text that answers a question. */
import { accepts } from "../decisions.js";
import { piece } from "../text.js";
import { spansOf } from "../token-words.js";
import { ownCharacters } from "../words.js";
import { common, softmax } from "./base.js";

const LONGEST_SPAN = 48; // tokens

/**
 * Characters `start` to `end` (exclusive, in UTF-16 units) of the searched text: the second one, or the only one.
 * @typedef {object} Span
 * @property {"span"} type
 * @property {string} task
 * @property {string} text
 * @property {number} start
 * @property {number} end
 * @property {number} probability
 * @property {boolean} truncated
 * @property {boolean} [accepted]
 */

/** @param {import("./base.js").HeadOutput} output @returns {Span} */
export function postprocess(output) {
  const { tokens, values, texts, info } = output;
  const searched = texts[1] ?? texts[0];
  const spans = spansOf(tokens, searched, texts[1] ? 1 : 0);
  let [first, last, probability] = [0, 0, 0];
  const of = (/** @type {number} */ side) =>
    softmax(
      spans.map(({ token }) => values[2 * token + side]),
      info.decisions?.temperature,
    );
  const [starts, ends] = spans.length ? [of(0), of(1)] : [[], []];
  for (let from = 0; from < spans.length; from++) {
    for (let to = from; to < Math.min(from + LONGEST_SPAN, spans.length); to++) {
      const joint = starts[from] * ends[to];
      if (joint > probability) [first, last, probability] = [from, to, joint];
    }
  }
  const [start, end] = spans.length
    ? [ownCharacters(searched, spans[first])[0], ownCharacters(searched, spans[last])[1]]
    : [0, 0];
  const accepted = accepts(info.decisions, probability);
  return {
    type: "span",
    ...common(output),
    ...piece(searched, start, end),
    probability,
    ...(accepted !== undefined && { accepted }),
  };
}
