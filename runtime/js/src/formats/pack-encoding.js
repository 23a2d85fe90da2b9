/**
 * Pack encodings: a pack stores deltas from the base's biases, in floats or in a few bits.
 *
 * A tensor in bits is integer codes with a float32 scale for each group; a group is one bias, or one label of the head.
 * value = default + code × scale, rounded to float32 after each of the two operations, so that every platform decodes
 * the same bits: a Float32Array rounds what is stored into it, and each operation is exact enough in float64 before.
 */
import { HEAD_BIAS, HEAD_WEIGHT } from "../graph.js";
import { inflate } from "./inflate.js";
import { fromFloat16 } from "./safetensors.js";
import { BIASES, SCALE } from "./schema.js";

/** @typedef {Map<string, import("./safetensors.js").Tensor>} Tensors */
/** @typedef {import("./json-fields.js").Fail} Fail */

/** @type {Record<string, string>} each encoding's dtype, U8 where it has codes */
export const ENCODINGS = { int2: "U8", int3: "U8", int4: "U8", int8: "U8", float16: "F16", float32: "F32" };

/**
 * Return the biases of some specifications by name, views of one vector.
 * @param {Tensors} tensors
 * @param {import("./manifest.js").BiasSpec[]} specs
 * @param {Map<string, Float32Array>} defaults
 * @param {Fail} fail
 */
export function decodeBiases(tensors, specs, defaults, fail) {
  /** @type {Map<string, Float32Array>} */
  const found = new Map();
  if (!specs.length) return found;
  const vector = decodeGroups(
    tensors,
    BIASES,
    specs.map((spec) => spec.size),
    fail,
  );
  let start = 0;
  for (const { name, size } of specs) {
    const own = vector.subarray(start, (start += size));
    const base = /** @type {Float32Array} */ (defaults.get(name));
    for (let index = 0; index < size; index++) own[index] += base[index];
    found.set(name, own);
  }
  checkFinite(BIASES, vector, fail);
  return found;
}

/**
 * Return the head: `weight` `[hidden, labels]` and `bias` `[labels]`, neither where the pack has none.
 * @param {Tensors} tensors @param {number} labels @param {number} hiddenSize @param {Fail} fail
 */
export function decodeHead(tensors, labels, hiddenSize, fail) {
  const stored = tensors.get(HEAD_BIAS);
  if (!stored) return {};
  const rows = decodeGroups(tensors, HEAD_WEIGHT, Array(labels).fill(hiddenSize), fail);
  const weight = new Float32Array(rows.length);
  for (let label = 0; label < labels; label++) {
    for (let index = 0; index < hiddenSize; index++) weight[index * labels + label] = rows[label * hiddenSize + index];
  }
  const bias = plainNumbers(stored.data);
  checkFinite(HEAD_WEIGHT, weight, fail);
  checkFinite(HEAD_BIAS, bias, fail);
  return { weight, bias };
}

/**
 * Return class centres `[labels, width]`, end to end, each of length 1 or 0.
 * @param {Tensors} tensors @param {string} name @param {number} labels @param {number} width @param {Fail} fail
 */
export function decodeCentres(tensors, name, labels, width, fail) {
  const codes = inflated(tensors, name, labels * width, fail);
  const found = new Float32Array(codes.length);
  for (let start = 0; start < codes.length; start += width) {
    const own = codes.subarray(start, start + width);
    const length = Math.fround(Math.sqrt(own.reduce((sum, code) => sum + code * code, 0))) || 1;
    own.forEach((code, index) => (found[start + index] = code / length));
  }
  return found;
}

/** @param {Tensors} tensors @param {string} name @param {number[]} sizes @param {Fail} fail */
function decodeGroups(tensors, name, sizes, fail) {
  const { data } = /** @type {import("./safetensors.js").Tensor} */ (tensors.get(name));
  const scales = tensors.get(name + SCALE)?.data;
  const size = sizes.reduce((sum, own) => sum + own, 0);
  if (!scales) {
    if (data.length !== size) throw fail(`${name} should have ${size} elements for this base, found ${data.length}`);
    return plainNumbers(data);
  }
  if (scales.length !== sizes.length) {
    throw fail(`${name}${SCALE} should have ${sizes.length} elements, found ${scales.length}; train it again`);
  }
  const codes = inflated(tensors, name, size, fail);
  const numbers = new Float32Array(size);
  let place = 0;
  sizes.forEach((own, group) => {
    const scale = scales[group];
    for (const end = place + own; place < end; place++) numbers[place] = codes[place] * scale;
  });
  return numbers;
}

/** @param {Tensors} tensors @param {string} name @param {number} size @param {Fail} fail */
function inflated(tensors, name, size, fail) {
  const { data } = /** @type {import("./safetensors.js").Tensor} */ (tensors.get(name));
  try {
    return new Int8Array(inflate(/** @type {Uint8Array} */ (data), size).buffer);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw fail(`${name} should inflate to ${size} codes for this base (${error.message}); train it again`);
  }
}

/** @param {import("./safetensors.js").Numbers} data @returns {Float32Array} a copy */
function plainNumbers(data) {
  return data instanceof Uint16Array ? fromFloat16(data) : Float32Array.from(data);
}

/** @param {string} name @param {Float32Array} values @param {Fail} fail */
function checkFinite(name, values, fail) {
  if (!values.every(Number.isFinite)) throw fail(`${name} holds a value that is not finite; train the pack again`);
}
