/** Folders and files of Node. */
import { InputError, UnreachableError } from "./errors.js";
import { firstLine } from "./failures.js";

/** @typedef {import("./formats/base.js").Source} Source */

/** @param {string} folder @param {boolean} maps @returns {Source} */
export function folderSource(folder, maps) {
  const path = (/** @type {string} */ name) => `${folder}/${name}`;
  return {
    where: folder,
    read: (name) => readFile(path(name)),
    mapped: maps
      ? {
          folder,
          digest: async (name) => {
            const hash = builtin("crypto").createHash("sha256");
            try {
              for await (const chunk of builtin("fs").createReadStream(path(name))) hash.update(chunk);
            } catch (error) {
              return missing(error);
            }
            return hash.digest("hex");
          },
        }
      : undefined,
  };
}

/** @param {string} path @returns {Promise<Uint8Array | undefined>} */
export async function readFile(path) {
  try {
    return await builtin("fs").promises.readFile(path);
  } catch (error) {
    return missing(error);
  }
}

/** @param {unknown} error @returns {undefined} */
function missing(error) {
  if (/^(ENOENT|ENOTDIR)/.test(/** @type {any} */ (error)?.code)) return undefined;
  throw new UnreachableError(`a file cannot be read (${firstLine(error)}); check its path and permissions`);
}

/**
 * Return a module of Node's own. Bundlers do not see it, so that pages take none of it.
 * @template {"fs" | "crypto"} N
 * @param {N} name
 * @returns {N extends "fs" ? typeof import("node:fs") : typeof import("node:crypto")}
 */
function builtin(name) {
  const found = /** @type {any} */ (globalThis).process?.getBuiltinModule?.(name);
  if (!found)
    throw new InputError("folders can be read in Node 20.16 or later alone; pass a URL, or files by their names");
  return found;
}
