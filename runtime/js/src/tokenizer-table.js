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
const BECOMES = 4;

/**
 * `becomes` maps code points to an operation and what they become; what is not in it stays as it is. `classes` are
 * combining classes that are not 0.
 * @typedef {{becomes: Map<number, number[]>, classes: Map<number, number>}} Table
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
    const found = { becomes: new Map(), classes: new Map() };
    for (const [code, value, others] of runs(numbers, true)) found.becomes.set(code, [value, ...others]);
    for (const [code, value] of runs(numbers, false)) found.classes.set(code, value);
    const kinds = new Uint8Array(CODE_POINTS);
    for (const [code, value] of runs(numbers, false)) kinds[code] = value;
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
 * Yield each character of the runs of a list, its value, and what it becomes where the list says so.
 * @param {() => number} next
 * @param {boolean} changes
 * @returns {Generator<[number, number, number[]]>}
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
    for (; code < end; code++) yield [code, value, steps.map((step) => code + step)];
  }
}
