/** What callers pass to the engine, brought to one form: rows. */
import { InputError } from "./errors.js";
import { shown } from "./failures.js";

/**
 * One text, the task that answers it, and a second text where the task takes pairs.
 * @typedef {{text: string, task?: string, textPair?: string}} Row
 * @typedef {string | Row} Input
 * @typedef {{task?: string, tasks?: string[]}} Asked by which task, or by which tasks, inputs are answered
 */
const FIELDS = ["text", "task", "textPair"];

/**
 * Return inputs as rows. A string, and a row without a task, take `task`. Throws InputError, naming the index.
 * @param {Input | Input[]} inputs
 * @param {string} [task]
 * @returns {Row[]}
 */
export function asRows(inputs, task) {
  const listed = Array.isArray(inputs) ? inputs : [inputs];
  return listed.map((item, index) => asRow(item, task, index));
}

/**
 * Return for each input a row per task, in the order of `tasks`. Throws InputError.
 * @param {Input | Input[]} inputs
 * @param {string[]} tasks
 * @returns {Row[][]}
 */
export function asRowsPerTask(inputs, tasks) {
  if (!Array.isArray(tasks) || !tasks.length)
    throw new InputError(`tasks should be a list of names, found ${shown(tasks)}`);
  const twice = tasks.find((task, index) => tasks.indexOf(task) !== index);
  if (twice !== undefined) throw new InputError(`task '${twice}' is named twice in tasks; name each task once`);
  return asRows(inputs).map((row, index) => {
    if (row.task !== undefined) {
      throw new InputError(
        `input ${index}: the row has task '${row.task}', but tasks was given; leave one of them out`,
      );
    }
    return tasks.map((task) => asRow(row, task, index));
  });
}

/** @param {unknown} item @param {string | undefined} task @param {number} index @returns {Row} */
function asRow(item, task, index) {
  const fail = (/** @type {string} */ message) => new InputError(`input ${index}: ${message}`);
  const row = typeof item === "string" ? { text: item } : item;
  if (row === null || typeof row !== "object" || Array.isArray(row)) {
    throw fail(`expected a string or {text, task, textPair}, found ${shown(item)}`);
  }
  const strange = Object.keys(row).find((name) => !FIELDS.includes(name));
  if (strange) throw fail(`a row has ${FIELDS.join(", ")}, found ${strange}`);
  const found = /** @type {Row} */ ({ ...row, task: /** @type {Row} */ (row).task ?? task });
  for (const name of /** @type {const} */ (["text", "task", "textPair"])) {
    const value = found[name];
    if (typeof value === "string" || (value === undefined && name !== "text")) continue;
    throw fail(`${name} should be a string, found ${shown(value)}`);
  }
  return found;
}
