/** What tests share: vectors, bases and both builds of ONNX Runtime. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { gunzipSync } from "node:zlib";

import { Engine } from "../src/index.js";
import { Tokenizer } from "../src/tokenizer.js";
import { BASE, VECTORS, filesOf, packBytes } from "./files.js";

export { BASE, VECTORS, filesOf, packBytes };

/** Native, and WebAssembly with one thread, as a page without isolation has it. */
export const native = createRequire(import.meta.url)("onnxruntime-node");
export const wasm = await import("onnxruntime-web/wasm");
wasm.env.wasm.numThreads = 1;

/** Load the vectors' base from memory. */
export const loadTiny = (options = {}) => Engine.load(filesOf(), { ort: native, ...options });

/** Return a file of vectors; of packs, those of this machine where they were made. */
export function vectors(kind) {
  const here = kind === "packs" ? process.env.BITFIT_PACK_VECTORS : undefined;
  return JSON.parse(gunzipSync(readFileSync(here ?? new URL(`${kind}.json.gz`, VECTORS))).toString("utf8"));
}

/** Return a text of the vectors as a string. */
export function textOf(text) {
  return typeof text === "string" ? text : text.repeat.map(([part, times]) => part.repeat(times)).join("");
}

/** Return a tokenizer's file of the vectors. */
export const tokenizerFile = (name) => readFileSync(new URL(`tokenizers/${name}.json`, VECTORS));

/** Return the tokenizers of the vectors by their names. */
export async function tokenizers(library) {
  const names = ["uncased", "cased", "added"];
  const made = names.map((name) => Tokenizer.of(tokenizerFile(name), library));
  return Object.fromEntries((await Promise.all(made)).map((tokenizer, index) => [names[index], tokenizer]));
}

/** Return the UTF-16 unit at which a code point stands. */
export const unitsAt = (text, position) => [...text].slice(0, position).join("").length;

/** Check that numbers are within a tolerance, absolute or relative. */
export function assertNear(found, expected, tolerance, message) {
  assert.equal(found.length, expected.length, message);
  expected.forEach((value, index) => {
    const away = Math.abs(found[index] - value);
    assert.ok(away <= tolerance * Math.max(1, Math.abs(value)), `${message}: ${found[index]} for ${value}`);
  });
}

/** Check an answer against one as the vectors have it, whose positions are code points of `searched`. */
export function assertAnswer(found, expected, searched, tolerance, message) {
  const near = (one, two) => assertNear([one], [two], tolerance, message);
  assert.equal(found.truncated, expected.truncated, message);
  const fields = {
    Prediction: () => {
      assert.equal(found.label, expected.label, message);
      assertNear(found.probabilities, expected.probabilities, tolerance, message);
      assert.equal(found.accepted ?? null, expected.accepted, message);
      if (expected.outlier === null) assert.equal(found.outlier, undefined, message);
      else near(found.outlier, expected.outlier);
    },
    LabelSet: () => {
      assert.deepEqual(found.chosen, expected.chosen, message);
      assertNear(found.probabilities, expected.probabilities, tolerance, message);
    },
    Score: () => near(found.value, expected.value),
    Entities: () => {
      assert.equal(found.entities.length, expected.entities.length, message);
      expected.entities.forEach((entity, index) => piece(found.entities[index], entity));
    },
    Span: () => {
      piece(found, expected);
      assert.equal(found.accepted ?? null, expected.accepted, message);
    },
    Embedding: () => assertNear(found.vector, expected.vector.map(Math.fround), tolerance, message),
  };
  fields[expected.class]();

  function piece(one, two) {
    assert.equal(one.text, two.text, message);
    assert.equal(one.label, two.label, message);
    assert.deepEqual(
      [one.start, one.end],
      [two.start, two.end].map((at) => unitsAt(searched, at)),
      message,
    );
    near(one.probability, two.probability);
  }
}

/** Return the relative L2 distance of two lists of numbers. */
export function relativeDistance(found, expected) {
  const norm = (values) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return norm(expected.map((value, index) => value - found[index])) / norm(expected);
}

/**
 * Serve files by their names until `close` is called. `answer(name, response)` may take a request over, by returning true.
 */
export async function serving(files, answer = () => false) {
  const asked = [];
  const server = createServer((request, response) => {
    const name = request.url.split("/").pop();
    asked.push(name);
    if (answer(name, response)) return;
    response.statusCode = files[name] ? 200 : 404;
    if (files[name]) response.setHeader("content-length", files[name].length);
    response.end(files[name]);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${server.address().port}/base`, asked, close };
}
