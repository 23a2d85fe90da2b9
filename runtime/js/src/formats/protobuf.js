/** Protocol Buffers, as far as a graph's files take it: fields of a number and a type, where messages nest. */

/**
 * A field that is bytes or a message: its number, where the whole field starts, where its content does, and both end.
 * @typedef {{number: number, start: number, begin: number, end: number}} Field
 */
const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5];

/**
 * Return the fields of a message that are bytes or messages. Throws RangeError where it is none.
 * @param {Uint8Array} data
 * @param {number} start
 * @param {number} end
 * @returns {Field[]}
 */
export function fieldsOf(data, start, end) {
  const found = [];
  let place = start;
  const varint = () => {
    let value = 0;
    for (let shift = 0; shift < 10; shift++) {
      if (place >= end) break;
      const byte = data[place++];
      value += (byte & 127) * 2 ** (7 * shift);
      if (byte < 128) return value;
    }
    throw new RangeError("a number is too long");
  };
  while (place < end) {
    const first = place;
    const tag = varint();
    const kind = tag % 8;
    if (kind === BYTES) {
      const size = varint();
      found.push({ number: Math.floor(tag / 8), start: first, begin: place, end: place + size });
      place += size;
    } else if (kind === VARINT) varint();
    else if (kind === FIXED32 || kind === FIXED64) place += kind === FIXED32 ? 4 : 8;
    else throw new RangeError(`a field has the unknown type ${kind}`);
  }
  if (place !== end) throw new RangeError("a field is longer than what it is in");
  return found;
}

/**
 * Return a number as its bytes.
 * @param {number} value
 */
export function varintBytes(value) {
  const found = [];
  for (; value > 127; value = Math.floor(value / 128)) found.push((value % 128) + 128);
  return [...found, value];
}
