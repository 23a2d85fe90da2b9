/**
 * Words of a text: split by the text alone, the same way whatever the tokenizer.
 *
 * At white space and around every punctuation mark; where a script is written without spaces, each character is a word.
 */
import { kinds, storedKind } from "./kinds.js";

const WORD = /\.|c[m-]*|[wm-]+/g;
const WORD_FROM_START = /^(?:\.|c[m-]*|[wm-]+)/;
// What stays at the edge of a piece that covers several words: "@ann", "#1", "5%", ".net".
const KEPT_BEFORE = ".@#&%/\\*_";
const KEPT_AFTER = "%‰@#&/\\*_";
const MOST_ACCENTS = 32; // on one character
const LONGEST = 1000; // characters of a word that are looked at
const [MARK, WHITE] = [9, 7]; // as the tables number them

/** @typedef {Uint32Array} Text a text as code points */
/** @typedef {[start: number, end: number]} Characters of a text, `end` exclusive */

/** @param {Text} text @param {number} index */
const kindAt = (text, index) => kinds(text, index, index + 1);

/**
 * Return the words of the first `end` characters of a text, without invisible characters at their edges.
 * @param {Text} text
 * @param {number} end
 */
export function splitWords(text, end) {
  return wordsWithin(text, 0, end);
}

/** @param {Text} text @param {number} start @param {number} end @returns {Characters[]} */
function wordsWithin(text, start, end) {
  const words = [...kinds(text, start, end).matchAll(WORD)].map((match) => {
    const first = start + /** @type {number} */ (match.index);
    return visible(text, first, first + match[0].length);
  });
  return words.filter(([first, last]) => first < last);
}

/**
 * Return where the word ends that `start` may be inside of, so that a text can be cut there.
 * @param {Text} text
 * @param {number} start
 */
export function restOfWord(text, start) {
  const match = WORD_FROM_START.exec(kinds(text, start - 1, start + LONGEST));
  return start - 1 + (match ? match[0].length : 1);
}

/**
 * Return characters `start` to `end` without white space and invisible characters around them.
 * @param {Text} text @param {number} start @param {number} end
 * @returns {Characters}
 */
export function visible(text, start, end) {
  const unseen = (/** @type {number} */ index) => " -".includes(kindAt(text, index));
  while (start < end && unseen(end - 1)) end--;
  while (start < end && unseen(start)) start++;
  return [start, end];
}

/**
 * Return characters `start` to `end` and the accents on the last, which a tokenizer may have taken off.
 * @param {Text} text @param {number} start @param {number} end
 * @returns {Characters}
 */
export function withAccents(text, start, end) {
  const last = Math.min(end + MOST_ACCENTS, text.length);
  while (end < last && kindAt(text, end) === "m") end++;
  return [start, end];
}

/**
 * Return the characters that a token stands for which covers several words: "Paris," as one token is Paris, "(Ann's" Ann
 * and "U.S." itself. Characters that are nothing else stay as they are.
 * @param {Text} text @param {number} start @param {number} end
 * @returns {Characters}
 */
export function withoutMarks(text, start, end) {
  const at = (/** @type {number} */ index) => String.fromCodePoint(text[index]);
  const isMark = (/** @type {number} */ index) => [MARK, WHITE].includes(storedKind(text[index]));
  let [first, last] = [start, end];
  /** @param {number} index @param {number[]} kinds stored ones: of letters, of letters and numbers */
  const isOf = (index, kinds) => index >= first && kinds.includes(storedKind(text[index]));
  while (first < last && isMark(first) && !KEPT_BEFORE.includes(at(first))) first++;
  while (first < last && isMark(last - 1) && !KEPT_AFTER.includes(at(last - 1))) {
    // "J." and "U.S.": the mark belongs to the letter.
    if (at(last - 1) === "." && isOf(last - 2, [1, 4]) && !isOf(last - 3, [1, 2, 4, 5])) break;
    last--;
  }
  if (last - first > 2 && "'’".includes(at(last - 2)) && "sS".includes(at(last - 1))) last -= 2;
  return first < last ? visible(text, first, last) : [start, end];
}

/**
 * Return the characters that a token stands for: all of them, or `withoutMarks` where it covers several words.
 * @param {Text} text
 * @param {{start: number, end: number}} token
 */
export function ownCharacters(text, { start, end }) {
  return wordsWithin(text, start, end).length > 1 ? withoutMarks(text, start, end) : [start, end];
}
