/** The engine in its worker, as the page sees it. */

/** Something that went wrong in the worker; `name` is the class of the error there. */
class EngineError extends Error {
  /** @param {{name: string, message: string}} error */
  constructor({ name, message }) {
    super(message);
    this.name = name;
  }
}

export class RemoteEngine {
  /** @type {Worker | undefined} */
  #worker;
  /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void, report?: (progress: any) => void}>} */
  #waiting = new Map();
  #count = 0;

  /** @param {string} url @param {(progress: {file: string, loaded: number, total?: number}) => void} report */
  load(url, report) {
    return this.#call("load", [new URL(url, location.href).href, {}], report);
  }

  /** Install a pack, if it answers here what it answered where it was made. @param {string} name @param {Uint8Array} data */
  install(name, data) {
    return this.#call("install", [name, data, { canary: true }]);
  }

  /** @param {string | object} input @param {{tasks: string[]}} options */
  predict(input, options) {
    return this.#call("predict", [input, options]);
  }

  /** @param {string | object} input @param {{tasks: string[]}} options */
  explain(input, options) {
    return this.#call("explain", [input, options]);
  }

  /** @param {string} method @param {unknown[]} given @param {(progress: any) => void} [report] @returns {Promise<any>} */
  #call(method, given, report) {
    return new Promise((resolve, reject) => {
      const id = ++this.#count;
      this.#waiting.set(id, { resolve, reject, report });
      this.#started().postMessage({ id, method, given });
    });
  }

  /** Return the worker, begun when it is first needed: by then the service worker sees what it loads. */
  #started() {
    if (this.#worker) return this.#worker;
    const worker = (this.#worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" }));
    worker.addEventListener("message", ({ data: { id, value, error, progress } }) => {
      const call = this.#waiting.get(id);
      if (progress) return call?.report?.(progress);
      this.#waiting.delete(id);
      if (error) call?.reject(new EngineError(error));
      else call?.resolve(value);
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      const message = event.message || "the worker's code cannot be loaded";
      for (const { reject } of this.#waiting.values()) reject(new EngineError({ name: "Error", message }));
      this.#waiting.clear();
    });
    return worker;
  }
}
