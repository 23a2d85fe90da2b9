/** Downloads: with progress, within limits, and kept by their digests in the Cache API where there is one. */
import { hexDigest } from "./digests.js";
import { OutOfMemoryError, UnreachableError } from "./errors.js";
import { firstLine } from "./failures.js";
import { LIMITS } from "./formats/schema.js";

/**
 * How far a download is: bytes of one file, and of all; totals are undefined where a server does not say them.
 * @typedef {object} Progress
 * @property {string} file
 * @property {number} fileLoaded
 * @property {number} [fileTotal]
 * @property {number} loaded
 * @property {number} [total]
 *
 * `cache` is whether files are kept in the Cache API, by their digests; a string names the cache.
 * @typedef {object} DownloadOptions
 * @property {(progress: Progress) => void} [onProgress]
 * @property {AbortSignal} [signal]
 * @property {boolean | string} [cache]
 */

export const CACHE = "bitfit-edge";
const KEYS = "https://bitfit-edge.invalid/";
const GONE = [404, 410];

export class Downloads {
  #options;
  /** @type {Map<string, {loaded: number, total?: number}>} */
  #files = new Map();
  /** @type {WeakMap<Uint8Array, string>} what was read, and its digest where it was computed */
  digests = new WeakMap();

  /** @param {DownloadOptions} options */
  constructor(options) {
    this.#options = options;
  }

  /**
   * Return a file, from the cache where it has that digest. Returns undefined where the server has none. Throws
   * UnreachableError, OutOfMemoryError, or the signal's reason.
   * @param {string} url
   * @param {string} name
   * @param {string} [sha256]
   * @param {number} [limit] in bytes
   */
  async read(url, name, sha256, limit = Infinity) {
    this.#files.set(name, { loaded: 0 });
    const key = sha256 && `${KEYS}sha256/${sha256}`;
    const kept = key && (await this.#kept(key));
    if (kept && (await this.#digest(kept)) === sha256) {
      this.#tell(name, kept.length, kept.length);
      return kept;
    }
    const data = await this.#fetch(url, name, limit);
    const found = key && data && (await this.#digest(data));
    if (!key || !data || !found) return data;
    if (found !== sha256) return this.#fetch(url, name, limit, "reload"); // an HTTP cache may hold an older one
    await this.#keep(key, data);
    return data;
  }

  /**
   * Return the latest state of a file, or the one that was kept last where the server cannot be reached.
   * @param {string} url
   * @param {string} name
   */
  async readLatest(url, name) {
    const key = `${KEYS}latest/${encodeURIComponent(url)}`;
    try {
      const data = await this.#fetch(url, name, LIMITS.manifestBytes, "no-cache");
      if (data) await this.#keep(key, data);
      return data;
    } catch (error) {
      const kept = error instanceof UnreachableError && (await this.#kept(key));
      if (kept) return kept;
      throw error;
    }
  }

  /** @param {Uint8Array} data */
  async #digest(data) {
    const found = await hexDigest(data);
    if (found !== undefined) this.digests.set(data, found);
    return found;
  }

  /** @param {string} url @param {string} name @param {number} limit @param {RequestCache} [cache] */
  async #fetch(url, name, limit, cache = "default") {
    const { signal } = this.#options;
    try {
      const response = await fetch(url, { cache, ...(signal && { signal }) });
      if (GONE.includes(response.status)) return undefined;
      if (!response.ok || !response.body)
        throw new UnreachableError(`${url} gave status ${response.status}; try again`);
      return await this.#body(response, response.body.getReader(), name, limit);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof UnreachableError) throw error;
      if (error instanceof RangeError) throw new OutOfMemoryError(`there is no memory for ${name}; close other pages`);
      throw new UnreachableError(`${url} cannot be read (${firstLine(error)}); check the network, and try again`);
    }
  }

  /** @param {Response} response @param {ReadableStreamDefaultReader<Uint8Array>} reader @param {string} name @param {number} limit */
  async #body({ headers }, reader, name, limit) {
    const length = headers.get("content-encoding") ? 0 : Number(headers.get("content-length"));
    const total = length > 0 && length <= limit ? length : undefined;
    const parts = [];
    let loaded = 0;
    this.#tell(name, 0, total);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      loaded += value.length;
      if (loaded > limit) {
        await reader.cancel(); // what is there is too much already, and whoever reads it refuses it
        break;
      }
      this.#tell(name, loaded, total);
    }
    const data = new Uint8Array(loaded);
    let place = 0;
    for (const part of parts) {
      data.set(part, place);
      place += part.length;
    }
    return data;
  }

  /** @param {string} file @param {number} loaded @param {number} [total] */
  #tell(file, loaded, total) {
    this.#files.set(file, { loaded, total });
    const all = [...this.#files.values()];
    const sum = (/** @type {number[]} */ numbers) => numbers.reduce((found, one) => found + one, 0);
    const totals = all.map((one) => one.total ?? NaN);
    this.#options.onProgress?.({
      file,
      fileLoaded: loaded,
      fileTotal: total,
      loaded: sum(all.map((one) => one.loaded)),
      total: Number.isNaN(sum(totals)) ? undefined : sum(totals),
    });
  }

  /** @returns {Promise<Cache | undefined>} */
  async #cache() {
    const { cache = true } = this.#options;
    if (!cache || !globalThis.caches) return undefined;
    return caches.open(cache === true ? CACHE : cache);
  }

  /** @param {string} key */
  async #kept(key) {
    try {
      const found = await (await this.#cache())?.match(key);
      return found && new Uint8Array(await found.arrayBuffer());
    } catch {
      return undefined; // a cache that cannot be read is no reason not to load
    }
  }

  /** @param {string} key @param {Uint8Array} data */
  async #keep(key, data) {
    try {
      await (await this.#cache())?.put(key, new Response(/** @type {Uint8Array<ArrayBuffer>} */ (data)));
    } catch {
      // nor is one that is full
    }
  }
}
