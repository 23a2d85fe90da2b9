/** The engine: what it takes and refuses, texts of any length, and calls that run while packs change. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";

import * as errors from "../src/errors.js";
import { loadTiny, packBytes, serving, wasm } from "./support.js";

const text = "Where is the lamp?";
const engine = await loadTiny();
await engine.install("class", packBytes("classification-int4"));
await engine.install("other", packBytes("classification-from-2"));
await engine.install("tags", packBytes("token-classification-learned"));
await engine.install("vector", packBytes("embedding-int8"));

test("one input has one answer, a list has a list, tasks have an answer each", async () => {
  const one = await engine.predict(text, { task: "class" });
  assert.equal(one.type, "classification");
  assert.equal(one.task, "class");
  assert.ok(one.labels.includes(one.label) && one.probability === Math.max(...one.probabilities));
  assert.deepEqual(await engine.predict([text, { text, task: "class" }], { task: "class" }), [one, one]);
  const both = await engine.predict(text, { tasks: ["vector", "class"] });
  assert.deepEqual(Object.keys(both), ["vector", "class"]);
  assert.deepEqual(both.class, one);
  assert.equal(both.vector.vector.length, engine.base.hiddenSize);
  assert.deepEqual(await engine.predict([], { task: "class" }), []);
  assert.deepEqual(await engine.embed([]), []);
});

test("what is no input is refused in one line", async () => {
  const refused = [
    [undefined, { task: "class" }],
    [7, { task: "class" }],
    [[text, null], { task: "class" }],
    [[[text, text]], { task: "class" }],
    [{ text, task: "class", pair: text }],
    [{ text: 7, task: "class" }],
    ["\ud800", { task: "class" }],
    [text],
    [text, {}],
    [text, { task: "class", tasks: ["class"] }],
    [text, { tasks: [] }],
    [text, { tasks: "class" }],
    [text, { tasks: ["class", "class"] }],
    [{ text, task: "class" }, { tasks: ["class"] }],
    [text, "class"],
    [text, { top: 3 }],
  ];
  for (const [inputs, options] of refused) {
    const error = await engine.predict(inputs, options).catch((one) => one);
    assert.ok(
      error instanceof errors.InputError && !error.message.includes("\n"),
      `${JSON.stringify(inputs)}: ${error}`,
    );
  }
  for (const task of ["none", "__proto__", "toString", ""]) {
    await assert.rejects(engine.predict(text, { task }), errors.UnknownTaskError);
  }
  await assert.rejects(engine.logits(text, { task: "vector" }), errors.InputError);
  for (const name of ["", 7, "x".repeat(257)]) {
    await assert.rejects(engine.install(name, packBytes("embedding-int8")), errors.InputError);
  }
  await assert.rejects(engine.install("class", 7), errors.InputError);
  await assert.rejects(engine.install("class", "/no/such/pack"), errors.PackNotFoundError);
  assert.throws(() => engine.remove("none"), errors.UnknownTaskError);
});

test("a message cannot forge lines or fill a screen", () => {
  const error = new errors.PackError(`a\nb\u001b[31m ${"x".repeat(5000)} end`);
  assert.ok(!/[\n\u001b]/.test(error.message) && error.message.length <= 1000 && error.message.endsWith(" end"));
});

test("an empty and an over-long text are answered", async () => {
  assert.equal((await engine.predict("", { task: "class" })).truncated, false);
  const long = await engine.predict("lamp ".repeat(200_000), { task: "class" });
  assert.equal(long.truncated, true);
  assert.deepEqual((await engine.predict("", { task: "tags" })).entities, []);
});

test("positions are UTF-16 units", async () => {
  const emoji = "😀 Anna lives in Lisbon 😀 with Ben";
  const { entities } = await engine.predict(emoji, { task: "tags" });
  for (const { text: own, start, end } of entities) assert.equal(emoji.slice(start, end), own);
});

test("a call answers by the packs that were there when it began", async () => {
  const rows = Array(300).fill({ text, task: "class" });
  const before = await engine.predict(text, { task: "class" });
  const running = engine.predict(rows);
  const again = engine.predict(text, { task: "other" });
  await engine.install("class", packBytes("classification-int2"));
  for (const answer of await running) assert.deepEqual(answer, before);
  assert.equal((await again).task, "other");
  assert.notDeepEqual(await engine.predict(text, { task: "class" }), before);
  await engine.install("class", packBytes("classification-int4"));
  assert.deepEqual(await engine.predict(text, { task: "class" }), before);
});

test("rows of a text share the layers below the first that a pack changes", async () => {
  await engine.install("twin", packBytes("classification-from-2"));
  const found = await engine.explain(text, { tasks: ["other", "twin", "class"] });
  assert.equal(found.rows, 3);
  assert.equal(found.texts, 1);
  assert.equal(found.batches, 1);
  assert.equal(found.levels[0].rows, 2, "the base's biases and those of one pack");
  assert.equal(found.levels.at(-1).rows, 2, "equal packs are one row");
  const twice = await engine.explain(Array(1500).fill(text), { task: "other" });
  assert.deepEqual([twice.rows, twice.texts], [1500, 1], "a text is one, in however many pieces the call is answered");
  const answers = await engine.predict(text, { tasks: ["other", "twin"] });
  assert.deepEqual(answers.other.probabilities, answers.twin.probabilities);
});

test("a pack comes from a server, with the digest that is meant", async () => {
  const pack = packBytes("multi-label-int3");
  const server = await serving({ "multi.safetensors": pack, "large.safetensors": new Uint8Array((64 << 20) + 1) });
  const url = (name) => server.url.replace("base", name);
  const sha256 = createHash("sha256").update(pack).digest("hex");
  const info = await engine.install("multi", url("multi.safetensors"), { sha256 });
  assert.equal(info.taskType, "multi-label");
  const wrong = engine.install("multi", url("multi.safetensors"), { sha256: "0".repeat(64) });
  await assert.rejects(wrong, errors.PackFormatError);
  await assert.rejects(engine.install("multi", url("none.safetensors")), errors.PackNotFoundError);
  await assert.rejects(engine.install("multi", url("large.safetensors")), errors.PackFormatError);
  await assert.rejects(engine.install("multi", pack, { sha256: "abc" }), errors.InputError);
  await server.close();
  await assert.rejects(engine.install("multi", url("multi.safetensors")), errors.UnreachableError);
  assert.equal((await engine.predict(text, { task: "multi" })).type, "multi-label");
});

test("a cache of no bytes changes no answer", async () => {
  const small = await loadTiny({ packCacheBytes: 0, batchSize: 1, maxBatchTokens: 16, ort: wasm });
  const large = await loadTiny({ ort: wasm });
  for (const one of [small, large]) {
    await one.install("class", packBytes("classification-int4"));
    await one.install("tags", packBytes("token-classification-mean"));
  }
  const rows = ["", text, "Anna and Ben", `${text} ${text}`].flatMap((own) => [
    { text: own, task: "class" },
    { text: own, task: "tags" },
  ]);
  assert.deepEqual(await small.predict(rows), await large.predict(rows));
});

test("after dispose nothing is answered", async () => {
  const own = await loadTiny();
  await own.install("class", packBytes("classification-int4"));
  const running = own.predict(text, { task: "class" });
  const ended = assert.rejects(running, errors.InputError); // it had not begun to run
  await Promise.all([own.dispose(), own.dispose(), ended]);
  await assert.rejects(own.predict(text, { task: "class" }), errors.InputError);
  await assert.rejects(own.install("class", packBytes("classification-int4")), errors.InputError);
});
