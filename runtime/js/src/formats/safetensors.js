/** Safetensors files: a header of JSON, then tensors end to end, read with every bound checked. */
import { Fields, parseJson } from "./json-fields.js";

/** @typedef {Float32Array | Uint8Array | Uint16Array} Numbers numbers of float32, uint8 or float16 (as its bits) */
/** @typedef {{dtype: string, shape: number[], data: Numbers}} Tensor */

const HEADER = 8;
/** @type {Record<string, Float32ArrayConstructor | Uint8ArrayConstructor | Uint16ArrayConstructor>} */
const ARRAYS = { F32: Float32Array, F16: Uint16Array, U8: Uint8Array };

/**
 * Return the tensors of a file, copied, and its metadata.
 * @param {Uint8Array} data
 * @param {string} where
 * @param {number} longestHeader in bytes
 * @param {import("./json-fields.js").Fail} fail
 */
export function parseSafetensors(data, where, longestHeader, fail) {
  if (data.length < HEADER) throw fail(`${where} is truncated`);
  const length = Number(new DataView(data.buffer, data.byteOffset).getBigUint64(0, true));
  if (length > longestHeader)
    throw fail(`${where} has a header of ${length} bytes, at most ${longestHeader} are accepted`);
  const start = HEADER + length;
  if (start > data.length) throw fail(`${where} is truncated`);
  const header = new Fields(parseJson(data.subarray(HEADER, start), where, fail), where, fail);
  const metadata = header.has("__metadata__") ? header.mapping("__metadata__", "string") : new Map();
  const entries = header.names
    .filter((name) => name !== "__metadata__")
    .map((name) => ({ name, ...entryOf(header.nested(name)) }))
    .sort((one, two) => one.begin - two.begin || one.end - two.end);
  /** @type {Map<string, Tensor>} */
  const tensors = new Map();
  let place = 0;
  for (const { name, dtype, shape, begin, end } of entries) {
    const Numbers = ARRAYS[dtype];
    if (!Numbers) throw fail(`${where} holds a tensor of dtype ${dtype}, which is not used`);
    const size = shape.reduce((product, side) => product * side, Numbers.BYTES_PER_ELEMENT);
    if (begin !== place || end - begin !== size || shape.some((side) => side < 0)) {
      throw fail(`${where}: tensor ${name} does not lie where its header says`);
    }
    if (start + end > data.length) throw fail(`${where} is truncated`);
    const bytes = Uint8Array.prototype.slice.call(data, start + begin, start + end);
    tensors.set(name, { dtype, shape, data: new Numbers(bytes.buffer) });
    place = end;
  }
  if (start + place !== data.length) throw fail(`${where} holds more bytes than its header says`);
  return { tensors, metadata };
}

/** @param {Fields} fields */
function entryOf(fields) {
  const [begin = -1, end = -1] = fields.integers("data_offsets");
  return { dtype: fields.string("dtype"), shape: fields.integers("shape"), begin, end };
}

/**
 * Return float16 numbers, given as their bits, as float32.
 * @param {Uint16Array} bits
 */
export function fromFloat16(bits) {
  return Float32Array.from(bits, (half) => {
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    const sign = half >> 15 ? -1 : 1;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24);
  });
}
