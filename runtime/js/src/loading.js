/** Loads a base: reads and checks its files, opens a session that honours every input, and tests it. */
import { BaseFormatError, InputError } from "./errors.js";
import { openBase } from "./formats/base.js";
import { HEAD_BIAS, HEAD_WEIGHT, branchInput } from "./graph.js";
import { Identities, levelsOf } from "./levels.js";
import { bareBase } from "./pack-cache.js";
import { Padding, paddingMultiple } from "./padding.js";
import { selfTest as testKernels } from "./self-test.js";
import { isNative, openSession, productsSaturate } from "./session.js";
import { sourceOf } from "./sources.js";
import { Tokenizer } from "./tokenizer.js";

/**
 * @typedef {object} Loading
 * @property {import("./session.js").Ort} ort
 * @property {import("./tokenizer.js").Library} [tokenizers]
 * @property {string} [digest]
 * @property {Record<string, any>} [sessionOptions] for ONNX Runtime, over those of this package
 * @property {boolean} [selfTest] true: prove that the kernels here honour the bias inputs
 * @typedef {Loading & import("./downloads.js").DownloadOptions} LoadOptions
 *
 * What engines of one base share.
 * @typedef {object} Parts
 * @property {import("./runner.js").Machine} machine
 * @property {import("./pack-cache.js").Base} base
 * @property {Tokenizer} tokenizer
 */

/**
 * @param {import("./sources.js").Place} place
 * @param {LoadOptions} options
 * @returns {Promise<Parts>}
 */
export async function loadMachine(place, { ort, tokenizers, digest, sessionOptions, selfTest = true, ...downloading }) {
  if (!ort?.InferenceSession || !ort.Tensor) {
    throw new InputError(
      "ort should be ONNX Runtime: import * as ort from 'onnxruntime-web/wasm' or 'onnxruntime-node'",
    );
  }
  measure(ort);
  // WebAssembly maps no files: there a folder's weights are read like any other file.
  const source = await sourceOf(place, downloading, isNative(ort));
  const { graph, weights, folder, tokenizer: tokenizerFile, ...base } = await openBase(source, isNative(ort), digest);
  const { manifest } = base;
  downloading.signal?.throwIfAborted();
  const tokenizing = Tokenizer.of(tokenizerFile, tokenizers);
  tokenizing.catch(() => {}); // awaited below, perhaps after another failure
  const session = await openSession(ort, graph, { weights, folder, options: sessionOptions });
  try {
    checkInputs(session.inputNames, manifest);
    const machine = {
      ...{ ort, session, manifest, levels: levelsOf(manifest), identities: new Identities(manifest) },
      padding: new Padding(await paddingMultiple(ort), manifest.maxLength),
      bare: bareBase(ort, base),
    };
    if (selfTest) await testKernels(machine);
    downloading.signal?.throwIfAborted();
    return { machine, base, tokenizer: await tokenizing };
  } catch (error) {
    await session.release();
    throw error;
  }
}

/**
 * Measure what later steps ask of the kernels while files are on their way: ONNX Runtime takes as long to begin. If that
 * fails, it fails for the later steps again, which say why.
 * @param {import("./session.js").Ort} ort
 */
async function measure(ort) {
  try {
    await productsSaturate(ort);
    await paddingMultiple(ort);
  } catch {
    // see above
  }
}

/**
 * Check that the session takes what it must be fed: ONNX Runtime may leave out inputs without a word.
 * @param {readonly string[]} found
 * @param {import("./formats/manifest.js").Manifest} manifest
 */
function checkInputs(found, { inputs, biases, branches }) {
  const needed = [...inputs, ...biases.map(({ name }) => name), HEAD_WEIGHT, HEAD_BIAS, ...branches.map(branchInput)];
  const missing = needed.filter((name) => !found.includes(name));
  if (missing.length) {
    throw new BaseFormatError(
      `onnxruntime takes ${missing.length} inputs fewer than the graph must have, ${missing[0]} first, so tasks would not ` +
        "be told apart; use another version of onnxruntime, or export the base again",
    );
  }
}
