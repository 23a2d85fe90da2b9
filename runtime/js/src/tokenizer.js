/** Tokenization: from texts to what each of their windows feeds to the encoder. */
import { InputError } from "./errors.js";
import { part } from "./failures.js";
import { codePoints } from "./text.js";
import { head, holds } from "./text-head.js";
import { NO_SIDE } from "./token-layout.js";
import { wordPieceOf } from "./tokenizer-file.js";
import { WindowedText } from "./windows.js";

/** @typedef {import("./windows.js").Limit} Limit */
/** @typedef {import("./token-layout.js").Side} Side */
/** @typedef {import("./tokenizer-file.js").Encoder} Encoder */
/** @typedef {import("./tokenizer-library.js").Library} Library */

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
    return new Tokenizer(
      await (library ? (await part(import("./tokenizer-library.js"))).byLibrary(data, library) : wordPieceOf(data)),
    );
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
