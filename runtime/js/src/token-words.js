/** The characters of a text's tokens, and its words that have tokens of their own. */
import { restOfWord, splitWords, visible, withAccents, withoutMarks } from "./words.js";

/** @typedef {{token: number, start: number, end: number}} TokenSpan a token and its characters */
/** @typedef {TokenSpan} Word a word, or several that share a token: the index of its own token, and its characters */

/**
 * Return the characters, without white space around them, of each token of `text`, that side; tokens of white space
 * alone are left out.
 * @param {import("./tokenized-text.js").TokenizedText} tokens
 * @param {Uint32Array} text
 * @param {0 | 1} side
 * @returns {TokenSpan[]}
 */
export function spansOf({ sides, offsets }, text, side) {
  const found = [];
  for (let token = sides[side].start; token < sides[side].stop; token++) {
    const [first, last] = visible(text, offsets[2 * token], offsets[2 * token + 1]);
    if (first < last) {
      const [start, end] = withAccents(text, first, last);
      found.push({ token, start, end });
    }
  }
  return found;
}

/**
 * Return the words of the first text, `text`, that have a token of their own: the first that no other has. Where one
 * token covers several words, they are one here, without the marks at their edges.
 * @param {import("./tokenized-text.js").TokenizedText} tokens
 * @param {Uint32Array} text
 * @returns {Word[]}
 */
export function wordsOf(tokens, text) {
  const spans = spansOf(tokens, text, 0);
  /** @type {(Word & {count: number})[]} */
  const found = [];
  if (!spans.length) return found;
  let free = 0; // the first token that is free
  let taken = 0; // where the last that is taken ends
  for (const [start, end] of splitWords(text, restOfWord(text, spans[spans.length - 1].end))) {
    while (free < spans.length && spans[free].end <= start) free++;
    const last = found[found.length - 1];
    if (free < spans.length && spans[free].start < end) {
      found.push({ token: spans[free].token, start, end, count: 1 });
      taken = spans[free].end;
      free++;
    } else if (last && start < taken) {
      last.end = end;
      last.count++;
    }
  }
  return found.map(({ token, start, end, count }) => {
    const [first, last] = count === 1 ? [start, end] : withoutMarks(text, start, end);
    return { token, start: first, end: last };
  });
}
