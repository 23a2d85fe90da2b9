/**
 * An engine that `run.py` asks, a line of JSON for each question: `guest.js node|wasm BASE PACK…`, on one thread. Times are
 * the processor's.
 *
 * Questions are `{logits: rows}`, `{time: text, times}` and `{install: pack, times}`, and of a pack that no base here has,
 * `{decode: pack, manifest, times}`.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename } from "node:path";
import { createInterface } from "node:readline";

import { parsePack } from "../../runtime/js/src/formats/pack-file.js";
import { Engine } from "../../runtime/js/src/index.js";
import { inGraphShapes } from "../../runtime/js/src/pack-cache.js";

const [kind, base, ...packs] = process.argv.slice(2);
const require = createRequire(new URL("../../runtime/js/package.json", import.meta.url));
const wasm = require.resolve("onnxruntime-web/wasm").replace("ort.wasm.min.js", "ort.wasm.min.mjs");
const ort = kind === "node" ? require("onnxruntime-node") : await import(wasm);
if (kind === "wasm") ort.env.wasm.numThreads = 1;

const engine = await Engine.load(base, { ort, sessionOptions: kind === "node" ? { intraOpNumThreads: 1 } : {} });
const name = (pack) => basename(pack, ".safetensors");
for (const pack of packs) await engine.install(name(pack), pack);

/** Return the milliseconds of the processor that a call takes. */
async function timed(call) {
  const began = process.cpuUsage();
  await call();
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1e3;
}

/** Return what each of some calls takes. */
async function series(call, times) {
  const found = [];
  for (let turn = 0; turn < times; turn++) found.push(await timed(call));
  return found;
}

const hex = (values) => Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("hex");

const answers = {
  async logits({ logits: rows }) {
    const [together, alone] = [await engine.logits(rows), []];
    for (const row of rows) alone.push(...(await engine.logits(row)));
    return { together: together.map(hex), alone: alone.map(hex), kernels: await engine.kernelFingerprint() };
  },
  async time({ time: text, times }) {
    const all = await timed(async () => {
      for (let turn = 0; turn < times; turn++) await engine.embed(text);
    });
    return all / times;
  },
  install({ install: pack, times }) {
    const data = new Uint8Array(readFileSync(pack));
    return series(() => engine.install(name(pack), data), times);
  },
  decode({ decode: pack, manifest, times }) {
    const data = new Uint8Array(readFileSync(pack));
    const defaults = new Map(manifest.biases.map((spec) => [spec.name, new Float32Array(spec.size)]));
    return series(async () => inGraphShapes(ort, await parsePack(data), { manifest, defaults }), times);
  },
};

console.log(JSON.stringify(ort.env.versions));
for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  console.log(JSON.stringify(await answers[Object.keys(question)[0]](question)));
}
process.exit();
