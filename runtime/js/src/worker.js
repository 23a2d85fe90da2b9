/**
 * An engine in a worker, so that a page stays smooth while it answers: `serve` in the worker, `connect` in the page.
 *
 * Messages to the worker are calls `{id, method, args}` and `{id, abort}`; from it come `{id, value}`, `{id, error}` and
 * `{id, progress}`.
 */
import { Engine } from "./engine.js";
import * as errors from "./errors.js";

/** @typedef {import("./engine.js").EngineOptions} EngineOptions */
/** @typedef {import("./engine.js").InstallOptions} InstallOptions */
/** @typedef {import("./sources.js").Place} Place */
/** @typedef {import("./sources.js").Bytes} Bytes */
/** @typedef {import("./inputs.js").Input} Input */
/** @typedef {import("./inputs.js").Asked} Asked */
/** @typedef {import("./formats/pack.js").PackInfo} PackInfo */
/** @typedef {import("./tasks/base.js").Answer} Answer */
/** @typedef {any} Port a worker, a worker's global scope, or a port of messages, of browsers or of Node */

/** @type {Record<string, number>} methods whose options, at that place, take a signal */
const ABORTABLE = { predict: 1, logits: 1, embed: 1, hiddenStates: 1, install: 2 };
const OTHERS = ["remove", "explain", "kernelFingerprint", "dispose"];
const GETTERS = ["tasks", "base"];

/**
 * Answer calls of the page, in a worker. `options` are what cannot be sent: `ort`, and perhaps `tokenizers`.
 * @param {Pick<EngineOptions, "ort" | "tokenizers" | "sessionOptions">} options
 * @param {Port} [port]
 */
export function serve(options, port = globalThis) {
  /** @type {Map<number, AbortController>} */
  const running = new Map();
  /** @type {Engine | undefined} */
  let engine;
  listen(port, "message", async ({ id, method, args, abort }) => {
    if (abort) {
      running.get(id)?.abort();
      return;
    }
    const controller = new AbortController();
    running.set(id, controller);
    try {
      const value = await call(id, method, args, controller.signal);
      port.postMessage({ id, value }, transferables(value));
    } catch (error) {
      port.postMessage({ id, error: { name: /** @type {any} */ (error)?.name, message: errors.firstLine(error) } });
    } finally {
      running.delete(id);
    }
  });

  /** @param {number} id @param {string} method @param {any[]} args @param {AbortSignal} signal */
  async function call(id, method, args, signal) {
    if (method === "load") {
      const onProgress = (/** @type {unknown} */ progress) => port.postMessage({ id, progress });
      const loaded = await Engine.load(args[0], { ...args[1], ...options, onProgress, signal });
      await engine?.dispose(); // which answered until now
      engine = loaded;
      return undefined;
    }
    if (!engine) throw new errors.InputError("no base is loaded; call load first");
    if (GETTERS.includes(method)) return engine[/** @type {"tasks"} */ (method)];
    const place = ABORTABLE[method];
    if (place) args[place] = { ...args[place], signal };
    else if (!OTHERS.includes(method)) throw new errors.InputError(`there is no method ${method}`);
    return /** @type {any} */ (engine)[method](...args);
  }
}

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

/** @param {Port} port @param {string} event @param {(data: any) => void} handle */
function listen(port, event, handle) {
  if (port.addEventListener) {
    port.addEventListener(event, (/** @type {any} */ own) => handle(event === "message" ? own.data : own));
    port.start?.();
  } else port.on(event, handle);
}

/**
 * Return an address that means the same in a worker, whose own is another one.
 * @param {string | URL} place
 */
function absolute(place) {
  return globalThis.location ? new URL(place, globalThis.location.href).href : String(place);
}

/**
 * Return what may be handed over instead of being copied: vectors, which nobody else has.
 * @param {unknown} value
 */
function transferables(value) {
  const listed = Array.isArray(value) ? value : [value];
  return [...new Set(listed.filter((item) => item instanceof Float32Array).map((item) => item.buffer))];
}

/** @param {{name: string, message: string}} error */
function revived({ name, message }) {
  const Kind = /** @type {any} */ (errors)[name];
  if (Kind?.prototype instanceof Error) return new Kind(message);
  return name === "AbortError" ? new DOMException(message, name) : new errors.BitfitError(message);
}
