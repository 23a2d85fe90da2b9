/** The page answers as the Python engine does. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

import { DEMO, PYTHON, VECTORS, answered, ask, launch, models, open } from "./support.js";

const TASKS = ["sentiment", "intents", "spam", "duplicates"];
const REFERENCE = fileURLToPath(new URL("reference.py", import.meta.url));
const SAME = 0.99; // of the labels: bits differ, so a text on the border may fall to the other side
const LOGITS_AWAY = 0.03; // relative L2
const SURE = 1; // between the first and the second logit: a probability of 0.73 or more

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {{row: {text: string, task: string, textPair?: string}, label: string, logits: number[]}[]} */
let expected;
before(async () => {
  expected = JSON.parse(execFileSync(PYTHON, [REFERENCE, DEMO], { encoding: "utf8", maxBuffer: 1 << 26 }));
  browser = await launch();
});
after(() => browser?.close());

/**
 * Answer rows in a page by the package alone, in one call and row by row.
 * @param {import("playwright-core").Page} page
 * @param {{base: string, packs: Record<string, string>, rows: any[]}} asked
 * @returns {Promise<{answers: any[], logits: number[][], mixedIsAlone: number}>}
 */
function byPackage(page, asked) {
  return page.evaluate(async ({ base, packs, rows }) => {
    /** @param {string} path @returns {Promise<any>} */
    const load = (path) => import(new URL(path, location.href).href);
    const { Engine } = await load("bitfit-edge/src/index.js");
    const ort = await load("onnxruntime-web/dist/ort.wasm.bundle.min.mjs");
    const engine = await Engine.load(base, { ort });
    for (const [task, url] of Object.entries(packs)) await engine.install(task, url);
    const scored = rows.filter(({ task }) => engine.tasks[task].taskType !== "embedding");
    const together = await engine.logits(scored);
    let mixedIsAlone = 0;
    for (const [index, row] of scored.entries()) {
      const alone = await engine.logits(row);
      const same = alone[0].every(
        (/** @type {number} */ value, /** @type {number} */ at) => value === together[index][at],
      );
      mixedIsAlone += Number(same);
    }
    const answers = await engine.predict(rows);
    await engine.dispose();
    return { answers, logits: together.map((/** @type {Float32Array} */ one) => [...one]), mixedIsAlone };
  }, asked);
}

/** @param {number[]} found @param {number[]} expected relative L2 distance */
function distance(found, expected) {
  const norm = (/** @type {number[]} */ values) => Math.hypot(...values);
  assert.equal(found.length, expected.length);
  return norm(expected.map((value, index) => value - found[index])) / norm(expected);
}

test("labels and logits are those of the Python engine, in mixed batches too", async (context) => {
  const { page, complaints } = await open(context, browser);
  await answered(page);
  const packs = Object.fromEntries(TASKS.map((task) => [task, `models/${task}.safetensors`]));
  const rows = expected.map(({ row }) => row);
  const found = await byPackage(page, { base: "models/base/", packs, rows });
  const same = expected.filter(({ label }, at) => label === found.answers[at].label);
  const away = distance(
    found.logits.flat(),
    expected.flatMap(({ logits }) => logits),
  );
  context.diagnostic(`${same.length} of ${rows.length} labels, logits ${away.toFixed(4)} away`);
  assert.ok(same.length >= SAME * rows.length);
  assert.ok(away <= LOGITS_AWAY);
  assert.equal(found.mixedIsAlone, rows.length);
  assert.deepEqual(complaints, []);
});

/** @param {{logits: number[]}} row whether other bits cannot turn its answer */
function isSure({ logits }) {
  const [first, second] = [...logits].sort((one, other) => other - one);
  return first - second > SURE;
}

test("what one types is answered by every task", async (context) => {
  const { page } = await open(context, browser);
  await answered(page);
  for (const task of TASKS) {
    const sure = expected.filter((one) => one.row.task === task && isSure(one)).slice(0, 12);
    assert.equal(sure.length, 12);
    for (const { row, label } of sure) {
      if (row.textPair) await page.fill("#duplicates-input", row.textPair);
      assert.equal((await ask(page, row.text))[task], label, row.text);
    }
  }
});

test("packs of every task type give the numbers of the vectors", async (context) => {
  const { cases, bound } = JSON.parse(gunzipSync(readFileSync(join(VECTORS, "packs.json.gz"))).toString());
  const folder = models(context, { base: join(VECTORS, "base"), packs: join(VECTORS, "packs") });
  const { page } = await open(context, browser, { folder });
  for (const { name, rows } of cases) {
    const asked = rows.map((/** @type {any} */ row) => ({
      ...{ text: textOf(row.text), task: "task" },
      ...(row.pair !== null && { textPair: textOf(row.pair) }),
    }));
    const found = await byPackage(page, {
      base: "models/base/",
      packs: { task: `models/packs/${name}.safetensors` },
      rows: asked,
    });
    const values = rows.flatMap((/** @type {any} */ row) => row.values);
    const vectors = found.answers.flatMap(({ vector }) => (vector ? Object.values(vector) : []));
    assert.ok(distance([...found.logits.flat(), ...vectors], values) <= bound, name);
    assert.equal(found.mixedIsAlone, found.logits.length, name);
  }
});

/** @param {string | {repeat: [string, number][]}} text */
function textOf(text) {
  return typeof text === "string" ? text : text.repeat.map(([part, times]) => part.repeat(times)).join("");
}
