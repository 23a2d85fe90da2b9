/** Fields that few packs have: how tags are decided together, what speaks for a word, and decisions. */
import { BEGIN, INSIDE, OUTSIDE } from "../transitions.js";
import { parseDecisions } from "./pack-decisions.js";
import { LIMITS, TRANSITIONS } from "./schema.js";

/**
 * Return what a pack says in these fields, with every bound checked.
 * @param {import("./json-fields.js").Fields} fields
 * @param {import("../tasks/base.js").TaskType} taskType
 * @param {string[]} labels
 * @param {import("./json-fields.js").Fail} fail
 */
export function parseExtras(fields, taskType, labels, fail) {
  /** @type {Pick<import("./pack.js").PackInfo, "words" | "transitions" | "decisions">} */
  const found = {};
  const { name, hasTags } = taskType;
  if (fields.has("words")) {
    if (!hasTags) throw fail(`a ${name} task has no words`);
    found.words = /** @type {"mean"} */ (fields.choice("words", ["mean"]));
  }
  if (fields.has(TRANSITIONS)) {
    if (!hasTags) throw fail(`a ${name} task has no ${TRANSITIONS}`);
    if (labels.length > LIMITS.tags) throw fail(`${TRANSITIONS} take at most ${LIMITS.tags} labels`);
    const odd = withoutBegin(labels);
    if (odd !== undefined) {
      throw fail(`${TRANSITIONS} need the labels O, B-NAME, and I-NAME beside its B-NAME, found '${odd}'`);
    }
    found.transitions = /** @type {"legal"} */ (fields.choice(TRANSITIONS, ["legal", "learned"]));
  }
  if (fields.has("decisions")) {
    found.decisions = parseDecisions(fields.nested("decisions"), taskType, labels.length, fail);
  }
  return found;
}

/**
 * Return a label that no legal path reaches or that is none of O, B-NAME and I-NAME; undefined where all are well.
 * @param {string[]} labels
 */
function withoutBegin(labels) {
  return labels.find((label) => {
    const reached = label === OUTSIDE || label.startsWith(BEGIN);
    return !reached && !(label.startsWith(INSIDE) && labels.includes(BEGIN + label.slice(INSIDE.length)));
  });
}
