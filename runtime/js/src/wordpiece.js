/** WordPiece by a table, to the token what the `tokenizers` library gives. */
import { ITSELF } from "./tokenizer-table.js";

const [DROPPED, SPACED, HANGUL, ITSELF_ALONE] = [0, 1, 2, 3];
const SPACE = 0x20;

/**
 * A character of the normalized text: `code` is undefined where it was taken off, `origin` is the one it was in the text,
 * `added` says that another character that the same one became stands before it.
 * @typedef {{code?: number, origin: number, alone?: boolean, added?: boolean, combining: number}} Part
 *
 * @typedef {object} Vocabulary
 * @property {Map<string, number>} tokens
 * @property {number} unknown id of the token for what no tokens make up
 * @property {string} inside prefix of tokens inside a word
 * @property {number} longest characters of a word
 * @property {{codes: number[], id: number}[]} added tokens that are taken from the text as it is, the longest first
 *
 * Ids of tokens, and of each the characters that it stands for, two numbers.
 * @typedef {{ids: number[], offsets: number[]}} Tokens
 */

export class WordPiece {
  #vocabulary;
  #table;
  #firsts;

  /**
   * @param {Vocabulary} vocabulary
   * @param {import("./tokenizer-table.js").Table} table
   */
  constructor(vocabulary, table) {
    this.#vocabulary = vocabulary;
    this.#table = table;
    this.#firsts = new Set(vocabulary.added.map(({ codes }) => codes[0]));
  }

  /**
   * Return the tokens of a text, without special ones around it.
   * @param {Uint32Array} text
   * @returns {Tokens}
   */
  encode(text) {
    /** @type {Tokens} */
    const found = { ids: [], offsets: [] };
    let start = 0;
    for (let index = 0; index < text.length;) {
      const added = this.#firsts.has(text[index]) && this.#addedAt(text, index);
      if (added) {
        this.#piece(text, start, index, found);
        start = index + added.codes.length;
        push(found, added.id, index, start);
        index = start;
      } else index++;
    }
    this.#piece(text, start, text.length, found);
    return found;
  }

  /** @param {Uint32Array} text @param {number} index */
  #addedAt(text, index) {
    return this.#vocabulary.added.find(({ codes }) => codes.every((code, step) => text[index + step] === code));
  }

  /** @param {Uint32Array} text @param {number} start @param {number} end @param {Tokens} found */
  #piece(text, start, end, found) {
    /** @type {Part[]} */
    let word = [];
    for (const part of [...this.#normalized(text, start, end), { code: SPACE, origin: end, combining: 0 }]) {
      const { code, alone } = /** @type {Part} */ (part);
      if (code === undefined) continue;
      if (word.length && (alone || code === SPACE)) {
        this.#word(word, found);
        word = [];
      }
      if (alone) this.#word([part], found);
      else if (code !== SPACE) word.push(part);
    }
  }

  /** @param {Uint32Array} text @param {number} start @param {number} end */
  #normalized(text, start, end) {
    /** @type {Part[]} */
    const found = [];
    /** @type {Part[]} what has a combining class, since the last character that has none */
    let run = [];
    for (let index = start; index < end; index++) {
      for (const part of this.#changed(text[index], index)) {
        if (part.combining) run.push(part);
        else {
          if (run.length) found.push(...ordered(run, found[found.length - 1]));
          run = [];
          found.push(part);
        }
      }
    }
    return run.length ? [...found, ...ordered(run, found[found.length - 1])] : found;
  }

  /** @param {number} code @param {number} origin @returns {Part[]} */
  #changed(code, origin) {
    const { operations, becomes, classes } = this.#table;
    const how = operations[code];
    const others = becomes.get(code) ?? (how === ITSELF ? [code] : []);
    if (how === DROPPED) return [];
    if (how === SPACED) return [{ code: SPACE, origin, combining: 0 }];
    const alone = how === ITSELF_ALONE || (how !== HANGUL && how % 2 === 1);
    const parts = how === HANGUL ? syllable(code) : how === ITSELF_ALONE ? [code] : others;
    if (!parts.length) return [{ origin, combining: classes.get(code) ?? 0 }];
    return parts.map((part, place) => {
      return { code: part, origin, alone, added: place > 0, combining: classes.get(part) ?? 0 };
    });
  }

  /** @param {Part[]} word @param {Tokens} found */
  #word(word, found) {
    const { tokens, unknown, inside, longest } = this.#vocabulary;
    const last = word.length - 1;
    let whole = "";
    const bounds = word.map(({ code }) => (whole += String.fromCodePoint(/** @type {number} */ (code))).length);
    bounds.unshift(0);
    /** @type {[number, number, number][]} */
    const pieces = [];
    for (let start = 0; start < word.length;) {
      const prefix = start ? inside : "";
      let end = word.length > longest ? start : word.length;
      let id;
      for (; end > start; end--) {
        id = tokens.get(prefix + whole.slice(bounds[start], bounds[end]));
        if (id !== undefined) break;
      }
      if (id === undefined) return push(found, unknown, word[0].origin, word[last].origin + 1);
      pieces.push([id, word[start].origin, word[end - 1].origin + 1]);
      start = end;
    }
    for (const piece of pieces) push(found, ...piece);
  }
}

/** @param {Tokens} found @param {number} id @param {number} start @param {number} end */
function push(found, id, start, end) {
  found.ids.push(id);
  found.offsets.push(start, end);
}

/**
 * Return a run in the order of combining classes; origins stay in the order of the text.
 * @param {Part[]} run
 * @param {Part | undefined} before
 */
function ordered(run, before) {
  const origins = run.filter(({ added }) => !added).map(({ origin }) => origin);
  let origin = before?.origin ?? 0;
  const sorted = [...run].sort((one, two) => one.combining - two.combining);
  return sorted.map((part) => {
    if (!part.added) origin = /** @type {number} */ (origins.shift());
    return { ...part, origin };
  });
}

/** @param {number} code of a Hangul syllable */
function syllable(code) {
  const number = code - 0xac00;
  const tail = number % 28;
  const parts = [0x1100 + Math.floor(number / 588), 0x1161 + (Math.floor(number / 28) % 21)];
  return tail ? [...parts, 0x11a7 + tail] : parts;
}
