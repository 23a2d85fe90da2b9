/** Batches: the pieces of a long list, and what a batch of different tasks feeds to the graph. */
import { ATTENTION_MASK, HEAD_BIAS, HEAD_WEIGHT, INPUT_IDS, TOKEN_TYPE_IDS, branchInput } from "./graph.js";

/** @typedef {import("./session.js").Ort} Ort */
/** @typedef {import("./session.js").Tensor} Tensor */
/** @typedef {import("./pack-cache.js").DecodedPack} DecodedPack */

const PIECE_ROWS = 1024;
const PIECE_CHARACTERS = 1 << 18;

/**
 * Cut rows, of so many characters and windows each, into pieces that are held in memory one after the other.
 * @param {{characters: number, windows: number}[]} rows
 * @returns {Generator<[start: number, end: number]>}
 */
export function* pieces(rows) {
  let [start, held, count] = [0, 0, 0];
  for (let row = 0; row < rows.length; row++) {
    const { characters, windows } = rows[row];
    if (row > start && (count + windows > PIECE_ROWS || held + characters > PIECE_CHARACTERS)) {
      yield [start, row];
      [start, held, count] = [row, 0, 0];
    }
    held += characters;
    count += windows;
  }
  if (rows.length) yield [start, rows.length];
}

/**
 * Return whole numbers as an int64 tensor.
 * @param {Ort} ort
 * @param {ArrayLike<number>} numbers from 0
 * @param {number[]} dims
 */
export function int64(ort, numbers, dims) {
  const wide = new BigInt64Array(numbers.length);
  const halves = new Int32Array(wide.buffer); // little-endian, as on every platform of JavaScript
  for (let index = 0; index < numbers.length; index++) halves[2 * index] = numbers[index];
  return new ort.Tensor("int64", wide, dims);
}

/**
 * Return the token inputs of some texts, padded on the right to a width.
 * @param {Ort} ort
 * @param {{ids: ArrayLike<number>, typeIds?: ArrayLike<number>}[]} texts
 * @param {import("./formats/manifest.js").Manifest} manifest
 * @param {number} width
 * @returns {Map<string, Tensor>}
 */
export function tokenFeeds(ort, texts, { inputs, padTokenId }, width) {
  const size = texts.length * width;
  const ids = new Int32Array(size).fill(padTokenId);
  const [mask, types] = [new Int32Array(size), new Int32Array(size)];
  texts.forEach(({ ids: own, typeIds }, row) => {
    ids.set(own, row * width);
    mask.fill(1, row * width, row * width + own.length);
    if (typeIds) types.set(typeIds, row * width);
  });
  /** @type {Record<string, Int32Array>} */
  const every = { [INPUT_IDS]: ids, [ATTENTION_MASK]: mask, [TOKEN_TYPE_IDS]: types };
  return new Map(inputs.map((name) => [name, int64(ort, every[name], [texts.length, width])]));
}

/**
 * Return the feeds of some biases, `names`, for rows of which row `i` has those of `packs[i]`. With one pack for all rows
 * nothing is copied (rows = 1); a pack that lacks a bias has the base's.
 * @param {Ort} ort
 * @param {DecodedPack[]} packs
 * @param {string[]} names
 * @param {DecodedPack} base
 * @returns {[string, Tensor][]}
 */
export function biasFeeds(ort, packs, names, base) {
  const alone = packs.every((pack) => pack === packs[0]);
  return names.map((name) => {
    const own = /** @type {Tensor} */ (base.tensors.get(name));
    if (alone) return [name, packs[0].tensors.get(name) ?? own];
    if (!packs.some((pack) => pack.tensors.has(name))) return [name, own];
    const size = own.data.length;
    const stacked = new Float32Array(packs.length * size);
    packs.forEach((pack, row) => stacked.set((pack.tensors.get(name) ?? own).data, row * size));
    return [name, new ort.Tensor("float32", stacked, [packs.length, 1, size])];
  });
}

/**
 * Return the feeds of the heads: one for all rows, or one for each, padded with zeros to the most labels.
 * @param {Ort} ort
 * @param {DecodedPack[]} packs
 * @param {DecodedPack} base
 * @returns {[string, Tensor][]}
 */
export function headFeeds(ort, packs, base) {
  const alone = packs.every((pack) => pack === packs[0]);
  return [HEAD_WEIGHT, HEAD_BIAS].map((name) => {
    const own = /** @type {Tensor} */ (base.tensors.get(name));
    const parts = packs.map((pack) => pack.tensors.get(name));
    if (alone) return [name, parts[0] ?? own];
    const height = own.dims[1];
    const labels = Math.max(...parts.map((part) => part?.dims[2] ?? 1));
    const stacked = new Float32Array(packs.length * height * labels);
    parts.forEach((part, row) => {
      if (!part) return;
      const [, , width] = part.dims;
      for (let at = 0; at < height; at++) {
        stacked.set(part.data.subarray(at * width, (at + 1) * width), (row * height + at) * labels);
      }
    });
    return [name, new ort.Tensor("float32", stacked, [packs.length, height, labels])];
  });
}

/**
 * Return which row of the level below each row of a level continues, for all levels but the lowest.
 * @param {Ort} ort
 * @param {number[][]} below of each level
 * @param {number[]} starts
 * @returns {[string, Tensor][]}
 */
export function branchFeeds(ort, below, starts) {
  return starts.slice(1).map((start, index) => {
    const rows = below[index + 1];
    return [branchInput(start), int64(ort, rows, [rows.length])];
  });
}
