/** Cache of decoded packs: those used last; all others stay as small as their files. */
import { decodePack } from "./formats/pack.js";
import { HEAD_BIAS, HEAD_WEIGHT } from "./graph.js";

/** @typedef {import("./session.js").Ort} Ort */
/** @typedef {import("./session.js").Tensor} Tensor */
/** @typedef {import("./formats/pack.js").Pack} Pack */
/** @typedef {Pick<import("./formats/base.js").Base, "manifest" | "defaults">} Base */

/**
 * A pack in the graph's shapes: `tensors` maps bias inputs to `[1, 1, n]`, and `head.weight`, `head.bias` to
 * `[1, hidden, labels]` and `[1, 1, labels]`, where the pack has them. `centres` are for outliers.
 * @typedef {{tensors: Map<string, Tensor>, centres?: Float32Array, bytes: number}} DecodedPack
 */

/** @param {Ort} ort @param {Float32Array} values */
const row = (ort, values) => new ort.Tensor("float32", values, [1, 1, values.length]);

/**
 * Return a pack in the graph's shapes. Throws PackMismatchError, PackFormatError.
 * @param {Ort} ort
 * @param {Pack} pack
 * @param {Base} base
 * @returns {DecodedPack}
 */
export function inGraphShapes(ort, pack, { manifest, defaults }) {
  const { biases, weight, bias, centres } = decodePack(pack, manifest, defaults);
  const tensors = new Map([...biases].map(([name, values]) => [name, row(ort, values)]));
  if (weight && bias) {
    tensors.set(HEAD_WEIGHT, new ort.Tensor("float32", weight, [1, manifest.hiddenSize, bias.length]));
    tensors.set(HEAD_BIAS, row(ort, bias));
  }
  let bytes = centres?.byteLength ?? 0;
  for (const { data } of tensors.values()) bytes += data.byteLength;
  return { tensors, centres, bytes };
}

/**
 * Return what stands for a bare base: its biases, and a head of zeros.
 * @param {Ort} ort
 * @param {Base} base
 * @returns {DecodedPack}
 */
export function bareBase(ort, { manifest, defaults }) {
  const tensors = new Map([...defaults].map(([name, values]) => [name, row(ort, values)]));
  const { hiddenSize } = manifest;
  tensors.set(HEAD_WEIGHT, new ort.Tensor("float32", new Float32Array(hiddenSize), [1, hiddenSize, 1]));
  tensors.set(HEAD_BIAS, row(ort, new Float32Array(1)));
  return { tensors, bytes: 0 };
}

/** Decodes packs of one base and keeps those used last, at most `limit` bytes of them. */
export class PackCache {
  #ort;
  #base;
  #limit;
  /** @type {Map<Pack, DecodedPack>} the pack used last is at the end */
  #used = new Map();
  #bytes = 0;

  /**
   * @param {Ort} ort
   * @param {Base} base
   * @param {number} limit
   */
  constructor(ort, base, limit) {
    this.#ort = ort;
    this.#base = base;
    this.#limit = limit;
  }

  /**
   * Return the pack in the graph's shapes, decoded now unless it is in the cache.
   * @param {Pack} pack
   */
  get(pack) {
    const found = this.#used.get(pack) ?? inGraphShapes(this.#ort, pack, this.#base);
    this.#drop(pack);
    if (found.bytes <= this.#limit) {
      for (const oldest of this.#used.keys()) {
        if (this.#bytes + found.bytes <= this.#limit) break;
        this.#drop(oldest);
      }
      this.#used.set(pack, found);
      this.#bytes += found.bytes;
    }
    return found;
  }

  /**
   * Drop all other packs: those that were replaced.
   * @param {Iterable<Pack>} packs
   */
  keep(packs) {
    const kept = new Set(packs);
    for (const pack of this.#used.keys()) if (!kept.has(pack)) this.#drop(pack);
  }

  /** @param {Pack} pack */
  #drop(pack) {
    this.#bytes -= this.#used.get(pack)?.bytes ?? 0;
    this.#used.delete(pack);
  }
}
