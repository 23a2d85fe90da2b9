/** An engine in a worker: the same answers, errors of the same classes, and calls that are given up. */
import assert from "node:assert/strict";
import test from "node:test";
import { Worker } from "node:worker_threads";

import { BaseIntegrityError, BitfitError, InputError, PackFormatError, UnknownTaskError } from "../src/errors.js";
import { connect } from "../src/worker.js";
import { filesOf, loadTiny, packBytes } from "./support.js";

const text = "Where is the lamp?";
const start = () => new Worker(new URL("answering-worker.js", import.meta.url));

test("a worker's engine answers as one in the page does", async () => {
  const worker = start();
  const [remote, local] = [connect(worker), await loadTiny()];
  await remote.load(filesOf());
  for (const engine of [remote, local]) {
    await engine.install("class", packBytes("classification-int4"));
    await engine.install("vector", packBytes("embedding-int8"), { canary: true });
  }
  assert.deepEqual(await remote.tasks, local.tasks);
  assert.deepEqual(await remote.base, local.base);
  assert.equal(await remote.kernelFingerprint(), await local.kernelFingerprint());
  for (const options of [{ task: "class" }, { tasks: ["vector", "class"] }]) {
    assert.deepEqual(await remote.predict([text, ""], options), await local.predict([text, ""], options));
    assert.deepEqual(await remote.explain([text, ""], options), await local.explain([text, ""], options));
  }
  assert.deepEqual(await remote.embed(text), await local.embed(text));
  assert.deepEqual(await remote.logits(text, { task: "class" }), await local.logits(text, { task: "class" }));
  assert.deepEqual(await remote.hiddenStates(text), await local.hiddenStates(text));
  await remote.remove("class");
  assert.deepEqual(Object.keys(await remote.tasks), ["vector"]);
  await remote.dispose();
  await assert.rejects(remote.predict(text, { task: "vector" }), InputError);
  await worker.terminate();
});

test("errors keep their class and message, and what was installed goes on answering", async () => {
  const worker = start();
  const remote = connect(worker);
  await assert.rejects(remote.predict(text, { task: "class" }), /no base is loaded/);
  await remote.load(filesOf());
  await remote.install("class", packBytes("classification-int4"));
  const before = await remote.predict(text, { task: "class" });
  await assert.rejects(remote.install("class", packBytes("classification-int4").subarray(9)), PackFormatError);
  await assert.rejects(remote.predict(text, { task: "other" }), UnknownTaskError);
  await assert.rejects(remote.predict(text, { task: "class", tsk: "x" }), InputError);
  const files = filesOf();
  files["model.weights"][5000] ^= 1;
  await assert.rejects(remote.load(files), BaseIntegrityError);
  assert.deepEqual(await remote.predict(text, { task: "class" }), before);
  await worker.terminate();
});

test("a call is given up by its signal, and by the worker's end", async () => {
  const worker = start();
  const remote = await connect(worker).load(filesOf());
  await remote.install("class", packBytes("classification-int4"));
  const controller = new AbortController();
  const running = remote.predict(Array(5000).fill(text), { task: "class", signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(running, /enough/);
  await assert.rejects(remote.predict(text, { task: "class", signal: AbortSignal.abort() }), { name: "AbortError" });
  assert.equal((await remote.predict(text, { task: "class" })).type, "classification");
  const lost = remote.predict(Array(5000).fill(text), { task: "class" });
  worker.terminate();
  await assert.rejects(lost, BitfitError);
});
