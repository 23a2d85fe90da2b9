/** The manifest `bitfit.json`: what a base says about itself. */
import { BaseFormatError } from "../errors.js";
import { ATTENTION_MASK, INPUT_IDS, POOLINGS, TOKEN_TYPE_IDS } from "../graph.js";
import { Fields, parseJson } from "./json-fields.js";
import { LIMITS, MODEL_FILE, TOKENIZER_FILE } from "./schema.js";

/**
 * One bias input of the graph, of shape `[rows, 1, size]`; `layer` is -1 outside the encoder's layers.
 * @typedef {{name: string, size: number, term: string, layer: number}} BiasSpec
 *
 * Token ids and the `pooled` vectors that the export computed for them: with default biases, and with bias `i` moved by
 * `amplitude * (-1)**(i + j)` at its index `j`.
 * @typedef {{inputIds: number[], amplitude: number, tolerance: number, pooled: Float32Array[]}} SelfTest
 *
 * The checked manifest. `digest` is the base's identity, which packs name, as they do the tokenizer's.
 * @typedef {object} Manifest
 * @property {string} name
 * @property {string} precision
 * @property {string} pooling
 * @property {number} maxLength
 * @property {number} hiddenSize
 * @property {number} padTokenId
 * @property {string[]} inputs the token inputs
 * @property {Map<string, string>} files SHA-256 of each other file of the base
 * @property {BiasSpec[]} biases
 * @property {SelfTest} selfTest
 * @property {number[]} branches layers below which the rows of a batch may branch
 * @property {string} activations `dynamic` or `static`
 * @property {number} layers
 * @property {string} digest
 * @property {string} tokenizerDigest
 */

const LARGEST = 2 ** 53;
const MOST_TOKENS = 2 ** 31;
const WORD_EMBEDDINGS = /(word_embeddings|tok_embeddings|embed_tokens)\.weight$/;

/**
 * Whether a bias acts below an encoder layer: on what the layer receives.
 * @param {BiasSpec} spec
 * @param {number} layer
 */
export function isBelow(spec, layer) {
  return spec.layer >= 0 ? spec.layer < layer : !["final", "pooler"].includes(spec.term);
}

/**
 * Read a manifest. Throws BaseFormatError.
 * @param {Uint8Array} data
 * @param {string} where
 * @returns {Manifest}
 */
export function parseManifest(data, where) {
  const fail = (/** @type {string} */ message) => new BaseFormatError(`${message}; export the base again`);
  if (data.length > LIMITS.manifestBytes) throw fail(`${where} is larger than ${LIMITS.manifestBytes} bytes`);
  const fields = new Fields(parseJson(data, where, fail), where, fail);
  fields.choice("format", ["bitfit-base"]);
  const isStatic = fields.schema([1, 2]) === 2;
  const biases = fields.objects("biases").map((item) => ({
    name: item.string("name"),
    size: item.integer("size"),
    term: item.string("term"),
    layer: item.integer("layer"),
  }));
  const files = fields.mapping("files", "string");
  const manifest = {
    name: fields.string("name"),
    precision: fields.choice("precision", ["int8", "int4", "fp32"]),
    pooling: fields.choice("pooling", POOLINGS),
    maxLength: fields.integer("max_length"),
    hiddenSize: fields.integer("hidden_size"),
    padTokenId: fields.integer("pad_token_id"),
    inputs: fields.strings("inputs"),
    files,
    biases,
    selfTest: selfTest(fields.nested("self_test")),
    branches: fields.has("branches") ? fields.integers("branches") : [],
    activations: isStatic ? fields.choice("activations", ["static"]) : "dynamic",
    layers: Math.max(-1, ...biases.map((spec) => spec.layer)) + 1,
    digest: `sha256:${files.get(MODEL_FILE)}`,
    tokenizerDigest: `sha256:${files.get(TOKENIZER_FILE)}`,
  };
  const problem = problemOf(manifest, fields);
  if (problem) throw fail(`${where}: ${problem}`);
  return manifest;
}

/** @param {Fields} item @returns {SelfTest} */
function selfTest(item) {
  return {
    inputIds: item.integers("input_ids"),
    amplitude: item.number("amplitude"),
    tolerance: item.number("tolerance"),
    pooled: item.vectors("pooled", 2),
  };
}

/**
 * Return what is wrong with a manifest, undefined where nothing is.
 * @param {Manifest} manifest
 * @param {Fields} fields
 */
function problemOf(manifest, fields) {
  const { maxLength, hiddenSize, padTokenId, biases, branches, selfTest: test, layers, inputs } = manifest;
  const known = [INPUT_IDS, ATTENTION_MASK, TOKEN_TYPE_IDS];
  const within = (/** @type {number} */ value, /** @type {number} */ least, /** @type {number} */ most) =>
    least <= value && value <= most;
  const weights = fields.objects("weights").map((item) => ({
    name: item.string("name"),
    shape: item.integers("shape"),
    scheme: item.choice("scheme", ["float32", "int8", "int4"]),
    transposed: item.boolean("transposed"),
    scale: item.has("static") && item.string("static"),
  }));
  for (const name of ["architecture", "created_by"]) fields.string(name);
  fields.strings("inert_terms");
  fields.mapping("folded_terms", "string");
  const embeddings = weights.filter(({ name, shape }) => WORD_EMBEDDINGS.test(name) && shape.length);
  const tokens = Math.min(MOST_TOKENS, ...embeddings.map(({ shape }) => shape[0]));
  /** @type {[boolean, string][]} */
  const checks = [
    [within(maxLength, 8, LIMITS.tokens), `max_length should be 8 to ${LIMITS.tokens}, found ${maxLength}`],
    [hiddenSize >= 1, `hidden_size should be positive, found ${hiddenSize}`],
    [within(padTokenId, 0, tokens - 1), `pad_token_id should be one of ${tokens} tokens, found ${padTokenId}`],
    [within(fields.integer("parameters"), 1, LARGEST), "parameters should be positive"],
    [
      branches.every((layer, index) => within(layer, (branches[index - 1] ?? 0) + 1, layers)),
      `branches should be ascending layers, 1 to ${layers}`,
    ],
    [new Set(biases.map((spec) => spec.name)).size === biases.length, "a bias is listed twice"],
    [
      biases.every(({ size, layer }) => within(size, 1, LARGEST) && within(layer, -1, LARGEST)),
      "a bias is of an impossible size or layer",
    ],
    [manifest.files.has(MODEL_FILE), `files lists no ${MODEL_FILE}`],
    [manifest.files.has(TOKENIZER_FILE), `files lists no ${TOKENIZER_FILE}`],
    [
      within(inputs.length, 2, 3) && inputs.every((name, index) => name === known[index]),
      `inputs should be ${INPUT_IDS}, ${ATTENTION_MASK}, perhaps ${TOKEN_TYPE_IDS}`,
    ],
    [
      within(test.inputIds.length, 1, maxLength) && test.inputIds.every((id) => within(id, 0, MOST_TOKENS - 1)),
      `self_test.input_ids should hold 1 to ${maxLength} token ids`,
    ],
    [test.pooled.every((row) => row.length === hiddenSize), "self_test.pooled is not as wide as the model"],
    [test.tolerance > 0 && test.tolerance <= 1, "self_test.tolerance should be above 0 and at most 1"],
    [within(test.amplitude, 0, 1000), "self_test.amplitude should be 0 to 1000"],
    [weights.every(({ shape }) => shape.every((size) => within(size, 1, LARGEST))), "a weight has an impossible size"],
    [
      manifest.activations === "static" || weights.every(({ scale }) => scale === false),
      "a weight names a static scale, but activations are dynamic",
    ],
  ];
  return checks.find(([holds]) => !holds)?.[1];
}
