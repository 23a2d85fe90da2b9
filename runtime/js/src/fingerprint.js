/** The kernel fingerprint: a name for what the kernels here compute. */
import { hexDigest } from "./digests.js";
import { HEAD_WEIGHT, LOGITS, POOLED, TOKEN_LOGITS } from "./graph.js";
import { ROWS, outputs } from "./self-test.js";

/**
 * Return 16 hexadecimal digits of a hash of what the kernels here compute; undefined where nothing can be hashed.
 * Engines on a base that have the same answer alike to the bit.
 * @param {import("./runner.js").Machine} machine
 */
export async function kernelFingerprint(machine) {
  const {
    hiddenSize,
    selfTest: { inputIds },
  } = machine.manifest;
  const ones = new machine.ort.Tensor("float32", new Float32Array(hiddenSize).fill(1), [1, hiddenSize, 1]);
  const names = [POOLED, LOGITS, TOKEN_LOGITS];
  const found = await outputs(machine, names, [[HEAD_WEIGHT, ones]]);
  const tokens = found[TOKEN_LOGITS];
  const width = tokens.data.length / ROWS;
  const real = [0, 1].map((row) => tokens.data.subarray(row * width, row * width + inputIds.length));
  const { multiple } = machine.padding;
  const parts = [
    found[POOLED].data,
    found[LOGITS].data,
    ...real,
    ...(multiple === 1 ? [] : [Uint32Array.of(multiple)]),
  ];
  const bytes = await new Blob(parts).arrayBuffer();
  return (await hexDigest(new Uint8Array(bytes)))?.slice(0, 16);
}
