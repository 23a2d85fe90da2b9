/**
 * Canaries: whether a pack computes here what it computed where it was made. Equal kernels give equal bits. Others round
 * differently, so there all answers together may be as far off as the base's self-test allows.
 */
import { CanaryError } from "./errors.js";
import { distance, norm } from "./self-test.js";

/**
 * Compare what a pack gave for its canary's rows, end to end, with what it must. Throws CanaryError.
 * @param {import("./formats/pack.js").Pack} pack
 * @param {Float32Array} found
 * @param {string | undefined} fingerprint of the kernels here
 * @param {number} tolerance of the base's self-test
 */
export function checkCanary({ info, canary }, found, fingerprint, tolerance) {
  const where = `pack '${info.task}'`;
  if (!canary) return;
  const { expected, kernelFingerprint } = canary;
  if (found.length !== expected.length) {
    throw new CanaryError(
      `${where} gives ${found.length} numbers for its canary, expected ${expected.length}; publish it again`,
    );
  }
  const away = distance(found, expected);
  if (away === 0) return;
  if (kernelFingerprint === fingerprint) {
    throw new CanaryError(
      `${where} does not answer its canary to the bit, although on the kernels that made it; publish it again`,
    );
  }
  const allowed = tolerance * norm(expected);
  if (!(away <= allowed)) {
    throw new CanaryError(
      `${where} answers its canary ${away.toPrecision(3)} away from what its publisher found, on other kernels at most ` +
        `${allowed.toPrecision(3)} is accepted; publish it again`,
    );
  }
}
