/** Texts as code points, in which all positions are counted inside; answers have UTF-16 units, as strings do. */

/**
 * Return the code points of a text.
 * @param {string} text
 */
export function codePoints(text) {
  const found = new Uint32Array(text.length);
  let count = 0;
  for (let place = 0; place < text.length; count++) {
    const code = /** @type {number} */ (text.codePointAt(place));
    found[count] = code;
    place += code > 0xffff ? 2 : 1;
  }
  return found.subarray(0, count);
}

/**
 * Return characters `start` to `end` of a text, and where they are, in UTF-16 units.
 * @param {Uint32Array} codes
 * @param {number} start
 * @param {number} end
 */
export function piece(codes, start, end) {
  const before = unitsOf(codes, 0, start);
  let text = "";
  for (let index = start; index < end; index++) text += String.fromCodePoint(codes[index]);
  return { text, start: before, end: before + text.length };
}

/** @param {Uint32Array} codes @param {number} start @param {number} end */
function unitsOf(codes, start, end) {
  let count = end - start;
  for (let index = start; index < end; index++) if (codes[index] > 0xffff) count++;
  return count;
}
