/** Packs decode to the bits of the shared vectors, and answer as Python's engine does: to the bit on equal kernels. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import test from "node:test";

import { parseManifest } from "../src/formats/manifest.js";
import { decodePack, transitionsOf } from "../src/formats/pack.js";
import { parsePack } from "../src/formats/pack-file.js";
import { parseSafetensors } from "../src/formats/safetensors.js";
import { Engine } from "../src/index.js";
import * as support from "./support.js";

const { VECTORS, assertAnswer, assertNear, filesOf, loadTiny, native, packBytes, textOf, vectors, wasm } = support;
const { cases, kernels, bound, digest } = vectors("packs");
const KINDS = [
  ["native", native],
  ["wasm", wasm],
];
const sha256 = (data) => createHash("sha256").update(data).digest("hex");
const rowOf = ({ text, pair }, task) => ({
  text: textOf(text),
  task,
  ...(pair !== null && { textPair: textOf(pair) }),
});
const flat = (lists) => lists.flatMap((list) => [...list]);

test("packs decode to the same bits", async () => {
  const files = filesOf();
  const manifest = parseManifest(files["bitfit.json"], "bitfit.json");
  const { tensors } = parseSafetensors(files["biases.safetensors"], "biases", 1 << 20, Error);
  const defaults = new Map([...tensors].map(([name, { data }]) => [name, data]));
  for (const { name, tensors: expected } of cases) {
    const pack = await parsePack(packBytes(name));
    const { biases, weight, bias, centres } = decodePack(pack, manifest, defaults);
    const found = {};
    if (biases.size) found.biases = sha256(Float32Array.from(flat([...biases.values()])));
    if (weight) Object.assign(found, { "head.weight": sha256(weight), "head.bias": sha256(bias) });
    const transitions = transitionsOf(pack);
    if (transitions) found.transitions = sha256(transitions);
    const { "outlier.centres": near, ...exact } = expected;
    assert.deepEqual(found, exact, name);
    if (near) assertNear([...centres], near.flat(), 1e-6, name);
  }
});

test("numbers that are not finite are no answer", async () => {
  const engine = await loadTiny();
  await engine.install("task", new Uint8Array(readFileSync(new URL("overflowing.safetensors", VECTORS))));
  const [logits] = await engine.logits(["Where is the lamp?"], { task: "task" });
  assert.ok(!logits.every(Number.isFinite));
  const expected = {
    name: "PackFormatError",
    message: /^pack 'overflowing' gives a number that is not finite, .* train it/,
  };
  await assert.rejects(engine.predict("Where is the lamp?", { task: "task" }), expected);
});

for (const [kind, ort] of KINDS) {
  test(`packs answer as the vectors say, ${kind}`, async () => {
    const engine = await loadTiny({ ort });
    const equal = (await engine.kernelFingerprint()) === kernels;
    for (const { name, rows } of cases) {
      const info = await engine.install("task", packBytes(name), { canary: true });
      const wanted = rows.map((row) => rowOf(row, "task"));
      const values = info.taskType === "embedding" ? await engine.embed(wanted) : await engine.logits(wanted);
      const expected = rows.map((row) => Float32Array.from(row.values.flat()));
      const answers = await engine.predict(wanted);
      if (!equal) {
        assert.ok(support.relativeDistance(flat(values), flat(expected)) <= bound, `${kind} ${name}`);
        continue;
      }
      assert.deepEqual(values, expected, name);
      rows.forEach((row, index) => {
        const { text, textPair } = wanted[index];
        const searched = info.taskType === "span" ? (textPair ?? text) : text;
        assertAnswer(answers[index], row.answer, searched, 1e-9, `${name} row ${index}`);
      });
    }
    await engine.dispose();
  });

  test(`rows of a mixed list have the bits they have alone, ${kind}`, async () => {
    const engine = await loadTiny({ ort, batchSize: 16 });
    const rows = [];
    for (const { name, rows: own } of cases) {
      const { taskType } = await engine.install(name, packBytes(name));
      if (taskType !== "embedding") rows.push(...own.slice(0, 4).map((row) => rowOf(row, name)));
    }
    const together = await engine.logits(rows);
    for (const [index, row] of rows.entries())
      assert.deepEqual(together[index], (await engine.logits(row))[0], row.task);
    await engine.dispose();
  });
}

test("what is in a folder and what is in memory is one base", async () => {
  const engine = await Engine.load(new URL("base", VECTORS).pathname, { ort: native });
  assert.equal(engine.base.digest, digest);
  const pack = new URL("packs/classification-int4.safetensors", VECTORS).pathname;
  await engine.install("task", pack, { sha256: sha256(readFileSync(pack)) });
  assert.equal((await engine.predict("Where is the lamp?", { task: "task" })).type, "classification");
  await engine.dispose();
});
