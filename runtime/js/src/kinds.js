/** Kinds of characters, by which texts are split into words; which character is of which kind is in the tables. */

// The letter of each stored kind: hidden, letters and lone characters (alphabetic, numeric, other), space, accent,
// punctuation, and symbols that count as such.
const LETTERS = "-wwwccc m..";

/** @type {Uint8Array} the stored kind of each code point, from a table of WordPiece */
let stored = new Uint8Array();

/** @param {Uint8Array} kinds */
export function setKinds(kinds) {
  stored = kinds;
}

/**
 * Return the kind of each character, one letter each: space, `-` hidden, `.` punctuation, `c` alone, `m` accent, `w` letter.
 * @param {Uint32Array} text
 * @param {number} [start]
 * @param {number} [end]
 */
export function kinds(text, start = 0, end = text.length) {
  let found = "";
  for (let index = start; index < Math.min(end, text.length); index++) found += LETTERS[stored[text[index]]];
  return found;
}

/**
 * Return the kind of a character as the tables number it.
 * @param {number} code
 */
export const storedKind = (code) => stored[code];
