/** What a call shares: how many rows of each level of the graph are computed for how many requests. */

/**
 * A level of the graph: its first encoder layer, how many layers it has, and the rows that are computed there.
 * @typedef {{fromLayer: number, layers: number, rows: number}} LevelSharing
 *
 * `rows` is how many the call has, a text for a task each, `texts` how many different texts they are, `batches` in how
 * many runs of the graph they are answered. `saved` is the share of the layers' work that is not done, 0 to 1.
 * @typedef {{rows: number, texts: number, batches: number, levels: LevelSharing[], saved: number}} Sharing
 */

/**
 * Describe a call by its rows and the batches in which they run, a row in several windows perhaps.
 * @param {import("./inputs.js").Row[]} rows
 * @param {import("./planning.js").Batch[]} batches
 * @param {import("./levels.js").Levels} levels
 * @returns {Sharing}
 */
export function sharingOf(rows, batches, { starts, layers }) {
  const sum = (/** @type {number[]} */ values) => values.reduce((total, value) => total + value, 0);
  const texts = new Set(rows.map(({ text, textPair }) => JSON.stringify([text, textPair])));
  const parts = starts.map((fromLayer, level) => {
    const count = sum(batches.map((batch) => batch.levels[level].requests.length));
    return { fromLayer, layers: layers[level], rows: count };
  });
  const whole = sum(batches.map((batch) => batch.rows.size)) * sum(layers);
  const saved = whole ? 1 - sum(parts.map((part) => part.rows * part.layers)) / whole : 0;
  return { rows: rows.length, texts: texts.size, batches: batches.length, levels: parts, saved };
}
