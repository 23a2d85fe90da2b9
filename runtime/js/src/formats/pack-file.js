/** Pack files: one safetensors file each, read with every bound checked. */
import { PackFormatError } from "../errors.js";
import { part } from "../failures.js";
import { HEAD_BIAS, HEAD_WEIGHT, POOLED, POOLINGS } from "../graph.js";
import { abilitiesOf } from "../abilities.js";
import { TASK_TYPES } from "../tasks/index.js";
import { Fields, parseJson } from "./json-fields.js";
import { ENCODINGS } from "./pack-encoding.js";
import { fromFloat16, parseSafetensors } from "./safetensors.js";
import { BIASES, CANARY, CENTRES, LIMITS, PACK_FIELDS, SCALE, TRANSITIONS } from "./schema.js";

/** @typedef {import("./pack.js").Pack} Pack */
/** @typedef {import("./pack.js").PackInfo} PackInfo */
/** @typedef {import("./pack-encoding.js").Tensors} Tensors */
/** @typedef {import("./json-fields.js").Fail} Fail */

/**
 * Read a pack. Throws PackFormatError on anything that is not a whole, finite pack of a schema that is known.
 * @param {Uint8Array} data
 * @param {string} [where]
 * @returns {Promise<Pack>}
 */
export async function parsePack(data, where = "pack") {
  /** @type {Fail} */
  const fail = (message) => new PackFormatError(`${message}; get the pack again`);
  if (data.length > LIMITS.packBytes) {
    throw fail(`${where} holds ${data.length} bytes, at most ${LIMITS.packBytes} are accepted`);
  }
  const { tensors, metadata } = parseSafetensors(data, where, LIMITS.metadataBytes, fail);
  const text = metadata.get("bitfit");
  if (text === undefined) throw fail(`${where} is not a bitfit pack; expected one from 'bitfit train'`);
  const fields = new Fields(parseJson(new TextEncoder().encode(text), where, fail), where, fail);
  /** @type {Fail} */
  const refuse = (message) => fail(`${where}: ${message}`);
  const info = await parseInfo(fields, refuse);
  checkFinite(tensors, refuse);
  /** @type {Pack} */
  const pack = { info, tensors, abilities: await abilitiesOf(info) };
  if (fields.has(CANARY)) {
    pack.canary = parseCanary(fields.nested(CANARY), tensors, refuse);
    tensors.delete(CANARY);
  }
  checkTensors(tensors, info, refuse);
  return pack;
}

/** @param {Fields} fields @param {Fail} fail @returns {Promise<PackInfo>} */
async function parseInfo(fields, fail) {
  fields.choice("format", ["bitfit-pack"]);
  const schema = fields.schema([1, 2, 3]);
  for (const [name, first] of Object.entries(PACK_FIELDS)) {
    if (fields.has(name) && schema < first) throw fail(`schema version ${schema} has no field '${name}'`);
  }
  const taskType = TASK_TYPES[fields.choice("task_type", Object.keys(TASK_TYPES))];
  const { name, minLabels, maxLabels = LIMITS.labels } = taskType;
  fields.string("created_by");
  /** @type {PackInfo} */
  const info = {
    base: fields.string("base"),
    baseName: fields.string("base_name"),
    task: fields.string("task"),
    taskType: name,
    labels: fields.strings("labels"),
    pooling: fields.choice("pooling", POOLINGS),
    maxLength: fields.integer("max_length"),
    terms: fields.strings("terms"),
    encoding: fields.choice("encoding", Object.keys(ENCODINGS)),
    metrics: Object.fromEntries(fields.mapping("metrics", "number")),
    fromLayer: fields.has("from_layer") ? fields.integer("from_layer") : 0,
  };
  const { labels, maxLength, fromLayer } = info;
  if (fields.has("tokenizer")) info.tokenizer = fields.string("tokenizer");
  if ([...info.task].length > LIMITS.taskNameCharacters) {
    throw fail(`a task name has at most ${LIMITS.taskNameCharacters} characters`);
  }
  if (labels.length < minLabels || labels.length > maxLabels || new Set(labels).size !== labels.length) {
    throw fail(`a ${name} task has ${minLabels} to ${maxLabels} distinct labels, found ${labels.length}`);
  }
  if (maxLength < 3) throw fail(`max_length should be at least 3, found ${maxLength}`);
  if (fromLayer < 0 || fromLayer > LIMITS.layers) throw fail(`from_layer should be a layer, found ${fromLayer}`);
  if (fields.has("windows")) info.windows = parseWindows(fields.nested("windows"), taskType.joins, maxLength, fail);
  if (["words", TRANSITIONS, "decisions"].some((name) => fields.has(name))) {
    const { parseExtras } = await part(import("./pack-extras.js"));
    Object.assign(info, parseExtras(fields, taskType, labels, fail));
  }
  return info;
}

/** @param {Fields} fields @param {string[]} joins @param {number} maxLength @param {Fail} fail */
function parseWindows(fields, joins, maxLength, fail) {
  const [join, overlap, maxWindows] = [
    fields.choice("join", joins),
    fields.integer("overlap"),
    fields.integer("max_windows"),
  ];
  const most = Math.floor(maxLength / 2);
  if (overlap < 0 || overlap > most) throw fail(`windows should overlap by 0 to ${most} tokens, found ${overlap}`);
  if (maxWindows < 1 || maxWindows > LIMITS.windows) {
    throw fail(`max_windows should be 1 to ${LIMITS.windows}, found ${maxWindows}`);
  }
  return { join, overlap, maxWindows };
}

/** @param {Fields} fields @param {Tensors} tensors @param {Fail} fail @returns {import("./pack.js").Canary} */
function parseCanary(fields, tensors, fail) {
  const kernelFingerprint = fields.string("kernels");
  const rows = fields.objects("inputs").map((item) => {
    const text = item.string("text");
    return item.has("text_pair") ? { text, textPair: item.string("text_pair") } : { text };
  });
  if (rows.length < 1 || rows.length > LIMITS.canaryTexts) {
    throw fail(`a canary has 1 to ${LIMITS.canaryTexts} inputs, found ${rows.length}`);
  }
  if (!/^[0-9a-f]{16}$/.test(kernelFingerprint)) throw fail("a canary's kernels should be 16 hexadecimal digits");
  const tensor = tensors.get(CANARY);
  if (tensor?.dtype !== "F32" || tensor.shape.length !== 1) {
    throw fail(`the tensor ${CANARY} should be a vector of float32`);
  }
  return { rows, kernelFingerprint, expected: /** @type {Float32Array} */ (tensor.data) };
}

/**
 * Check names, dtypes and dimensions; sizes depend on the base and are checked when the pack is decoded.
 * @param {Tensors} tensors @param {PackInfo} info @param {Fail} fail
 */
function checkTensors(tensors, info, fail) {
  const dtype = ENCODINGS[info.encoding];
  const hasHead = TASK_TYPES[info.taskType].output !== POOLED;
  /** @type {Map<string, string>} */
  const expected = new Map();
  for (const name of [...(info.terms.length ? [BIASES] : []), ...(hasHead ? [HEAD_WEIGHT] : [])]) {
    expected.set(name, dtype);
    if (dtype === "U8") expected.set(name + SCALE, "F32");
  }
  if (hasHead) expected.set(HEAD_BIAS, dtype === "U8" ? "F32" : dtype);
  if (info.transitions === "learned") expected.set(TRANSITIONS, "F16");
  if (info.decisions?.outliers) expected.set(CENTRES, "U8");
  for (const name of tensors.keys()) {
    if (!expected.has(name)) throw fail(`it should not hold the tensor ${name}`);
  }
  for (const [name, type] of expected) {
    const tensor = tensors.get(name);
    if (!tensor) throw fail(`it lacks the tensor ${name}`);
    if (tensor.dtype !== type || tensor.shape.length !== 1) {
      throw fail(`${name} should be a vector of ${type}, found ${tensor.dtype} of ${tensor.shape.length} dimensions`);
    }
  }
  const count = info.labels.length;
  if (hasHead && tensors.get(HEAD_BIAS)?.data.length !== count)
    throw fail(`${HEAD_BIAS} should have ${count} elements`);
  const scores = tensors.get(TRANSITIONS)?.data;
  if (scores && scores.length !== (count + 1) * count) {
    throw fail(`${TRANSITIONS} should have ${(count + 1) * count} elements, found ${scores.length}`);
  }
  if (scores && !fromFloat16(/** @type {Uint16Array} */ (scores)).every((score) => Math.abs(score) <= LIMITS.score)) {
    throw fail(`${TRANSITIONS} should be at most ${LIMITS.score} in size`);
  }
}

/** @param {Tensors} tensors @param {Fail} fail */
function checkFinite(tensors, fail) {
  for (const [name, { data }] of tensors) {
    const numbers = data instanceof Uint16Array ? fromFloat16(data) : data;
    if (!numbers.every(Number.isFinite)) throw fail(`${name} holds a value that is not finite`);
  }
}
