/**
 * Tables of WordPiece: what each character becomes, its combining class, and what kind of character it is in words. With
 * them nothing depends on the Unicode version of the platform. `docs/formats.md` says how they are stored.
 */
import { BaseFormatError, UnsupportedError } from "./errors.js";
import { part } from "./failures.js";
import { inflate } from "./formats/inflate.js";
import { setKinds } from "./kinds.js";

const MAGIC = "BITFITWP";
const HEADER = 16;
const CODE_POINTS = 0x110000;
const BECOMES = 4; // none, and 2 more for each character
export const ITSELF = BECOMES + 2;

/**
 * `operations` has one of each code point, `becomes` what those become that become others, and `classes` combining
 * classes that are not 0.
 * @typedef {{operations: Uint8Array, becomes: Map<number, number[]>, classes: Map<number, number>}} Table
 */

/** @type {Record<string, () => Promise<{default: string}>>} */
const MODULES = {
  uncased: () => import("./tables/wordpiece-uncased.js"),
  cased: () => import("./tables/wordpiece-cased.js"),
};
/** @type {Map<string, Promise<Table>>} */
const loaded = new Map();

/**
 * Load the table `uncased` or `cased`, once. The kinds of characters, which both hold, are known from then on.
 * @param {"uncased" | "cased"} name
 */
export function loadTable(name) {
  const found = loaded.get(name) ?? part(MODULES[name]()).then((module) => parseTable(module.default));
  loaded.set(name, found);
  found.catch(() => loaded.delete(name)); // another attempt may succeed
  return found;
}

/**
 * Read a table. Throws BaseFormatError.
 * @param {string} base64
 * @returns {Table}
 */
export function parseTable(base64) {
  const data = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const head = new DataView(data.buffer);
  if (!atob(base64).startsWith(MAGIC) || data[MAGIC.length] !== 1) {
    throw new UnsupportedError("a table of WordPiece is of another version; install bitfit-edge again");
  }
  try {
    const numbers = numbersOf(inflate(data.subarray(HEADER), head.getUint32(12, true)));
    /** @type {Table} */
    const found = { operations: new Uint8Array(CODE_POINTS).fill(ITSELF), becomes: new Map(), classes: new Map() };
    for (const [start, end, value, steps] of runs(numbers, true)) {
      found.operations.fill(value, start, end);
      for (let code = start; steps.length && code < end; code++) {
        const become = steps.map((step) => code + step);
        found.becomes.set(code, become);
      }
    }
    for (const [start, end, value] of runs(numbers, false)) {
      for (let code = start; code < end; code++) found.classes.set(code, value);
    }
    const kinds = new Uint8Array(CODE_POINTS);
    for (const [start, end, value] of runs(numbers, false)) kinds.fill(value, start, end);
    setKinds(kinds);
    return found;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new BaseFormatError(`a table of WordPiece cannot be read (${error.message}); install bitfit-edge again`);
  }
}

/**
 * Return a function that gives one stored number after another.
 * @param {Uint8Array} data
 */
function numbersOf(data) {
  let place = 0;
  return () => {
    let number = 0;
    for (let shift = 0; place < data.length; shift += 7) {
      const byte = data[place++];
      number |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    return number;
  };
}

/**
 * Yield each run of a list: its first code point, the one after its last, their value, and where the list says so how far
 * from each is what it becomes.
 * @param {() => number} next
 * @param {boolean} changes
 * @returns {Generator<[number, number, number, number[]]>}
 */
function* runs(next, changes) {
  let code = 0;
  for (let count = next(); count > 0; count--) {
    code += next();
    const end = code + next() + 1;
    const value = next();
    const steps = Array.from({ length: changes ? Math.max((value - BECOMES) >> 1, 0) : 0 }, () => {
      const number = next();
      return (number >> 1) ^ -(number & 1);
    });
    yield [code, end, value, steps];
    code = end;
  }
}
