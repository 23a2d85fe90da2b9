/** The field `decisions` of a pack, read with every bound checked. */
import { LOGITS, POOLED } from "../graph.js";

/** @typedef {import("./json-fields.js").Fields} Fields */
/** @typedef {[least: number, most: number]} Bounds */

/** @type {Bounds} */
const TEMPERATURES = [1e-3, 1e3];
/** @type {Bounds} */
const SHARES = [0, 1];
/** @type {Bounds} */
const WEIGHTS = [0, 1e6];

/**
 * Read the decisions of a pack with so many labels.
 * @param {Fields} fields
 * @param {import("../tasks/base.js").TaskType} taskType
 * @param {number} labels
 * @param {import("./json-fields.js").Fail} fail
 * @returns {import("../decisions.js").Decisions}
 */
export function parseDecisions(fields, taskType, labels, fail) {
  const within = (/** @type {Fields} */ own, /** @type {string} */ name, /** @type {Bounds} */ [least, most]) => {
    const value = own.number(name);
    if (!(least <= value && value <= most)) throw fail(`${name} should be ${least} to ${most}, found ${value}`);
    return value;
  };
  const { decides } = taskType;
  if (!decides.length) throw fail(`type ${taskType.name} has no decisions`);
  const strange = ["temperature", "thresholds", "acceptance", "outliers"].find(
    (name) => fields.has(name) && !decides.includes(name),
  );
  if (strange) throw fail(`type ${taskType.name} has no ${strange}`);
  if (!(fields.integer("rows") >= 1)) throw fail("decisions are fitted on at least 1 row");
  /** @type {import("../decisions.js").Decisions} */
  const found = { temperature: within(fields, "temperature", TEMPERATURES) };
  if (fields.has("thresholds")) {
    found.thresholds = fields.numbers("thresholds");
    if (found.thresholds.length !== labels || !found.thresholds.every((one) => one >= 0 && one <= 1)) {
      throw fail(`thresholds should be ${labels} numbers from 0 to 1`);
    }
  }
  if (fields.has("acceptance")) {
    const own = fields.nested("acceptance");
    for (const name of ["max_error", "coverage"]) within(own, name, SHARES);
    found.acceptance = { threshold: within(own, "threshold", SHARES) };
  }
  if (fields.has("outliers")) {
    const own = fields.nested("outliers");
    within(own, "false_alarms", SHARES);
    found.outliers = {
      threshold: own.number("threshold"),
      space: own.choice("space", [LOGITS, POOLED]),
      weight: within(own, "weight", WEIGHTS),
    };
  }
  return found;
}
