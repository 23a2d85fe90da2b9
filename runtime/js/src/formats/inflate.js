/** Raw deflate streams (RFC 1951), inflated into as much room as their content must have, and no more. */

const LENGTHS = Array.from({ length: 29 }, (_, code) =>
  code < 8 ? code + 3 : code === 28 ? 258 : 3 + ((4 + (code & 3)) << ((code >> 2) - 1)),
);
const DISTANCES = Array.from({ length: 30 }, (_, code) =>
  code < 4 ? code + 1 : 1 + ((2 + (code & 1)) << ((code >> 1) - 1)),
);
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const LONGEST_CODE = 15;

/** @typedef {{counts: Uint16Array, symbols: Uint16Array}} Codes how many codes of each length, symbols in their order */

/**
 * Return the content of a stream, which must have `size` bytes and end with the stream. Throws RangeError.
 * @param {Uint8Array} stream
 * @param {number} size
 */
export function inflate(stream, size) {
  const output = new Uint8Array(size);
  const reader = new Bits(stream);
  let written = 0;
  let last = 0;
  const put = (/** @type {number} */ byte) => {
    if (written === size) throw new RangeError("it is longer than expected");
    output[written++] = byte;
  };
  while (!last) {
    last = reader.take(1);
    const kind = reader.take(2);
    if (kind === 0) reader.stored(put);
    else if (kind === 3) throw new RangeError("a block is of no known kind");
    else {
      const [literals, distances] = kind === 1 ? FIXED : dynamicCodes(reader);
      for (let symbol; (symbol = reader.symbol(literals)) !== 256;) {
        if (symbol < 256) put(symbol);
        else {
          const length = lengthOf(symbol - 257, reader);
          const code = reader.symbol(distances);
          if (code > 29) throw new RangeError("a distance is of no known code");
          const distance = DISTANCES[code] + reader.take(Math.max((code >> 1) - 1, 0));
          if (distance > written) throw new RangeError("a distance reaches before the beginning");
          for (let index = 0; index < length; index++) put(output[written - distance]);
        }
      }
    }
  }
  if (written !== size || !reader.ended) throw new RangeError("it is of another length than expected");
  return output;
}

/** @param {number} code @param {Bits} reader */
function lengthOf(code, reader) {
  if (code > 28) throw new RangeError("a length is of no known code");
  return LENGTHS[code] + (code < 8 || code === 28 ? 0 : reader.take((code >> 2) - 1));
}

/** @param {ArrayLike<number>} lengths the length of each symbol's code, 0 where it has none @returns {Codes} */
function codesOf(lengths) {
  const counts = new Uint16Array(LONGEST_CODE + 1);
  for (let symbol = 0; symbol < lengths.length; symbol++) counts[lengths[symbol]]++;
  counts[0] = 0;
  let left = 1;
  const starts = [0, 0];
  for (let length = 1; length <= LONGEST_CODE; length++) {
    left = 2 * left - counts[length];
    starts.push(starts[length] + counts[length]);
  }
  const used = starts[LONGEST_CODE + 1];
  if (left < 0 || (left > 0 && used !== counts[1])) throw new RangeError("its codes are not complete");
  const symbols = new Uint16Array(used);
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    if (lengths[symbol]) symbols[starts[lengths[symbol]]++] = symbol;
  }
  return { counts, symbols };
}

/** @type {[Codes, Codes]} */
const FIXED = [
  codesOf(Array.from({ length: 288 }, (_, symbol) => (symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8))),
  codesOf(new Uint8Array(32).fill(5)),
];

/** @param {Bits} reader @returns {[Codes, Codes]} */
function dynamicCodes(reader) {
  const literals = reader.take(5) + 257;
  const distances = reader.take(5) + 1;
  const known = reader.take(4) + 4;
  if (literals > 286 || distances > 30) throw new RangeError("it has too many codes");
  const own = new Uint8Array(19);
  for (let index = 0; index < known; index++) own[ORDER[index]] = reader.take(3);
  const codes = codesOf(own);
  /** @type {number[]} */
  const lengths = [];
  while (lengths.length < literals + distances) {
    const symbol = reader.symbol(codes);
    if (symbol < 16) lengths.push(symbol);
    else {
      if (symbol === 16 && !lengths.length) throw new RangeError("nothing precedes a repeated length");
      const repeated = symbol === 16 ? lengths[lengths.length - 1] : 0;
      let count = symbol === 16 ? 3 + reader.take(2) : symbol === 17 ? 3 + reader.take(3) : 11 + reader.take(7);
      while (count--) lengths.push(repeated);
    }
  }
  if (lengths.length > literals + distances || !lengths[256]) throw new RangeError("its codes are not complete");
  return [codesOf(lengths.slice(0, literals)), codesOf(lengths.slice(literals))];
}

/** The bits of a stream, from the lowest of each byte on. */
class Bits {
  #stream;
  #place = 0;
  #bits = 0;
  #held = 0;

  /** @param {Uint8Array} stream */
  constructor(stream) {
    this.#stream = stream;
  }

  get ended() {
    return this.#place === this.#stream.length;
  }

  /** @param {number} count */
  take(count) {
    while (this.#held < count) {
      if (this.ended) throw new RangeError("it is truncated");
      this.#bits |= this.#stream[this.#place++] << this.#held;
      this.#held += 8;
    }
    const found = this.#bits & ((1 << count) - 1);
    this.#bits >>= count;
    this.#held -= count;
    return found;
  }

  /** @param {Codes} codes */
  symbol({ counts, symbols }) {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= LONGEST_CODE; length++) {
      code |= this.take(1);
      if (code - first < counts[length]) return symbols[index + code - first];
      index += counts[length];
      first = (first + counts[length]) << 1;
      code <<= 1;
    }
    throw new RangeError("a code is not known");
  }

  /** @param {(byte: number) => void} put */
  stored(put) {
    this.#bits = this.#held = 0;
    const length = this.take(16);
    if ((this.take(16) ^ length) !== 0xffff) throw new RangeError("a stored block is of no known length");
    for (let index = 0; index < length; index++) put(this.take(8));
  }
}
