/**
 * An engine in a worker, so that a page stays smooth while it answers: `serve` in the worker, `connect` in the page.
 *
 * Messages to the worker are calls `{id, method, args}` and `{id, abort}`; from it come `{id, value}`, `{id, error}` and
 * `{id, progress}`.
 */
import { Engine } from "./engine.js";
import * as errors from "./errors.js";
import { firstLine } from "./failures.js";
import { listen } from "./ports.js";

export { RemoteEngine, connect } from "./remote.js";

/** @typedef {import("./engine.js").EngineOptions} EngineOptions */
/** @typedef {import("./ports.js").Port} Port */

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
      port.postMessage({ id, error: { name: /** @type {any} */ (error)?.name, message: firstLine(error) } });
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
 * Return what may be handed over instead of being copied: vectors, which nobody else has.
 * @param {unknown} value
 */
function transferables(value) {
  const listed = Array.isArray(value) ? value : [value];
  return [...new Set(listed.filter((item) => item instanceof Float32Array).map((item) => item.buffer))];
}
