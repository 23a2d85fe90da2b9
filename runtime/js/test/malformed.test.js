/** What the shared vectors say must be refused is refused, by the same class as in Python. */
import assert from "node:assert/strict";
import test from "node:test";

import * as errors from "../src/errors.js";
import { Engine } from "../src/index.js";
import { filesOf, loadTiny, native, packBytes, vectors } from "./support.js";

const { cases } = vectors("malformed");
const of = (kind) => cases.filter((one) => one.of === kind);

/** Return the bytes of a case. */
function bytesOf({ data, zeros = 0, text }) {
  if (data === undefined) return new TextEncoder().encode(text);
  const bytes = Buffer.from(data, "base64");
  return new Uint8Array(Buffer.concat([bytes, Buffer.alloc(zeros)]));
}

test("malformed packs are refused, and what was installed before goes on answering", async () => {
  const engine = await loadTiny();
  await engine.install("task", packBytes("classification-int4"));
  const before = await engine.predict("Where is the lamp?", { task: "task" });
  for (const one of of("pack")) {
    const message = `${one.name}: ${one.why}`;
    await assert.rejects(engine.install("task", bytesOf(one)), errors[one.error], message);
  }
  for (const one of of("canary")) {
    await assert.rejects(engine.install("task", bytesOf(one), { canary: true }), errors[one.error], one.name);
  }
  assert.deepEqual(await engine.predict("Where is the lamp?", { task: "task" }), before);
});

test("malformed manifests are refused", async () => {
  for (const one of of("manifest")) {
    const files = { ...filesOf(), "bitfit.json": bytesOf(one) };
    await assert.rejects(Engine.load(files, { ort: native }), errors[one.error], `${one.name}: ${one.why}`);
  }
});
