/** `tokenizer.json`, as far as it describes what WordPiece by a table can do exactly. */
import { BaseFormatError, UnsupportedError } from "./errors.js";
import { Fields, parseJson } from "./formats/json-fields.js";
import { Layout } from "./token-layout.js";
import { loadTable } from "./tokenizer-table.js";
import { WordPiece } from "./wordpiece.js";

/** @typedef {import("./token-layout.js").Part} Part */

/**
 * What splits a text into tokens, and the layouts of one text and of a pair.
 * @typedef {object} Encoder
 * @property {{encode(text: Uint32Array): import("./wordpiece.js").Tokens | Promise<import("./wordpiece.js").Tokens>}} model
 * @property {[Layout, Layout]} layouts
 */

/** @param {string} message */
const malformed = (message) => new BaseFormatError(`${message}; export the base again`);

/**
 * Return WordPiece as a tokenizer's file describes it. Throws UnsupportedError where it is anything else, and
 * BaseFormatError.
 * @param {Uint8Array} data
 * @returns {Promise<Encoder>}
 */
export async function wordPieceOf(data) {
  const fields = new Fields(parseJson(data, "tokenizer.json", malformed), "tokenizer.json", malformed);
  const normalizer = part(fields, "normalizer", ["BertNormalizer"]);
  part(fields, "pre_tokenizer", ["BertPreTokenizer"]);
  const model = part(fields, "model", ["WordPiece"]);
  const processor = part(fields, "post_processor", ["TemplateProcessing", "BertProcessing"]);
  const uncased = normalizer.boolean("lowercase");
  const strips = normalizer.isNull("strip_accents") ? uncased : normalizer.boolean("strip_accents");
  if (!normalizer.boolean("clean_text") || !normalizer.boolean("handle_chinese_chars") || strips !== uncased) {
    throw unsupported("its normalizer is not BERT's, with case and accents or without both");
  }
  const tokens = model.mapping("vocab", "integer");
  const unknown = tokens.get(model.string("unk_token"));
  if (unknown === undefined) throw malformed("tokenizer.json: the vocabulary lacks its unknown token");
  const vocabulary = {
    tokens,
    unknown,
    inside: model.string("continuing_subword_prefix"),
    longest: model.integer("max_input_chars_per_word"),
    added: addedTokens(fields, tokens),
  };
  const table = await loadTable(uncased ? "uncased" : "cased");
  return { model: new WordPiece(vocabulary, table), layouts: layoutsOf(processor) };
}

/** @param {string} why */
const unsupported = (why) =>
  new UnsupportedError(
    `this base's tokenizer is not supported here: ${why}; in Node, pass the npm package: Engine.load(…, {tokenizers})`,
  );

/** @param {Fields} fields @param {string} name @param {string[]} types */
function part(fields, name, types) {
  if (!fields.has(name) || fields.isNull(name)) throw unsupported(`it has no ${name}`);
  const found = fields.nested(name);
  if (!types.includes(found.string("type"))) throw unsupported(`its ${name} is ${found.string("type")}`);
  return found;
}

/** @param {Fields} fields @param {Map<string, number>} vocabulary */
function addedTokens(fields, vocabulary) {
  /** @type {Map<string, number>} */
  const ids = new Map();
  let next = vocabulary.size;
  const found = fields.objects("added_tokens").map((token) => {
    for (const flag of ["normalized", "single_word", "lstrip", "rstrip"]) {
      if (token.boolean(flag)) throw unsupported(`an added token is ${flag}`);
    }
    const [content, id] = [token.string("content"), token.integer("id")];
    if (content) {
      // The library goes by the vocabulary, else it counts on, whatever the file says.
      const own = vocabulary.get(content) ?? ids.get(content) ?? next;
      if (id !== own) throw unsupported(`the added token ${content} has another id than in the vocabulary`);
      ids.set(content, id);
      next = Math.max(next, id + 1);
    }
    return { codes: Array.from(content, (character) => character.codePointAt(0) ?? 0), id };
  });
  return found.filter(({ codes }) => codes.length).sort((one, two) => two.codes.length - one.codes.length);
}

/** @param {Fields} processor @returns {[Layout, Layout]} */
function layoutsOf(processor) {
  if (processor.string("type") === "TemplateProcessing") {
    const special = processor.nested("special_tokens");
    return [templateLayout(processor, "single", special, "0"), templateLayout(processor, "pair", special, "0,1")];
  }
  const [cls, sep] = ["cls", "sep"].map((name) => {
    const [, id] = processor.list(name);
    if (!Number.isSafeInteger(id)) throw malformed(`tokenizer.json: ${name} should be a token and its id`);
    return /** @type {number} */ (id);
  });
  /** @type {Part[]} */
  const single = [
    { id: cls, type: 0 },
    { side: 0, type: 0 },
    { id: sep, type: 0 },
  ];
  return [new Layout(single), new Layout([...single, { side: 1, type: 1 }, { id: sep, type: 1 }])];
}

/** @param {Fields} processor @param {string} name @param {Fields} special @param {string} sides which there must be */
function templateLayout(processor, name, special, sides) {
  const parts = processor.objects(name).flatMap((item) => {
    if (item.has("Sequence")) {
      const own = item.nested("Sequence");
      return [
        /** @type {Part} */ ({ side: own.choice("id", ["A", "B"]) === "A" ? 0 : 1, type: own.integer("type_id") }),
      ];
    }
    const own = item.nested("SpecialToken");
    const type = own.integer("type_id");
    return special
      .nested(own.string("id"))
      .integers("ids")
      .map((id) => ({ id, type }));
  });
  const found = parts.flatMap(({ side }) => side ?? []).sort();
  if (String(found) !== sides) throw unsupported("its post_processor does not take each text once");
  return new Layout(parts);
}
