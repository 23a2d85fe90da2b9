/** Packs: one task's biases and head, as they are stored. */
import { PackFormatError, PackMismatchError } from "../errors.js";
import { LOGITS } from "../graph.js";
import { isBelow } from "./manifest.js";
import { decodeBiases, decodeCentres, decodeHead } from "./pack-encoding.js";
import { fromFloat16 } from "./safetensors.js";
import { CENTRES, LIMITS, TRANSITIONS } from "./schema.js";

/**
 * How a text of more tokens than fit is answered: in overlapping windows, whose outputs are joined.
 * @typedef {{join: string, overlap: number, maxWindows: number}} Windows
 *
 * What a pack says about itself.
 * @typedef {object} PackInfo
 * @property {string} base digest of the base it was trained on
 * @property {string} baseName
 * @property {string} task
 * @property {string} taskType
 * @property {string[]} labels in the order of the logits
 * @property {string} pooling
 * @property {number} maxLength in tokens
 * @property {string[]} terms the bias terms that it holds
 * @property {string} encoding
 * @property {Record<string, number>} metrics measured on the evaluation data
 * @property {string} [tokenizer] digest of the base's tokenizer; packs of version 0.1.0 have none
 * @property {number} fromLayer the first encoder layer whose biases it holds
 * @property {Windows} [windows] absent where long texts are cut
 * @property {"legal" | "learned"} [transitions] absent where each word is decided by itself
 * @property {"mean"} [words] absent where a word's first token speaks for it
 * @property {import("../decisions.js").Decisions} [decisions]
 *
 * A few inputs and what the pack answered, so that another machine can check that it answers alike.
 * @typedef {object} Canary
 * @property {{text: string, textPair?: string}[]} rows
 * @property {string} kernelFingerprint of the kernels that computed it
 * @property {Float32Array} expected
 *
 * @typedef {object} Pack
 * @property {PackInfo} info
 * @property {Map<string, import("./safetensors.js").Tensor>} tensors
 * @property {Canary} [canary]
 * @property {import("../abilities.js").Abilities} abilities
 *
 * A pack in the graph's shapes. `weight` is `[hidden, labels]`; `centres` is `[labels, width]`, end to end.
 * @typedef {object} Decoded
 * @property {Map<string, Float32Array>} biases
 * @property {Float32Array} [weight]
 * @property {Float32Array} [bias]
 * @property {Float32Array} [centres]
 */

/**
 * Return the biases of a base that a pack holds, in the base's order.
 * @param {PackInfo} info
 * @param {import("./manifest.js").Manifest} manifest
 */
export function biasesOf({ terms, fromLayer }, manifest) {
  return manifest.biases.filter((spec) => terms.includes(spec.term) && !(fromLayer && isBelow(spec, fromLayer)));
}

/**
 * Decode a pack for a base. Throws PackMismatchError where it was made for another one, and PackFormatError where its
 * tensors do not fit this one.
 * @param {Pack} pack
 * @param {import("./manifest.js").Manifest} base
 * @param {Map<string, Float32Array>} defaults the base's biases
 * @returns {Decoded}
 */
export function decodePack(pack, base, defaults) {
  const { info, tensors } = pack;
  const where = `pack '${info.task}'`;
  const fail = (/** @type {string} */ message) => new PackFormatError(`${where}: ${message}`);
  const mismatch = mismatchOf(info, base);
  if (mismatch) throw new PackMismatchError(`${where} ${mismatch}; train it on this base, or load the other one`);
  const unknown = info.terms.find((term) => !base.biases.some((spec) => spec.term === term));
  if (unknown !== undefined) throw fail(`it holds bias term '${unknown}', which the base lacks; train it again`);
  return {
    biases: decodeBiases(tensors, biasesOf(info, base), defaults, fail),
    ...decodeHead(tensors, info.labels.length, base.hiddenSize, fail),
    centres: centresOf(pack, base.hiddenSize, fail),
  };
}

/** @param {PackInfo} info @param {import("./manifest.js").Manifest} base */
function mismatchOf(info, base) {
  const short = (/** @type {string} */ digest) => `${digest.slice(0, 19)}…`;
  const { name, digest, tokenizerDigest, pooling, maxLength, layers } = base;
  if (info.base !== digest) {
    return `was made for base ${info.baseName} (${short(info.base)}), this base is ${name} (${short(digest)})`;
  }
  if ((info.tokenizer ?? tokenizerDigest) !== tokenizerDigest) {
    return `was made with another tokenizer (${short(info.tokenizer ?? "")}) than the base's (${short(tokenizerDigest)})`;
  }
  if (info.pooling !== pooling) return `pools by ${info.pooling}, the base by ${pooling}`;
  if (info.maxLength > maxLength) return `takes ${info.maxLength} tokens, the base at most ${maxLength}`;
  return info.fromLayer > layers ? `begins at layer ${info.fromLayer}, the base has ${layers} layers` : undefined;
}

/** @param {Pack} pack @param {number} hiddenSize @param {import("./json-fields.js").Fail} fail */
function centresOf({ info, tensors }, hiddenSize, fail) {
  const { decisions, labels } = info;
  if (!decisions?.outliers) return undefined;
  const width = decisions.outliers.space === LOGITS ? labels.length : hiddenSize;
  if (labels.length * width > LIMITS.centreCodes) {
    throw fail(`it has ${labels.length} class centres of ${width} numbers, at most ${LIMITS.centreCodes} are accepted`);
  }
  return decodeCentres(tensors, CENTRES, labels.length, width, fail);
}

/**
 * Return the scores `[labels + 1, labels]`, end to end, of a tag after another or after none; undefined without them.
 * @param {Pack} pack
 */
export function transitionsOf({ info, tensors }) {
  const count = info.labels.length;
  if (!info.transitions) return undefined;
  const scores = tensors.get(TRANSITIONS);
  return scores ? fromFloat16(/** @type {Uint16Array} */ (scores.data)) : new Float32Array((count + 1) * count);
}
