/** Windows of long texts, their joins, and answers from given logits are those of the shared vectors. */
import assert from "node:assert/strict";
import test from "node:test";

import { speakersOf, windowsOf } from "../src/long-texts.js";
import { outlierScore } from "../src/outliers.js";
import { TASK_TYPES } from "../src/tasks/index.js";
import { codePoints } from "../src/text.js";
import { join } from "../src/window-joins.js";
import { Limit } from "../src/windows.js";
import { assertAnswer, assertNear, textOf, tokenizers, vectors } from "./support.js";

const known = await tokenizers();
const pairOf = ({ pair }) => (pair === null ? undefined : textOf(pair));

function limitOf({ max_length: maxLength, windows, task_type: taskType }) {
  const own = windows ? { overlap: windows.overlap, maxWindows: windows.max_windows, join: windows.join } : undefined;
  return Limit.of({ maxLength, windows: own, taskType });
}

test("texts are cut into the windows of the vectors", async () => {
  for (const one of vectors("windows").cases) {
    const found = await known[one.tokenizer].tokenize(textOf(one.text), pairOf(one), limitOf(one));
    const windows = windowsOf(found);
    assert.equal(found.side, one.side);
    assert.deepEqual(
      found.slices.map(({ start, stop }) => [start, stop]),
      one.slices,
    );
    assert.deepEqual(
      windows.map(({ ids }) => [...ids]),
      one.ids,
    );
    assert.deepEqual(
      windows.map(({ typeIds }) => [...typeIds]),
      one.type_ids,
    );
    assert.deepEqual([...speakersOf(found)], one.speakers);
    assert.equal(found.text.cut.some(Boolean), one.truncated);
  }
});

test("outputs of windows are joined as the vectors say", async () => {
  for (const one of vectors("joins").cases) {
    const windowed = one.text && (await known[one.tokenizer].tokenize(textOf(one.text), pairOf(one), limitOf(one)));
    const parts = one.parts.map((part) => Float32Array.from(part.flat()));
    const found = join(windowed, parts, one.output, { taskType: one.task_type, windows: one.windows });
    assertNear([...found], one.joined.flat(), one.tolerance, JSON.stringify(one.windows));
  }
});

test("given logits have the answers of the vectors", async () => {
  for (const one of vectors("answers").cases) {
    const { task_type: taskType, labels, max_length: maxLength, decisions, transitions, words } = one.pack;
    const [text, pair] = [textOf(one.text), pairOf(one)];
    const { text: tokens } = await known[one.tokenizer].tokenize(text, pair, new Limit(maxLength));
    const values = Float32Array.from(one.values.flat(3));
    const centres = one.centres && Float32Array.from(one.centres.flat());
    const pooled = one.pooled && Float32Array.from(one.pooled);
    const scores = one.scores && Float32Array.from(one.scores.flat());
    const { postprocess } = await TASK_TYPES[taskType].load();
    const found = postprocess({
      task: "task",
      info: { labels, decisions, words, transitions, tokenizer: one.pack.first_version ? undefined : "sha256:" },
      texts: [codePoints(text), pair === undefined ? undefined : codePoints(pair)],
      values,
      tokens,
      transitions: transitions ? (scores ?? new Float32Array((labels.length + 1) * labels.length)) : undefined,
      outlier: centres && outlierScore(decisions, centres, values, pooled),
    });
    const message = `${taskType} ${JSON.stringify(text.slice(0, 60))}`;
    const searched = taskType === "span" ? (pair ?? text) : text;
    assertAnswer(found, one.answer, searched, one.tolerance, message);
  }
});
