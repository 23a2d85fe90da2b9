/** Files that were altered at random are read or refused, by errors of ours alone; streams inflate as by zlib. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import test from "node:test";
import { deflateRawSync, inflateRawSync } from "node:zlib";

import { BaseFormatError, PackError } from "../src/errors.js";
import { inflate } from "../src/formats/inflate.js";
import { parseManifest } from "../src/formats/manifest.js";
import { externalFiles } from "../src/formats/onnx-external.js";
import { readGraph } from "../src/formats/onnx-files.js";
import { decodePack } from "../src/formats/pack.js";
import { parsePack } from "../src/formats/pack-file.js";
import { parseSafetensors } from "../src/formats/safetensors.js";
import { VECTORS, filesOf, packBytes } from "./files.js";

const FILES = 3000;
const STREAMS = 3000;
const files = filesOf();

/** Return a function that draws whole numbers below a bound, the same ones each time. */
function drawing(seed) {
  return (bound) => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return (seed >> 8) % bound;
  };
}

/** Return bytes of which a few are altered, some to what JSON is made of, and which perhaps end early. */
function altered(data, draw) {
  const found = new Uint8Array(data);
  for (let count = draw(4); count >= 0; count--) {
    const place = draw(2) ? draw(Math.min(found.length, 3000)) : draw(found.length);
    found[place] = [draw(256), found[place] ^ (1 << draw(8)), 48 + draw(10), ',:"[{-.'.charCodeAt(draw(7))][draw(4)];
  }
  return draw(8) ? found : found.subarray(0, draw(found.length));
}

test("altered packs, manifests and graphs are refused by errors of ours", async () => {
  const draw = drawing(1);
  const names = readdirSync(new URL("packs", VECTORS)).map((file) => file.replace(".safetensors", ""));
  const manifest = parseManifest(files["bitfit.json"], "bitfit.json");
  const { tensors } = parseSafetensors(files["biases.safetensors"], "biases", 1 << 20, Error);
  const defaults = new Map([...tensors].map(([name, { data }]) => [name, data]));
  const reading = [
    async () => decodePack(await parsePack(altered(packBytes(names[draw(names.length)]), draw)), manifest, defaults),
    async () => parseManifest(altered(files["bitfit.json"], draw), "bitfit.json"),
    async () => [readGraph, externalFiles][draw(2)](altered(files["model.onnx"], draw)),
  ];
  let refused = 0;
  for (let count = 0; count < FILES; count++) {
    await reading[draw(reading.length)]().catch((error) => {
      assert.ok(error instanceof PackError || error instanceof BaseFormatError, error.stack);
      refused++;
    });
  }
  assert.ok(refused > FILES / 4);
});

/** Return what zlib makes of a stream that must have `size` bytes and end with the stream, undefined where it has not. */
function byZlib(stream, size) {
  try {
    const { buffer, engine } = inflateRawSync(stream, { maxOutputLength: Math.max(size, 1), info: true });
    return buffer.length === size && engine.bytesWritten === stream.length ? buffer : undefined;
  } catch {
    return undefined;
  }
}

/** Return what our own makes of it. */
function byOurs(stream, size) {
  try {
    return Buffer.from(inflate(stream, size));
  } catch (error) {
    assert.ok(error instanceof RangeError, error.stack);
    return undefined;
  }
}

test("streams, altered ones too, inflate as by zlib", () => {
  const draw = drawing(7);
  for (let count = 0; count < STREAMS; count++) {
    const symbols = 1 + draw(255);
    const content = Uint8Array.from({ length: draw(4000) }, () => draw(symbols));
    const options = { level: [0, 1, 6, 9][draw(4)], strategy: draw(5), memLevel: 1 + draw(9) };
    const stream = new Uint8Array(deflateRawSync(content, options));
    if (count % 2) for (let bits = draw(4); bits >= 0; bits--) stream[draw(stream.length)] ^= 1 << draw(8);
    assert.deepEqual(byOurs(stream, content.length), byZlib(stream, content.length), `stream ${count}`);
  }
});
