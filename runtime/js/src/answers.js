/** From the rows of a call to what the graph gave for them, and to their answers. */
import { pieces } from "./batching.js";
import { PackFormatError } from "./errors.js";
import { transitionsOf } from "./formats/pack.js";
import { POOLED } from "./graph.js";
import { planned, run } from "./runner.js";
import { TASK_TYPES } from "./tasks/index.js";
import { codePoints } from "./text.js";
import { Limit } from "./windows.js";

/** @typedef {import("./formats/pack.js").Pack} Pack */
/** @typedef {import("./inputs.js").Row} Row */
/** @typedef {import("./runner.js").Found} Found */
/** @typedef {import("./runner.js").Request} Request */
/** @typedef {import("./windows.js").WindowedText} WindowedText */

/**
 * What a call runs on.
 * @typedef {object} Context
 * @property {import("./runner.js").Machine} machine
 * @property {import("./planning.js").Planner} planner
 * @property {import("./pack-cache.js").PackCache} cache
 * @property {import("./tokenizer.js").Tokenizer} tokenizer
 *
 * A row of a call, its pack (undefined: the bare base), and which output of the graph is wanted of it, `besides` with the
 * pooled vector.
 * @typedef {{row: Row, pack: Pack | undefined, output: string, besides: boolean}} Wanted
 */

/**
 * Return what is wanted of a row to answer it by its pack.
 * @param {Row} row
 * @param {Pack} pack
 * @returns {Wanted}
 */
export function wantedOf(row, pack) {
  const { taskType, decisions } = pack.info;
  return { row, pack, output: TASK_TYPES[taskType].output, besides: decisions?.outliers?.space === POOLED };
}

/**
 * Tokenize and run rows in pieces, so that a long list takes no more memory than its results do. Returns for each row its
 * text, and what was found for it, windows joined.
 * @template T
 * @param {Context} context
 * @param {Wanted[]} wanted
 * @param {(one: Wanted, text: WindowedText, found: Found) => T} result
 * @param {AbortSignal} [signal]
 * @returns {Promise<T[]>}
 */
export async function outputsOf(context, wanted, result, signal) {
  const { machine, planner, cache } = context;
  /** @type {T[]} */
  const results = [];
  for await (const { asked, texts } of tokenized(context, wanted)) {
    const found = await run(machine, planner, cache, requestsOf(asked, texts), signal);
    let place = 0;
    asked.forEach((one, index) => {
      const text = texts[index];
      const parts = found.slice(place, (place += text.slices.length));
      results.push(result(one, text, joined(one, text, parts)));
    });
  }
  return results;
}

/**
 * Return the batches in which rows would run.
 * @param {Context} context
 * @param {Wanted[]} wanted
 */
export async function plansOf(context, wanted) {
  const batches = [];
  for await (const { asked, texts } of tokenized(context, wanted)) {
    batches.push(...planned(context.machine, context.planner, requestsOf(asked, texts)));
  }
  return batches;
}

/**
 * Return the answer of a row. Throws PackFormatError where its numbers are not finite: no comparison of such means anything.
 * @param {import("./pack-cache.js").PackCache} cache
 * @param {Wanted} wanted
 * @param {WindowedText} text
 * @param {Found} found
 */
export function answerOf(cache, { row, pack }, { text: tokens }, { values, pooled }) {
  const { info, abilities } = /** @type {Pack} */ (pack);
  const { decisions } = info;
  if (!values.every(Number.isFinite)) {
    throw new PackFormatError(
      `pack '${info.task}' gives a number that is not finite, for its values are too large for the base; install an ` +
        "earlier pack or train it again",
    );
  }
  const centres = decisions?.outliers && cache.get(/** @type {Pack} */ (pack)).centres;
  return abilities.postprocess({
    task: /** @type {string} */ (row.task),
    info,
    texts: [codePoints(row.text), row.textPair === undefined ? undefined : codePoints(row.textPair)],
    values,
    tokens,
    transitions: transitionsOf(/** @type {Pack} */ (pack)),
    outlier: decisions && centres && abilities.outlierScore?.(decisions, centres, values, pooled),
  });
}

/**
 * Tokenize rows, a piece at a time, and what several tasks read of one text once.
 * @param {Context} context
 * @param {Wanted[]} wanted
 */
async function* tokenized({ machine, tokenizer }, wanted) {
  const whole = new Limit(machine.manifest.maxLength);
  const limits = wanted.map(({ pack }) => (pack ? Limit.of(pack.info) : whole));
  const sizes = wanted.map(({ row }, index) => {
    const characters = row.text.length + (row.textPair?.length ?? 0);
    return { characters, windows: limits[index].mostWindows(characters) };
  });
  for (const [start, end] of pieces(sizes)) {
    const asked = wanted.slice(start, end);
    /** @type {Map<string, WindowedText>} */
    const known = new Map();
    const texts = [];
    for (const [index, { row }] of asked.entries()) {
      const limit = limits[start + index];
      const key = JSON.stringify([limit.key, row.text, row.textPair]);
      const text = known.get(key) ?? (await tokenizer.tokenize(row.text, row.textPair, limit));
      known.set(key, text);
      texts.push(text);
    }
    yield { asked, texts };
  }
}

/** @param {Wanted[]} asked @param {WindowedText[]} texts @returns {Request[]} a request for each window */
function requestsOf(asked, texts) {
  return asked.flatMap(({ pack, output, besides }, index) => {
    const text = texts[index];
    const windows = (text.slices.length > 1 && pack?.abilities.windowsOf?.(text)) || [text.text];
    return windows.map((tokens) => ({ pack, output, tokens, pooled: besides }));
  });
}

/** @param {Wanted} wanted @param {WindowedText} text @param {Found[]} parts @returns {Found} */
function joined({ pack, output }, text, parts) {
  const join = pack?.abilities.join;
  if (!join || parts.length === 1) return parts[0];
  const pooled = parts.flatMap((part) => part.pooled ?? []);
  return {
    values: join(
      text,
      parts.map((part) => part.values),
      output,
      pack.info,
    ),
    pooled: pooled.length ? join(text, pooled, POOLED, pack.info) : undefined,
  };
}
