/** Loading: from memory, a folder and a server; what is altered, torn or not supported is refused by its class. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import test from "node:test";

import { Response, caches } from "undici";

import * as errors from "../src/errors.js";
import { Engine } from "../src/index.js";
import { readGraph } from "../src/formats/onnx-files.js";
import { BASE, filesOf, loadTiny, native, packBytes, serving, tokenizerFile, wasm } from "./support.js";

const TEXT = "Where is the lamp?";

/** Run a script in a process of its own, and return what it prints. */
function inProcess(script) {
  const imports = `
    import { Engine } from "${new URL("../src/index.js", import.meta.url)}";
    import { filesOf, packBytes } from "${new URL("files.js", import.meta.url)}";
  `;
  const cwd = new URL("..", import.meta.url).pathname;
  return execFileSync(process.execPath, ["--input-type=module", "--eval", imports + script], { cwd, encoding: "utf8" });
}

test("a base that was altered in one byte of any file is refused", async () => {
  for (const name of Object.keys(filesOf()).filter((own) => own !== "bitfit.json")) {
    const files = filesOf();
    files[name][files[name].length >> 1] ^= 1;
    await assert.rejects(Engine.load(files, { ort: native }), errors.BaseIntegrityError, name);
  }
});

test("a base that lacks a file, or is no base, is refused", async () => {
  for (const name of Object.keys(filesOf())) {
    const { [name]: _, ...files } = filesOf();
    await assert.rejects(Engine.load(files, { ort: native }), errors.BaseNotFoundError, name);
  }
  await assert.rejects(Engine.load("/no/such/folder", { ort: native }), errors.BaseNotFoundError);
  await assert.rejects(Engine.load(7, { ort: native }), errors.InputError);
  await assert.rejects(Engine.load({ "bitfit.json": "text" }, { ort: native }), errors.InputError);
  await assert.rejects(Engine.load(filesOf(), {}), errors.InputError);
  await assert.rejects(Engine.load(filesOf(), { ort: native, threads: 1 }), errors.InputError);
  await assert.rejects(Engine.load(filesOf(), { ort: native, batchSize: 0 }), errors.InputError);
});

test("a folder's weights are hashed where they lie", async () => {
  const folder = mkdtempSync(`${tmpdir()}/bitfit-`);
  cpSync(BASE, folder, { recursive: true });
  const weights = filesOf()["model.weights"];
  weights[weights.length - 1] ^= 1;
  writeFileSync(`${folder}/model.weights`, weights);
  await assert.rejects(Engine.load(folder, { ort: native }), errors.BaseIntegrityError);
  await assert.rejects(Engine.load(folder, { ort: wasm }), errors.BaseIntegrityError);
  rmSync(folder, { recursive: true });
});

test("the digest of the base that is meant can be given", async () => {
  const { digest } = (await loadTiny()).base;
  await (await loadTiny({ digest })).dispose();
  await assert.rejects(loadTiny({ digest: `sha256:${"0".repeat(64)}` }), errors.BaseIntegrityError);
  await assert.rejects(loadTiny({ digest: "0" }), errors.InputError);
});

test("a base is loaded from a server, with progress, and kept by its digests", async () => {
  const files = filesOf();
  const server = await serving(files);
  Object.assign(globalThis, { caches, Response });
  const progress = [];
  const options = { ort: native, onProgress: (one) => progress.push(one), cache: "test" };
  const engine = await Engine.load(server.url, options);
  await engine.install("class", packBytes("classification-int4"));
  assert.equal((await engine.predict(TEXT, { task: "class" })).type, "classification");
  const bytes = Object.entries(files).reduce(
    (sum, [name, { length }]) => sum + (name === "bitfit.json" ? 0 : length),
    0,
  );
  const last = progress.at(-1);
  assert.ok(last.loaded === last.total && last.loaded >= bytes, JSON.stringify(last));
  assert.equal(server.asked.length, 6);

  await (await Engine.load(server.url, options)).dispose();
  assert.deepEqual(server.asked.slice(6), ["bitfit.json"], "all but the manifest is there");
  await server.close();
  await (await Engine.load(server.url, options)).dispose();
  await assert.rejects(Engine.load(server.url, { ort: native, cache: false }), errors.UnreachableError);
  delete globalThis.caches;
  await assert.rejects(Engine.load(server.url, { ort: native }), errors.UnreachableError);
});

test("torn and wrong answers of a server are refused", async () => {
  const files = filesOf();
  const answers = {
    torn: (name, response) => {
      if (name !== "model.weights") return false;
      response.setHeader("content-length", files[name].length);
      response.write(files[name].subarray(0, 9000), () => response.destroy());
      return true;
    },
    short: (name, response) => name === "model.weights" && Boolean(response.end(files[name].subarray(0, 9000))),
    failing: (name, response) => name === "model.onnx" && Boolean(response.writeHead(500).end()),
    missing: (name, response) => name === "bitfit.json" && Boolean(response.writeHead(404).end("<html>")),
    page: (_name, response) => Boolean(response.end("<html>a page for whatever is asked")),
  };
  const kinds = {
    torn: errors.UnreachableError,
    short: errors.BaseIntegrityError,
    failing: errors.UnreachableError,
    missing: errors.BaseNotFoundError,
    page: errors.BaseFormatError,
  };
  for (const [name, answer] of Object.entries(answers)) {
    const server = await serving(files, answer);
    await assert.rejects(Engine.load(server.url, { ort: native }), kinds[name], name);
    await server.close();
  }
});

test("a file that is not what the manifest says is asked for once more", async () => {
  const files = filesOf();
  let stale = true;
  const server = await serving(files, (name, response) => {
    if (name !== "model.weights" || !stale) return false;
    stale = false;
    return Boolean(response.end("what a cache between here and there still held"));
  });
  await (await Engine.load(server.url, { ort: native })).dispose();
  assert.equal(server.asked.filter((name) => name === "model.weights").length, 2);
  await server.close();
});

test("loading and installing can be given up", async () => {
  const server = await serving(filesOf(), (name) => name === "model.weights"); // is never answered
  const controller = new AbortController();
  const loading = Engine.load(server.url, { ort: native, signal: controller.signal });
  setTimeout(() => controller.abort(new Error("enough")), 100);
  await assert.rejects(loading, /enough/);
  const engine = await loadTiny();
  await assert.rejects(engine.install("class", server.url, { signal: AbortSignal.abort() }), { name: "AbortError" });
  await server.close();
});

test("a graph's inputs are required, so that a runtime that drops optional ones cannot answer", async () => {
  const data = filesOf()["model.onnx"];
  const { data: required } = readGraph(data);
  const open = (graph) =>
    native.InferenceSession.create(graph, {
      externalData: [{ path: "model.weights", data: filesOf()["model.weights"] }],
    });
  const [as, own] = [await open(data), await open(required)];
  const { biases } = JSON.parse(new TextDecoder().decode(filesOf()["bitfit.json"]));
  const names = biases.map(({ name }) => name);
  assert.ok(names.every((name) => own.inputNames.includes(name)));
  assert.ok(!names.some((name) => as.inputNames.includes(name)), "onnxruntime-node lists optional inputs now");
  const create = async (graph, options) =>
    graph.length === required.length ? as : native.InferenceSession.create(graph, options);
  const dropping = { ...native, InferenceSession: { create } };
  await assert.rejects(Engine.load(filesOf(), { ort: dropping }), /takes \d+ inputs fewer/);
});

test("without crypto.subtle, as on pages without https, nothing is loaded unless digests are given up", async () => {
  const own = Object.getOwnPropertyDescriptor(globalThis, "crypto");
  Object.defineProperty(globalThis, "crypto", { value: {}, configurable: true });
  try {
    await assert.rejects(loadTiny(), errors.UnsupportedError);
    const engine = await loadTiny({ digest: "none" });
    await engine.install("class", packBytes("classification-int4"), { canary: true });
    const refused = engine.install("class", packBytes("classification-int4"), { sha256: "0".repeat(64) });
    await assert.rejects(refused, errors.UnsupportedError);
    assert.equal(await engine.kernelFingerprint(), undefined);
    assert.equal((await engine.predict(TEXT, { task: "class" })).type, "classification");
  } finally {
    Object.defineProperty(globalThis, "crypto", own);
  }
});

test("where memory ends the error says so, and what was loaded before goes on answering", () => {
  const found = inProcess(`
    const { Memory } = WebAssembly;
    WebAssembly.Memory = class extends Memory {
      constructor(options) {
        super({ ...options, maximum: 400 }); // pages of 64 KiB
      }
    };
    const ort = await import("onnxruntime-web/wasm");
    ort.env.wasm.numThreads = 1;
    const first = await Engine.load(filesOf(), { ort });
    await first.install("class", packBytes("classification-int4"));
    let error;
    for (let count = 0; count < 300 && !error; count++) {
      error = await Engine.load(filesOf(), { ort }).then(() => undefined, (one) => one);
    }
    console.log(error?.name, (await first.predict("lamp", { task: "class" })).type);
    process.exit();
  `);
  assert.equal(found, "OutOfMemoryError classification\n");
});

test("WebAssembly without SIMD is refused", () => {
  const found = inProcess(`
    const { validate } = WebAssembly;
    WebAssembly.validate = (bytes) => !new Uint8Array(bytes).includes(0xfd) && validate(bytes); // prefix of SIMD
    const ort = await import("onnxruntime-web/wasm");
    const error = await Engine.load(filesOf(), { ort }).catch((one) => one);
    console.log(error.name, error.message);
  `);
  assert.match(found, /^UnsupportedError/);
});

test("a tokenizer that is not BERT's is refused, unless the library reads it", async () => {
  const changed = JSON.parse(tokenizerFile("uncased"));
  changed.normalizer = { type: "Lowercase" };
  const files = { ...filesOf(), "tokenizer.json": new TextEncoder().encode(JSON.stringify(changed)) };
  await assert.rejects(Engine.load(files, { ort: native, digest: "none" }), errors.UnsupportedError);
  const { default: tokenizers } = await import("tokenizers");
  const engine = await Engine.load(files, { ort: native, digest: "none", tokenizers });
  await engine.install("class", packBytes("classification-int4"));
  assert.equal((await engine.predict(TEXT, { task: "class" })).type, "classification");
  await assert.rejects(
    Engine.load(
      { ...files, "tokenizer.json": new TextEncoder().encode("{}") },
      { ort: native, digest: "none", tokenizers },
    ),
    errors.BaseFormatError,
  );
});
