/** Batch planning: which rows run together, and which of their layers are computed once for several of them. */

// A layer's work in units of what comes after the last one (pooling, heads), whose memory is that much less, too.
const LAYER = 4;
// Rows that share most of their layers are wide above: so many times the tokens of a batch may be there. Rows of one text,
// which cannot be parted without losing what they share, may be wider, and take more work than a batch.
const WIDEST = 2;
export const WIDEST_OF_ONE_TEXT = 4;
const WORK_OF_ONE_TEXT = 2.5;
// Heads are padded to the largest of their batch. Those of the first class are small; each class allows four times more.
const SMALL_HEAD_BYTES = 256 << 10;
const CLASS_GROWTH = 4;
const HEAD_BYTES = 8 << 20; // of all heads of a batch, unless it is a single row

/**
 * One request as the planner sees it: its text, of so many tokens, and how many labels its head has. `keys[i]` is what a
 * row of level i has in common with all rows of its text that are the same computation.
 * @typedef {{text: string, length: number, keys: string[], labels: number}} Leaf
 *
 * The rows of one level of a batch. Row i is computed as request `requests[i]` needs it, perhaps for others too, and
 * continues row `below[i]` of the level below.
 * @typedef {{requests: number[], below: number[]}} LevelRows
 *
 * What runs at once: its levels from below, and for each of its requests the row of the last level it is read from.
 * @typedef {{width: number, levels: LevelRows[], rows: Map<number, number>}} Batch
 *
 * A batch that is being filled: its requests, width, rows of each level and largest number of labels.
 * @typedef {{requests: number[], width: number, counts: number[], labels: number, size: number}} Open
 *
 * Batches have at most `batchSize` rows and `maxTokens` padded tokens, a row of some layers being a part; no level has
 * more than `mostTokens`, unless it is a single row.
 * @typedef {{batchSize: number, maxTokens: number, mostTokens: number}} Budget
 */

export class Planner {
  #levels;
  #padding;
  #hiddenSize;
  #budget;
  #fullRow;

  /**
   * @param {import("./levels.js").Levels} levels
   * @param {import("./padding.js").Padding} padding
   * @param {number} hiddenSize
   * @param {Budget} budget
   */
  constructor(levels, padding, hiddenSize, budget) {
    this.#levels = levels;
    this.#padding = padding;
    this.#hiddenSize = hiddenSize;
    this.#budget = budget;
    this.#fullRow = LAYER * levels.layers.reduce((sum, layers) => sum + layers, 0) + 1;
  }

  /**
   * Group requests into batches of similar length, so that little is spent on padding. Requests of equal text, and of
   * equal biases up to a branch point, are one row up to there. No row is in a batch whose width would change its bits.
   * @param {Leaf[]} leaves
   * @returns {Batch[]}
   */
  plan(leaves) {
    /** @type {Map<string, number>} */
    const numbers = new Map();
    for (const { text } of leaves) if (!numbers.has(text)) numbers.set(text, numbers.size);
    const places = leaves.map(({ text, length, keys, labels }, index) => {
      return { index, order: [this.#headClass(labels), -length, numbers.get(text), ...keys] };
    });
    places.sort((one, two) => compared(one.order, two.order) || one.index - two.index);
    /** @type {Open[]} */
    const batches = [];
    for (let start = 0, end = 0; start < places.length; start = end) {
      const [size, , text] = places[start].order;
      while (end < places.length && places[end].order[0] === size && places[end].order[2] === text) end++;
      this.#place(
        places.slice(start, end).map(({ index }) => index),
        Number(size),
        leaves,
        batches,
      );
    }
    return batches.map(({ requests }) => this.#close(requests, leaves));
  }

  /**
   * Put the requests of one text into the last batch, one of their own, or several.
   * @param {number[]} group @param {number} size class of its heads @param {Leaf[]} leaves @param {Open[]} batches
   */
  #place(group, size, leaves, batches) {
    const { length } = leaves[group[0]];
    const width = this.#padding.width(length);
    const alone = opened(group, leaves, width, size);
    const last = batches[batches.length - 1];
    if (last?.size === size && this.#padding.fits(length, last.width)) {
      const together = joined(last, alone);
      if (this.#fits(together)) {
        batches[batches.length - 1] = together;
        return;
      }
    }
    if (this.#fits(alone)) {
      batches.push(alone);
      return;
    }
    const shared = this.#work(alone) < alone.counts[alone.counts.length - 1] * this.#fullRow;
    let part = opened(group.slice(0, 1), leaves, width, size);
    for (let at = 1; at < group.length; at++) {
      const longer = withNext(part, group[at], leaves, group[at - 1]);
      if (this.#fits(longer, shared)) part = longer;
      else {
        batches.push(part);
        part = opened([group[at]], leaves, width, size);
      }
    }
    batches.push(part);
  }

  /** @param {Open} batch */
  #fits(batch, oneText = false) {
    const { maxTokens, mostTokens, batchSize } = this.#budget;
    const { counts, width, labels } = batch;
    const top = counts[counts.length - 1];
    if (top === 1) return true;
    const least = Math.min(maxTokens, mostTokens);
    const tokens = oneText ? Math.max(least, width) : least;
    const factor = oneText ? WORK_OF_ONE_TEXT : 1;
    const widest = oneText ? mostTokens : Math.min(WIDEST * least, mostTokens);
    const rows = counts.map((count, level) => (this.#levels.layers[level] ? count : count / LAYER));
    const work = this.#work(batch);
    return (
      work <= factor * this.#fullRow * batchSize &&
      work * width <= factor * this.#fullRow * tokens &&
      Math.max(...rows) * width <= widest &&
      top * labels * this.#hiddenSize * 4 <= HEAD_BYTES
    );
  }

  /** @param {Open} batch */
  #work({ counts }) {
    const layers = counts.reduce((sum, count, level) => sum + count * this.#levels.layers[level], 0);
    return LAYER * layers + counts[counts.length - 1];
  }

  /** @param {number} labels */
  #headClass(labels) {
    let found = 0;
    for (let most = SMALL_HEAD_BYTES; labels * this.#hiddenSize * 4 > most; most *= CLASS_GROWTH) found++;
    return found;
  }

  /** @param {number[]} requests @param {Leaf[]} leaves @returns {Batch} */
  #close(requests, leaves) {
    /** @type {LevelRows[]} */
    const levels = [];
    let below = new Map(requests.map((index) => [index, 0])); // the lowest level continues nothing
    for (let level = 0; level < this.#levels.starts.length; level++) {
      /** @type {Map<string, number>} */
      const rows = new Map();
      /** @type {number[]} */
      const first = [];
      /** @type {Map<number, number>} */
      const rowOf = new Map();
      for (const index of requests) {
        const key = `${leaves[index].keys[level]} ${leaves[index].text}`;
        const row = rows.get(key) ?? first.push(index) - 1;
        rows.set(key, row);
        rowOf.set(index, row);
      }
      levels.push({ requests: first, below: first.map((index) => below.get(index) ?? 0) });
      below = rowOf;
    }
    return { width: this.#padding.width(leaves[requests[0]].length), levels, rows: below };
  }
}

/** @typedef {(number | string | undefined)[]} Order */

/** @param {Order} one @param {Order} two */
function compared(one, two) {
  for (let index = 0; index < one.length; index++) {
    const [mine, other] = [one[index] ?? 0, two[index] ?? 0];
    if (mine !== other) return mine < other ? -1 : 1;
  }
  return 0;
}

/** @param {number[]} group @param {Leaf[]} leaves @param {number} width @param {number} size @returns {Open} */
function opened(group, leaves, width, size) {
  const { keys, labels } = leaves[group[0]];
  /** @type {Open} */
  const first = { requests: group.slice(0, 1), width, counts: keys.map(() => 1), labels, size };
  return group.slice(1).reduce((batch, index, at) => withNext(batch, index, leaves, group[at]), first);
}

/** @param {Open} batch @param {number} index @param {Leaf[]} leaves @param {number} before @returns {Open} */
function withNext(batch, index, leaves, before) {
  const leaf = leaves[index];
  return {
    ...batch,
    requests: [...batch.requests, index],
    counts: batch.counts.map((count, level) => count + Number(leaf.keys[level] !== leaves[before].keys[level])),
    labels: Math.max(batch.labels, leaf.labels),
  };
}

/** @param {Open} one @param {Open} two @returns {Open} */
function joined(one, two) {
  return {
    ...one,
    requests: [...one.requests, ...two.requests],
    counts: one.counts.map((count, level) => count + two.counts[level]),
    labels: Math.max(one.labels, two.labels),
  };
}
