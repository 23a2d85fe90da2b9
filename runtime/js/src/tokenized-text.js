/** A tokenized text: what is kept of it, and the characters of its tokens. */
/** @typedef {{start: number, stop: number}} Range of tokens, `stop` exclusive */

/**
 * One text, or one pair, as token ids with the model's special tokens. `offsets` are the characters that each token was
 * made of, two numbers each, of special tokens 0 and 0. `sides` are the tokens of the first and of the second text; `cut`
 * says of each whether it has lost some.
 */
export class TokenizedText {
  /**
   * @param {Int32Array} ids
   * @param {Uint8Array} typeIds
   * @param {Int32Array} offsets
   * @param {[Range, Range]} sides
   * @param {[boolean, boolean]} cut
   */
  constructor(ids, typeIds, offsets, sides, cut) {
    this.ids = ids;
    this.typeIds = typeIds;
    this.offsets = offsets;
    this.sides = sides;
    this.cut = cut;
    /** What the encoder receives: equal for texts that are one and the same to it. */
    this.key = `${ids};${typeIds}`;
  }

  get length() {
    return this.ids.length;
  }
}
