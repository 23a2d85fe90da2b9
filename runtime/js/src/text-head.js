/** Heads of long texts: as much of a text as surely holds the tokens that are kept of it. */
import { kinds } from "./kinds.js";

const LONGEST_WORD = 1000; // characters
const EXACT = 100_000; // characters; up to here a text has words of any length
const MARGIN = 32; // tokens at the end of a head, which the rest of the text may change
const FIRST = 8; // characters a token; more are tried where they do not do
const GROWTH = 8;
const LONG_WORD = new RegExp(`[wm-]{${LONGEST_WORD + 1}}`);

/** @typedef {{text: Uint32Array, whole: boolean, last: boolean}} Head `last`: no longer one will be tried */

/**
 * Return the head to tokenize where `tokens` are kept, larger with each `attempt` from 0. It ends before white space where
 * that is near. Of more than EXACT characters nothing is read behind a word of more than LONGEST_WORD.
 * @param {Uint32Array} text
 * @param {number} tokens
 * @param {number} attempt
 * @returns {Head}
 */
export function head(text, tokens, attempt) {
  const size = FIRST * (tokens + MARGIN) * GROWTH ** attempt;
  if (text.length <= size) return { text, whole: true, last: true };
  const most = Math.max((tokens + 1) * (LONGEST_WORD + 1), EXACT);
  const word = text.length > EXACT && LONG_WORD.exec(kinds(text, 0, Math.min(size, most)));
  if (word) return { text: text.subarray(0, word.index + LONGEST_WORD), whole: false, last: true };
  if (size >= most) return { text: text.subarray(0, most), whole: false, last: true };
  return { text: text.subarray(0, boundary(text, size)), whole: false, last: false };
}

/** @param {Uint32Array} text @param {number} size */
function boundary(text, size) {
  const near = Math.max(size - LONGEST_WORD - 1, 0);
  const found = kinds(text, near, size);
  const before = found.slice(0, Math.max(found.lastIndexOf(" "), 0)).trimEnd();
  return before ? near + before.length : size;
}

/**
 * Whether a head of so many tokens surely holds one more than are kept.
 * @param {number} tokens
 * @param {number} kept
 */
export const holds = (tokens, kept) => tokens > kept + MARGIN;
