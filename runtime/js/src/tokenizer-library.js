/** Tokenizers of every kind, by the npm package `tokenizers`, in Node. */
import { BaseFormatError } from "./errors.js";
import { firstLine } from "./failures.js";
import { Layout } from "./token-layout.js";
import { loadTable } from "./tokenizer-table.js";

/** @typedef {import("./tokenizer-file.js").Encoder} Encoder */

/**
 * What is used of the npm package `tokenizers`.
 * @typedef {{getIds(): number[], getTypeIds(): number[], getOffsets(): number[][],
 *   getSequenceIds(): (number | null | undefined)[]}} Encoding
 * @typedef {{encode(text: string, pair?: any, options?: any): Promise<Encoding>}} LibraryTokenizer
 * @typedef {{Tokenizer: {fromString(text: string): LibraryTokenizer}}} Library
 */

/**
 * Return what the npm package `tokenizers` makes of a tokenizer's file.
 * @param {Uint8Array} data
 * @param {Library} library
 * @returns {Promise<Encoder>}
 */
export async function byLibrary(data, library) {
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
