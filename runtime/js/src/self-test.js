/**
 * The self-test: when a base is loaded, the kernels here must honour the bias inputs and compute what the export did.
 * Some execution providers ignore inputs, and some graph fusions bake one in; both would silently answer every task with
 * the base's own biases.
 */
import { biasFeeds, headFeeds, int64, tokenFeeds } from "./batching.js";
import { InferenceError, SelfTestError } from "./errors.js";
import { POOLED, TOKENS_READ, branchInput } from "./graph.js";

/** @typedef {import("./runner.js").Machine} Machine */
/** @typedef {import("./session.js").Tensor} Tensor */

export const ROWS = 2;

/**
 * Compare `pooled` with the manifest's vectors: one row with default biases, one with deltas on all. Throws SelfTestError.
 * @param {Machine} machine
 */
export async function selfTest(machine) {
  const { name, selfTest: golden, hiddenSize } = machine.manifest;
  const { data } = (await outputs(machine, [POOLED]))[POOLED];
  golden.pooled.forEach((expected, row) => {
    const found = distance(data.subarray(row * hiddenSize, (row + 1) * hiddenSize), expected) / norm(expected);
    if (!(found <= golden.tolerance)) {
      throw new SelfTestError(
        `${name}: with ${row ? "changed" : "default"} biases the answer is ${found.toFixed(3)} off the exported one, at ` +
          `most ${golden.tolerance} is accepted; this build of onnxruntime ignores the graph's bias inputs, or its ` +
          "kernels saturate: use another version or provider",
      );
    }
  });
}

/**
 * Return the L2 norm of a vector.
 * @param {Float32Array} values
 */
export const norm = (values) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

/**
 * Return the L2 distance of two vectors of a length.
 * @param {Float32Array} one
 * @param {Float32Array} two
 */
export const distance = (one, two) => norm(one.map((value, index) => value - two[index]));

/**
 * Run two rows of one text, by default the self-test's: default biases, and element `j` of bias `i` moved by
 * amplitude · (-1)^(i+j).
 * @param {Machine} machine
 * @param {string[]} names
 * @param {[string, Tensor][]} [others]
 * @param {number[]} [ids]
 */
export async function outputs({ ort, session, manifest, padding, bare }, names, others = [], ids) {
  const {
    biases,
    selfTest: { inputIds, amplitude },
    branches,
  } = manifest;
  const text = ids ?? inputIds;
  const moved = new Map(
    biases.map(({ name, size }, index) => {
      const own = /** @type {Tensor} */ (bare.tensors.get(name)).data;
      const values = Float32Array.from(own, (value, at) => value + ((index + at) % 2 ? -1 : 1) * amplitude);
      return [name, new ort.Tensor("float32", values, [1, 1, size])];
    }),
  );
  const width = padding.width(text.length);
  const feeds = tokenFeeds(ort, Array(ROWS).fill({ ids: text }), manifest, width);
  const rows = [bare, { tensors: moved, bytes: 0 }];
  const given = [
    ...branches.map((layer) => /** @type {[string, Tensor]} */ ([branchInput(layer), int64(ort, [0, 1], [ROWS])])),
    ...biasFeeds(
      ort,
      rows,
      biases.map(({ name }) => name),
      bare,
    ),
    ...headFeeds(ort, [bare], bare),
    ...others,
  ];
  for (const [name, tensor] of given) feeds.set(name, tensor);
  if (session.inputNames.includes(TOKENS_READ)) feeds.set(TOKENS_READ, int64(ort, [width], [1]));
  try {
    return await session.run(feeds, names);
  } catch (error) {
    if (!(error instanceof InferenceError)) throw error;
    throw new SelfTestError(`${manifest.name}: ${error.message}`);
  }
}
