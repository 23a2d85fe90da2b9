/** What only ONNX Runtime as native code needs: pages do not load this. */
import { UnsupportedError } from "./errors.js";

/** @typedef {import("./session.js").Ort} Ort */

const FIRST_TO_BE_EXACT = 30; // of 1.x: those before abort the process where they make a graph's integer products exact

/**
 * Refuse a version that would abort the process over a graph's exact integer products. Throws UnsupportedError.
 * @param {Ort} ort
 * @param {Uint8Array} graph
 */
export function refuseAborting({ env }, graph) {
  const version = String(env.versions.node);
  const [major, minor] = version.split(".", 2).map(Number);
  const integers = new TextDecoder("latin1").decode(graph).includes("MatMulIntegerToFloat");
  if (integers && major < 2 && minor < FIRST_TO_BE_EXACT) {
    throw new UnsupportedError(
      `onnxruntime-node ${version} cannot compute integer products exactly on this processor (x86 without VNNI); take ` +
        "1.30 or later, or an fp32 base",
    );
  }
}
