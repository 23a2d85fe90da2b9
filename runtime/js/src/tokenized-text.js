/** A tokenized text: what is kept of it, the characters of its tokens, and its words. */
import { restOfWord, splitWords, visible, withAccents, withoutMarks } from "./words.js";

/** @typedef {{start: number, stop: number}} Range of tokens, `stop` exclusive */
/** @typedef {{token: number, start: number, end: number}} TokenSpan a token and its characters */
/** @typedef {TokenSpan} Word a word, or several that share a token: the index of its own token, and its characters */

/**
 * One text, or one pair, as token ids with the model's special tokens. `offsets` are the characters that each token was
 * made of, two numbers each, of special tokens 0 and 0. `sides` are the tokens of the first and of the second text; `cut`
 * says of each whether it has lost some.
 */
export class TokenizedText {
  /**
   * @param {Int32Array} ids
   * @param {Uint8Array} typeIds
   * @param {Int32Array} offsets
   * @param {[Range, Range]} sides
   * @param {[boolean, boolean]} cut
   */
  constructor(ids, typeIds, offsets, sides, cut) {
    this.ids = ids;
    this.typeIds = typeIds;
    this.offsets = offsets;
    this.sides = sides;
    this.cut = cut;
    /** What the encoder receives: equal for texts that are one and the same to it. */
    this.key = `${ids};${typeIds}`;
  }

  get length() {
    return this.ids.length;
  }

  /**
   * Return the characters, without white space around them, of each token of `text`, that side; tokens of white space
   * alone are left out.
   * @param {Uint32Array} text
   * @param {0 | 1} side
   * @returns {TokenSpan[]}
   */
  spans(text, side) {
    const found = [];
    for (let token = this.sides[side].start; token < this.sides[side].stop; token++) {
      const [first, last] = visible(text, this.offsets[2 * token], this.offsets[2 * token + 1]);
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
   * @param {Uint32Array} text
   * @returns {Word[]}
   */
  words(text) {
    const spans = this.spans(text, 0);
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
}
