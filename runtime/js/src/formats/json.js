/**
 * JSON as the formats have it, stricter than the platform's: a key that is twice in an object is refused, since readers
 * would differ in which one counts, and 1.0 is no integer.
 */

/** A number with a fraction or an exponent. */
export class Real {
  /** @param {number} value */
  constructor(value) {
    this.value = value;
  }
}

const TOKEN =
  /[ \t\n\r]*(?:([{}[\],:]|true|false|null)|("(?:[^"\\\x00-\x1f]|\\.)*")|(-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?)|$)/y;

/**
 * Return the value of a document: objects are maps, and numbers as above. Throws SyntaxError.
 * @param {string} text
 * @returns {unknown}
 */
export function parseStrictly(text) {
  let [mark, string, number, fraction, exponent] = ["", "", "", "", ""];
  let place = 0;
  const next = () => {
    TOKEN.lastIndex = place;
    const match = TOKEN.exec(text);
    if (!match) throw new SyntaxError(`what is at position ${place} is not JSON`);
    [, mark, string, number, fraction, exponent] = match;
    place = TOKEN.lastIndex;
  };
  const fail = () => new SyntaxError(`something else is expected before position ${place}`);

  /** @returns {unknown} the value that begins with the current token */
  const value = () => {
    if (string !== undefined) return JSON.parse(string);
    if (number !== undefined) return fraction || exponent ? new Real(Number(number)) : Number(number);
    if (mark === "{") return object();
    if (mark === "[") return list();
    if (mark === "true" || mark === "false") return mark === "true";
    if (mark !== "null") throw fail();
    return null;
  };
  /** @param {string} end whether another element follows, and not the end */
  const follows = (end) => {
    next();
    if (mark !== end && mark !== ",") throw fail();
    return mark !== end;
  };
  const object = () => {
    const found = new Map();
    next();
    if (mark === "}") return found;
    do {
      if (found.size) next();
      if (string === undefined) throw fail();
      const key = JSON.parse(string);
      if (found.has(key)) throw new SyntaxError(`an object has the key ${JSON.stringify(key)} twice`);
      next();
      if (mark !== ":") throw fail();
      next();
      found.set(key, value());
    } while (follows("}"));
    return found;
  };
  const list = () => {
    /** @type {unknown[]} */
    const found = [];
    next();
    if (mark === "]") return found;
    do {
      if (found.length) next();
      found.push(value());
    } while (follows("]"));
    return found;
  };

  next();
  const found = value();
  next();
  if (mark || string !== undefined || number !== undefined) throw fail();
  return found;
}
