/** Windows of a long text: overlapping slices of its tokens, each with the special tokens around it. */
import { TASK_TYPES } from "./tasks/index.js";
import { longestFirst } from "./token-layout.js";

/** @typedef {import("./token-layout.js").Layout} Layout */
/** @typedef {import("./token-layout.js").Side} Side */
/** @typedef {import("./tokenized-text.js").Range} Range */

/**
 * How much of a text is read: `maxWindows` windows of `maxLength` tokens, special ones included. Neighbours share
 * `overlap` tokens. Of a pair the `searched` side is cut into windows; undefined is the longer one, of equal ones the second.
 */
export class Limit {
  /**
   * @param {number} maxLength
   * @param {{overlap: number, maxWindows: number}} [windows]
   * @param {number} [searched]
   */
  constructor(maxLength, { overlap, maxWindows } = { overlap: 0, maxWindows: 1 }, searched) {
    this.maxLength = maxLength;
    this.overlap = overlap;
    this.maxWindows = maxWindows;
    this.searched = searched;
    this.key = `${maxLength} ${overlap} ${maxWindows} ${searched}`;
  }

  /**
   * Return what a pack reads of a text.
   * @param {{maxLength: number, windows?: import("./formats/pack.js").Windows, taskType: string}} info
   */
  static of({ maxLength, windows, taskType }) {
    return windows ? new Limit(maxLength, windows, TASK_TYPES[taskType].searched) : new Limit(maxLength);
  }

  /**
   * Return how many tokens of a text, or of both of a pair, a window has among the special ones.
   * @param {Layout} layout
   */
  room(layout) {
    return Math.max(this.maxLength - layout.special, 0);
  }

  /**
   * Return how many tokens all windows hold of a text at most.
   * @param {Layout} layout
   */
  most(layout) {
    const room = this.room(layout);
    return room + (this.maxWindows - 1) * this.#step(room);
  }

  /**
   * Return about how many windows a text has at most, a character being a token.
   * @param {number} characters
   */
  mostWindows(characters) {
    return Math.min(this.maxWindows, 1 + Math.floor(characters / this.#step(this.maxLength)));
  }

  /**
   * Cut so many tokens into windows of `room`: all but the last are full, and that ends with the text.
   * @param {number} length
   * @param {number} room
   * @returns {Range[]}
   */
  slices(length, room) {
    if (length <= room || room === 0) return [{ start: 0, stop: Math.min(length, room) }];
    const step = this.#step(room);
    const count = Math.min(1 + Math.ceil((length - room) / step), this.maxWindows);
    return Array.from({ length: count }, (_, index) => {
      const start = index * step;
      return { start, stop: Math.min(start + room, length) };
    });
  }

  /** @param {number} room */
  #step(room) {
    return Math.max(room - Math.min(this.overlap, Math.floor(room / 2)), 1);
  }
}

/**
 * One text, or one pair, in windows. `text` is all that the windows hold, as one. `slices` are the tokens of its `side`
 * that each window has; every other token is in all windows.
 */
export class WindowedText {
  /**
   * @param {import("./tokenized-text.js").TokenizedText} text
   * @param {0 | 1} side
   * @param {Range[]} slices
   */
  constructor(text, side, slices) {
    this.text = text;
    this.side = side;
    this.slices = slices;
  }

  /**
   * Cut both sides, of which so many tokens are there as could be kept and one more, as `limit` says.
   * @param {Layout} layout
   * @param {[Side, Side]} texts
   * @param {Limit} limit
   */
  static cut(layout, texts, limit) {
    const lengths = texts.map(({ ids }) => ids.length);
    const kept = longestFirst(lengths[0], lengths[1], limit.room(layout));
    const longer = lengths[0] > lengths[1] ? 0 : 1;
    const side = /** @type {0 | 1} */ (limit.searched === undefined || !lengths[1] ? longer : limit.searched);
    const slices = limit.slices(lengths[side], kept[side]);
    kept[side] = slices[slices.length - 1].stop;
    const text = layout.arrange(texts, kept);
    const from = text.sides[side].start;
    return new WindowedText(
      text,
      side,
      slices.map(({ start, stop }) => ({ start: from + start, stop: from + stop })),
    );
  }
}
