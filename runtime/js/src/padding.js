/**
 * Padding: to which width a row is padded, so that its bits do not depend on its company.
 *
 * Where ONNX Runtime's softmax adds terms in vectors of four and what is left over one by one (ARM, WebAssembly), the last
 * bit of a row's sum depends on the row's width, unless every width is a multiple of four.
 */
import { fromBase64 } from "./session.js";

// An ONNX graph: y = Softmax(x), over the last axis of two.
const PROBE = "CAg6OgoPCgF4EgF5IgdTb2Z0bWF4EgVwcm9iZVoPCgF4EgoKCAgBEgQKAAoAYg8KAXkSCgoICAESBAoA" + "CgBCBAoAEA0=";
const MULTIPLES = [1, 2, 4, 8, 16, 32];
const WIDEST = 32;
const LOWEST = -((2 - 2 ** -23) * 2 ** 127);

/** Widths are multiples of `multiple`, except that none is above `maxLength`, both in tokens. */
export class Padding {
  /**
   * @param {number} multiple
   * @param {number} maxLength
   */
  constructor(multiple, maxLength) {
    this.multiple = multiple;
    this.maxLength = maxLength;
  }

  /**
   * Return the least width for a row of so many tokens: the one it has alone.
   * @param {number} length
   */
  width(length) {
    return Math.min(Math.ceil(length / this.multiple) * this.multiple, this.maxLength);
  }

  /**
   * Whether a row of so many tokens has the same bits at `width`, another row's least, as alone.
   * @param {number} length
   * @param {number} width
   */
  fits(length, width) {
    return width % this.multiple === 0 || width === this.width(length);
  }
}

/** @typedef {import("./session.js").Ort} Ort */
/** @type {WeakMap<Ort, Promise<number>>} */
const known = new WeakMap();

/**
 * Return the least multiple for widths at which rows do not depend on them: measured once, on rows of 1 to 32 scores, each
 * at every width that holds it. Other widths change about half of the rows, so hundreds of them cannot agree by chance.
 * @param {Ort} ort
 * @returns {Promise<number>}
 */
export function paddingMultiple(ort) {
  const found = known.get(ort) ?? measure(ort);
  known.set(ort, found);
  found.catch(() => known.delete(ort));
  return found;
}

/** @param {Ort} ort */
async function measure(ort) {
  const session = await ort.InferenceSession.create(fromBase64(PROBE), { logSeverityLevel: 3, intraOpNumThreads: 1 });
  const score = (/** @type {number} */ row, /** @type {number} */ column) =>
    column > row ? LOWEST : 4 * Math.sin(12.9898 * (row * WIDEST + column) + row);
  const softmax = async (/** @type {number} */ width) => {
    const scores = Float32Array.from({ length: width * width }, (_, at) => score(Math.floor(at / width), at % width));
    const { y } = await session.run({ x: new ort.Tensor("float32", scores, [width, width]) }, ["y"]);
    return /** @type {Float32Array} */ (y.data);
  };
  const expected = await softmax(WIDEST);
  /** @type {number[]} */
  const differ = [];
  for (let width = 1; width < WIDEST; width++) {
    const same = (await softmax(width)).every(
      (value, at) => value === expected[Math.floor(at / width) * WIDEST + (at % width)],
    );
    if (!same) differ.push(width);
  }
  await session.release();
  return /** @type {number} */ (MULTIPLES.find((multiple) => differ.every((width) => width % multiple)));
}
