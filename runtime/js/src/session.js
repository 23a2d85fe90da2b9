/** ONNX Runtime sessions: opened with exact integer products on every processor, and run one call after another. */
import {
  BaseFormatError,
  BitfitError,
  InferenceError,
  InputError,
  OutOfMemoryError,
  UnsupportedError,
} from "./errors.js";
import { firstLine, part } from "./failures.js";
import { MODEL_FILE, WEIGHTS_FILE } from "./formats/schema.js";

/**
 * What is used of ONNX Runtime's packages: `onnxruntime-node`, `onnxruntime-web` and `onnxruntime-web/wasm` have it.
 * @typedef {{data: any, dims: readonly number[]}} Tensor
 * @typedef {{inputNames: readonly string[], run(feeds: any, fetches: any): Promise<any>, release(): Promise<void>}} OrtSession
 * @typedef {object} Ort
 * @property {{create(model: any, options?: any): Promise<OrtSession>}} InferenceSession
 * @property {new (type: any, data: any, dims: readonly number[]) => Tensor} Tensor
 * @property {any} env
 */

const ERRORS_ONLY = 3;
// An ONNX graph: y = MatMulInteger(a, b) with a = uint8 [[255, 255]] and b = int8 [[127], [127]].
const PROBE =
  "CAg6VAoYCgFhCgFiEgF5Ig1NYXRNdWxJbnRlZ2VyEgVwcm9iZSoNCAEIAhACQgFhSgL//yoNCAIIARADQgFiSgJ/f2ITCgF5Eg4K" +
  "DAgGEggKAggBCgIIAUIECgAQDQ==";
const EXACT = 2 * 255 * 127; // an int16 ends at 32,767
const OUT_OF_MEMORY = /bad_alloc|bad allocation|failed to allocate|out of memory|allocation failed|memory access out/i;

/**
 * Return the bytes of base64.
 * @param {string} text
 */
export const fromBase64 = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

/**
 * Return what a failure of ONNX Runtime means: that there is not enough memory, or else what `other` makes of its reason.
 * @param {unknown} error
 * @param {(reason: string) => Error} other
 */
function failure(error, other) {
  const reason = firstLine(error);
  if (OUT_OF_MEMORY.test(reason) || error instanceof RangeError) {
    return new OutOfMemoryError(`there is not enough memory (${reason}); close other pages, or use smaller batches`);
  }
  return other(reason);
}

/** A session that is run by one call after another, as some builds of ONNX Runtime demand. */
export class Session {
  #session;
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();
  #released = false;

  /** @param {OrtSession} session */
  constructor(session) {
    this.#session = session;
  }

  get inputNames() {
    return this.#session.inputNames;
  }

  /**
   * Run the graph and return the named outputs. Throws InferenceError, InputError, OutOfMemoryError.
   * @param {Map<string, Tensor>} feeds
   * @param {string[]} outputs
   * @returns {Promise<Record<string, Tensor>>}
   */
  run(feeds, outputs) {
    if (this.#released) return Promise.reject(new InputError("this engine was disposed of; load another one"));
    const run = this.#last.then(() => this.#session.run(Object.fromEntries(feeds), outputs));
    this.#last = run.catch(() => {});
    return run.catch((error) => {
      throw failure(
        error,
        (reason) =>
          new InferenceError(`onnxruntime cannot run the base on these rows (${reason}); export the base again`),
      );
    });
  }

  /** Free the session, after what runs now. */
  async release() {
    this.#released = true;
    await this.#last;
    await this.#session.release();
  }
}

/**
 * Open a session of a graph. Its weights are in `weights`, or beside the graph in `folder`, from where ONNX Runtime maps
 * them. Throws BaseFormatError where ONNX Runtime cannot read the graph, UnsupportedError where it cannot run here.
 * @param {Ort} ort
 * @param {Uint8Array} graph
 * @param {{weights?: Uint8Array, folder?: string, options?: Record<string, any>}} how
 */
export async function openSession(ort, graph, { weights, folder, options = {} }) {
  /** @type {Record<string, string>} */
  const extra = {};
  if (folder !== undefined) extra.model_external_initializers_file_folder_path = folder;
  /** @type {Record<string, any>} */
  const own = {
    logSeverityLevel: ERRORS_ONLY,
    // Bits are the same, and the start takes half the time where ONNX Runtime is WebAssembly.
    ...(!isNative(ort) && { graphOptimizationLevel: "disabled" }),
    ...(weights && { externalData: [{ path: WEIGHTS_FILE, data: weights }] }),
    ...options,
  };
  try {
    if (await productsSaturate(ort)) {
      if (isNative(ort)) (await part(import("./native.js"))).refuseAborting(ort, graph);
      extra.x64quantprecision = "1";
    }
    const session = { ...own.extra?.session, ...extra };
    return new Session(await ort.InferenceSession.create(graph, { ...own, extra: { ...own.extra, session } }));
  } catch (error) {
    if (error instanceof BitfitError) throw error;
    throw failure(error, (reason) =>
      /SIMD|no available backend/i.test(reason)
        ? new UnsupportedError(
            `onnxruntime cannot run here (${reason}); it needs its own files, and WebAssembly with SIMD`,
          )
        : new BaseFormatError(
            `onnxruntime cannot load ${MODEL_FILE} (${reason}); 1.24.1 or later is needed, or export again`,
          ),
    );
  }
}

/**
 * Whether ONNX Runtime is native code, not WebAssembly.
 * @param {Ort} ort
 */
export const isNative = (ort) => Boolean(ort.env?.versions?.node);

/** @type {WeakMap<Ort, Promise<boolean>>} */
const known = new WeakMap();

/**
 * Whether the largest products, added by pairs, saturate: on x86 without VNNI they do. Slower kernels are exact there.
 * @param {Ort} ort
 */
export function productsSaturate(ort) {
  const found = known.get(ort) ?? probe();
  known.set(ort, found);
  found.catch(() => known.delete(ort));
  return found;

  async function probe() {
    const session = await ort.InferenceSession.create(fromBase64(PROBE), { logSeverityLevel: ERRORS_ONLY });
    const { y } = await session.run({}, ["y"]);
    await session.release();
    return y.data[0] !== EXACT;
  }
}
