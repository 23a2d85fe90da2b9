/** Layout of special tokens: where a model's tokenizer puts them around one text and around a pair. */
import { TokenizedText } from "./tokenized-text.js";

/**
 * The tokens of one text, one more than are kept if there are as many: ids, and characters, two numbers each. `cut`: of
 * its head.
 * @typedef {{ids: number[], offsets: number[], cut: boolean}} Side
 *
 * A special token's `id`, or the text that stands here, `side`; and the type of either.
 * @typedef {{id?: number, side?: 0 | 1, type: number}} Part
 */

/** @type {Side} */
export const NO_SIDE = { ids: [], offsets: [], cut: false };

export class Layout {
  /** @param {Part[]} parts */
  constructor(parts) {
    this.parts = parts;
    this.special = parts.filter(({ side }) => side === undefined).length;
  }

  /**
   * Return both texts, of each so many tokens as are `kept`, among the special tokens.
   * @param {[Side, Side]} texts
   * @param {[number, number]} kept
   */
  arrange(texts, kept) {
    /** @type {number[][]} */
    const [ids, types, offsets] = [[], [], []];
    /** @type {[import("./tokenized-text.js").Range, import("./tokenized-text.js").Range]} */
    const sides = [
      { start: 0, stop: 0 },
      { start: 0, stop: 0 },
    ];
    for (const { id, side, type } of this.parts) {
      if (side === undefined) {
        ids.push(/** @type {number} */ (id));
        offsets.push(0, 0);
      } else {
        const count = kept[side];
        sides[side] = { start: ids.length, stop: ids.length + count };
        for (let index = 0; index < count; index++) ids.push(texts[side].ids[index]);
        for (let index = 0; index < 2 * count; index++) offsets.push(texts[side].offsets[index]);
      }
      while (types.length < ids.length) types.push(type);
    }
    const lost = (/** @type {0 | 1} */ side) => texts[side].cut || texts[side].ids.length > kept[side];
    return new TokenizedText(Int32Array.from(ids), Uint8Array.from(types), Int32Array.from(offsets), sides, [
      lost(0),
      lost(1),
    ]);
  }
}

/**
 * Return how many tokens of each side to keep so that both fit into `room`, cutting the longer side first.
 * @param {number} first
 * @param {number} second
 * @param {number} room
 * @returns {[number, number]}
 */
export function longestFirst(first, second, room) {
  if (first + second <= room) return [first, second];
  const half = Math.floor(room / 2);
  if (first <= half) return [first, room - first];
  if (second <= half) return [room - second, second];
  return [room - half, half];
}
