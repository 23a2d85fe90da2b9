/** What it takes to answer by a pack, beside the graph: loaded when a pack that needs it is installed. */
import { part } from "./failures.js";
import { TASK_TYPES } from "./tasks/index.js";

/** @typedef {import("./windows.js").WindowedText} WindowedText the `.d.ts` of this module needs it */

/**
 * `windowsOf` and `join` are there where the pack has windows, `outlierScore` where its decisions ask for one.
 * @typedef {object} Abilities
 * @property {import("./tasks/base.js").Postprocess} postprocess
 * @property {typeof import("./long-texts.js").windowsOf} [windowsOf]
 * @property {typeof import("./window-joins.js").join} [join]
 * @property {typeof import("./outliers.js").outlierScore} [outlierScore]
 */

/**
 * Return what it takes to answer by a pack.
 * @param {import("./formats/pack.js").PackInfo} info
 * @returns {Promise<Abilities>}
 */
export async function abilitiesOf({ taskType, windows, decisions }) {
  const [{ postprocess }, longTexts, joins, outliers] = await part(
    Promise.all([
      TASK_TYPES[taskType].load(),
      windows && import("./long-texts.js"),
      windows && import("./window-joins.js"),
      decisions?.outliers && import("./outliers.js"),
    ]),
  );
  return { postprocess, windowsOf: longTexts?.windowsOf, join: joins?.join, outlierScore: outliers?.outlierScore };
}
