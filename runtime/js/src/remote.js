/** An engine that lives in a worker, as the page sees it; of the runtime a page loads this alone. */
import * as errors from "./errors.js";
import { listen } from "./ports.js";

/** @typedef {import("./engine.js").Engine} Engine */
/** @typedef {import("./engine.js").EngineOptions} EngineOptions */
/** @typedef {import("./sources.js").Place} Place */
/** @typedef {import("./ports.js").Port} Port */
// The `.d.ts` of this module needs them:
/** @typedef {import("./engine.js").InstallOptions} InstallOptions */
/** @typedef {import("./sources.js").Bytes} Bytes */
/** @typedef {import("./inputs.js").Input} Input */
/** @typedef {import("./inputs.js").Asked} Asked */
/** @typedef {import("./formats/pack.js").PackInfo} PackInfo */
/** @typedef {import("./tasks/base.js").Answer} Answer */

/**
 * An engine that lives in a worker. Its methods are those of `Engine`; `tasks` and `base` are promises.
 */
export class RemoteEngine {
  #port;
  #next = 0;
  /** @type {Map<number, {resolve: (value: any) => void, reject: (error: unknown) => void, onProgress?: Function}>} */
  #pending = new Map();

  /** @param {Port} port */
  constructor(port) {
    this.#port = port;
    listen(port, "message", ({ id, value, error, progress }) => {
      const call = this.#pending.get(id);
      if (progress) {
        call?.onProgress?.(progress);
        return;
      }
      this.#pending.delete(id);
      if (error) call?.reject(revived(error));
      else call?.resolve(value);
    });
    const fail = (/** @type {any} */ error) => this.#fail(error?.message);
    for (const event of ["error", "messageerror", "exit"]) listen(port, event, fail);
  }

  /**
   * Load a base, as `Engine.load` does, in place of the one that was there.
   * @param {Place} place
   * @param {Omit<EngineOptions, "ort" | "tokenizers">} [options]
   * @returns {Promise<this>}
   */
  async load(place, { onProgress, signal, ...options } = {}) {
    const from = place instanceof URL || typeof place === "string" ? absolute(place) : place;
    await this.#call("load", [from, options], signal, onProgress);
    return this;
  }

  /** @type {Engine["install"]} */
  install(name, pack, { signal, ...options } = {}) {
    const from = pack instanceof URL || typeof pack === "string" ? absolute(pack) : pack;
    return this.#call("install", [name, from, options], signal);
  }

  /** @type {Engine["predict"]} */
  predict(inputs, options) {
    const { signal, ...others } = options ?? {};
    return this.#call("predict", [inputs, others], signal);
  }

  /** @type {Engine["logits"]} */
  logits(inputs, { signal, ...options } = {}) {
    return this.#call("logits", [inputs, options], signal);
  }

  /** @type {Engine["embed"]} */
  embed(inputs, { signal, ...options } = {}) {
    return this.#call("embed", [inputs, options], signal);
  }

  /** @type {Engine["hiddenStates"]} */
  hiddenStates(inputs, { signal, ...options } = {}) {
    return this.#call("hiddenStates", [inputs, options], signal);
  }

  /** @type {Engine["explain"]} */
  explain(inputs, options = {}) {
    return this.#call("explain", [inputs, options]);
  }

  /** @type {Engine["kernelFingerprint"]} */
  kernelFingerprint() {
    return this.#call("kernelFingerprint", []);
  }

  /**
   * @param {string} name
   * @returns {Promise<void>}
   */
  remove(name) {
    return this.#call("remove", [name]);
  }

  /** @type {Promise<Engine["tasks"]>} */
  get tasks() {
    return this.#call("tasks", []);
  }

  /** @type {Promise<Engine["base"]>} */
  get base() {
    return this.#call("base", []);
  }

  /** @type {Engine["dispose"]} */
  dispose() {
    return this.#call("dispose", []);
  }

  /** @param {string} method @param {any[]} args @param {AbortSignal} [signal] @param {Function} [onProgress] */
  #call(method, args, signal, onProgress) {
    const id = this.#next++;
    const abort = () => {
      this.#port.postMessage({ id, abort: true });
      this.#pending.get(id)?.reject(signal?.reason);
      this.#pending.delete(id);
    };
    return /** @type {Promise<any>} */ (
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        this.#pending.set(id, { resolve, reject, onProgress });
        signal?.addEventListener("abort", abort, { once: true });
        this.#port.postMessage({ id, method, args });
      })
    ).finally(() => signal?.removeEventListener("abort", abort));
  }

  /** @param {string} [reason] */
  #fail(reason = "it ended") {
    for (const { reject } of this.#pending.values()) {
      reject(new errors.BitfitError(`the worker failed (${reason}); make another one, and load the base there`));
    }
    this.#pending.clear();
  }
}

/**
 * Return an engine that lives in a worker, in which `serve` runs.
 * @param {Port} worker
 */
export const connect = (worker) => new RemoteEngine(worker);

/**
 * Return an address that means the same in a worker, whose own is another one.
 * @param {string | URL} place
 */
function absolute(place) {
  return globalThis.location ? new URL(place, globalThis.location.href).href : String(place);
}

/** @param {{name: string, message: string}} error */
function revived({ name, message }) {
  const Kind = /** @type {any} */ (errors)[name];
  if (Kind?.prototype instanceof Error) return new Kind(message);
  return name === "AbortError" ? new DOMException(message, name) : new errors.BitfitError(message);
}
