/** Where files come from: memory, a folder (in Node), or a URL. */
import { InputError } from "./errors.js";
import { part, shown } from "./failures.js";
import { MANIFEST_FILE } from "./formats/schema.js";
import { Downloads } from "./downloads.js";

/** @typedef {import("./formats/base.js").Source} Source */
/** @typedef {Uint8Array | ArrayBuffer | Blob} Bytes */
/** @typedef {string | URL | Map<string, Bytes> | Record<string, Bytes>} Place a URL or folder, or files by their names */
/** @typedef {import("./downloads.js").DownloadOptions} DownloadOptions */

/**
 * Return the source of a base's files. Throws InputError.
 * @param {Place} place
 * @param {DownloadOptions} options
 * @param {boolean} maps whether ONNX Runtime can map files of a folder
 * @returns {Promise<Source>}
 */
export async function sourceOf(place, options, maps) {
  if (typeof place === "string" || place instanceof URL) {
    const url = asUrl(place, "/");
    if (url) return urlSource(url, new Downloads(options));
    return (await part(import("./folders.js"))).folderSource(String(place), maps);
  }
  if (place === null || typeof place !== "object") {
    throw new InputError(`a base should be a URL, a folder or files by their names, found ${shown(place)}`);
  }
  const files = place instanceof Map ? place : new Map(Object.entries(place));
  return {
    where: "the object of files",
    read: async (name) => {
      const found = files.get(name);
      return found === undefined ? undefined : asBytes(found, name);
    },
  };
}

/**
 * Return the bytes of one file, from bytes, a URL or a path. Returns undefined where there is no such file.
 * @param {Bytes | string | URL} place
 * @param {string} name what it is, for messages
 * @param {DownloadOptions & {sha256?: string, limit: number}} options
 */
export async function readOne(place, name, options) {
  if (typeof place !== "string" && !(place instanceof URL)) return asBytes(place, name);
  const url = asUrl(place, "");
  if (url) return new Downloads(options).read(url.href, name, options.sha256, options.limit);
  return (await part(import("./folders.js"))).readFile(String(place));
}

/**
 * Return a URL, undefined where a string is a path: outside of pages and workers, whatever does not begin with a scheme.
 * @param {string | URL} place
 * @param {string} end
 */
function asUrl(place, end) {
  const text = String(place);
  const base = globalThis.location?.href;
  if (!base && !/^[a-z][a-z0-9+.-]+:/i.test(text)) return undefined;
  try {
    return new URL(text.endsWith(end) ? text : text + end, base);
  } catch {
    throw new InputError(`expected a URL, found ${shown(text)}`);
  }
}

/** @param {URL} url of a folder @param {Downloads} downloads @returns {Source} */
function urlSource(url, downloads) {
  return {
    where: url.href,
    digests: downloads.digests,
    read: (name, sha256) => {
      const file = new URL(name, url).href;
      return name === MANIFEST_FILE ? downloads.readLatest(file, name) : downloads.read(file, name, sha256);
    },
  };
}

/** @param {unknown} value @param {string} name */
async function asBytes(value, name) {
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (typeof Blob !== "undefined" && value instanceof Blob) return new Uint8Array(await value.arrayBuffer());
  throw new InputError(`${name} should be a Uint8Array, an ArrayBuffer or a Blob, found ${shown(value)}`);
}
