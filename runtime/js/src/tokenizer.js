/** Tokenization: from texts to what each of their windows feeds to the encoder. */
import { BaseFormatError, InputError, firstLine } from "./errors.js";
import { codePoints } from "./text.js";
import { head, holds } from "./text-head.js";
import { Layout, NO_SIDE } from "./token-layout.js";
import { wordPieceOf } from "./tokenizer-file.js";
import { loadTable } from "./tokenizer-table.js";
import { WindowedText } from "./windows.js";

/** @typedef {import("./windows.js").Limit} Limit */
/** @typedef {import("./token-layout.js").Side} Side */
/** @typedef {import("./tokenizer-file.js").Encoder} Encoder */
/**
 * What is used of the npm package `tokenizers`.
 * @typedef {{getIds(): number[], getTypeIds(): number[], getOffsets(): number[][],
 *   getSequenceIds(): (number | null | undefined)[]}} Encoding
 * @typedef {{encode(text: string, pair?: any, options?: any): Promise<Encoding>}} LibraryTokenizer
 * @typedef {{Tokenizer: {fromString(text: string): LibraryTokenizer}}} Library
 */

const HALF_A_PAIR = /\p{Surrogate}/u;

export class Tokenizer {
  #model;
  #layouts;

  /** @param {Encoder} encoder */
  constructor({ model, layouts }) {
    this.#model = model;
    this.#layouts = layouts;
  }

  /**
   * Read `tokenizer.json`: exactly by a table where it is BERT's WordPiece, else by the library, where one is passed.
   * Throws UnsupportedError, BaseFormatError.
   * @param {Uint8Array} data
   * @param {Library} [library]
   */
  static async of(data, library) {
    return new Tokenizer(await (library ? byLibrary(data, library) : wordPieceOf(data)));
  }

  /**
   * Tokenize a text, or a pair, in windows. An empty text is its special tokens alone. Of a text of more than 100,000
   * characters nothing is read after a word of more than 1,000, which itself is cut there. Throws InputError on a string
   * that is not valid Unicode.
   * @param {string} text
   * @param {string | undefined} pair
   * @param {Limit} limit
   */
  async tokenize(text, pair, limit) {
    const layout = this.#layouts[pair === undefined ? 0 : 1];
    const most = limit.most(layout);
    const first = await this.#side(text, most);
    const second = pair === undefined ? NO_SIDE : await this.#side(pair, most);
    return WindowedText.cut(layout, [first, second], limit);
  }

  /**
   * Tokenize a text, or so much of it as holds one token more than the room for it.
   * @param {string} text
   * @param {number} room
   * @returns {Promise<Side>}
   */
  async #side(text, room) {
    if (HALF_A_PAIR.test(text)) {
      throw new InputError("a text is not valid Unicode, it holds a lone surrogate; pass valid Unicode strings");
    }
    const codes = codePoints(text);
    for (let attempt = 0; ; attempt++) {
      const tried = head(codes, room, attempt);
      const { ids, offsets } = await this.#model.encode(tried.text);
      if (tried.last || holds(ids.length, room)) {
        return { ids: ids.slice(0, room + 1), offsets: offsets.slice(0, 2 * (room + 1)), cut: !tried.whole };
      }
    }
  }
}

/**
 * Return what the npm package `tokenizers` makes of a tokenizer's file.
 * @param {Uint8Array} data
 * @param {Library} library
 * @returns {Promise<Encoder>}
 */
async function byLibrary(data, library) {
  try {
    const document = JSON.parse(new TextDecoder().decode(data));
    /** @param {object} changes */
    const load = (changes) =>
      library.Tokenizer.fromString(JSON.stringify({ ...document, padding: null, truncation: null, ...changes }));
    await loadTable("cased"); // for the kinds of characters
    const letters = load({
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: null,
      model: { type: "WordLevel", vocab: { a: 0 }, unk_token: "a" },
    });
    const layouts = /** @type {[Layout, Layout]} */ (
      await Promise.all([null, "a"].map(async (pair) => layoutOf(await letters.encode("a", pair))))
    );
    const tokenizer = load({ post_processor: null }); // some take white space off offsets, and then again
    return { model: { encode: (text) => encodeBy(tokenizer, text) }, layouts };
  } catch (error) {
    throw new BaseFormatError(`tokenizer.json is not a tokenizer file (${firstLine(error)}); export the base again`);
  }
}

/** @param {Encoding} encoding */
function layoutOf(encoding) {
  const [ids, types, sides] = [encoding.getIds(), encoding.getTypeIds(), encoding.getSequenceIds()];
  return new Layout(
    ids.map((id, index) => {
      const side = sides[index];
      return side === null || side === undefined
        ? { id, type: types[index] }
        : { side: /** @type {0 | 1} */ (side), type: types[index] };
    }),
  );
}

/** @param {LibraryTokenizer} tokenizer @param {Uint32Array} text */
async function encodeBy(tokenizer, text) {
  let string = "";
  for (const code of text) string += String.fromCodePoint(code);
  const encoding = await tokenizer.encode(string, null, { addSpecialTokens: false });
  return { ids: encoding.getIds(), offsets: encoding.getOffsets().flat() };
}
