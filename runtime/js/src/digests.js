/** SHA-256, by the platform. */
import { UnsupportedError } from "./errors.js";

/**
 * Return the SHA-256 of some bytes in hexadecimal, undefined where the platform has none.
 * @param {Uint8Array} data
 */
export async function hexDigest(data) {
  const { subtle } = globalThis.crypto ?? {};
  if (!subtle) return undefined;
  const found = new Uint8Array(await subtle.digest("SHA-256", /** @type {Uint8Array<ArrayBuffer>} */ (data)));
  return Array.from(found, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Return the SHA-256 of some bytes in hexadecimal. Throws UnsupportedError where the platform has none.
 * @param {Uint8Array} data
 */
export async function neededDigest(data) {
  const found = await hexDigest(data);
  if (found !== undefined) return found;
  throw new UnsupportedError(
    "digests cannot be checked: this page has no crypto.subtle, which browsers give over https and on localhost alone; " +
      "serve it over https, or pass digest: 'none' to load without checking",
  );
}
