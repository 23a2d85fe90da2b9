/** The worker: holds the engine, so that the page never waits for it. */
import * as ort from "./lib/onnxruntime-web/ort.wasm.bundle.min.mjs";
import { Engine } from "./lib/bitfit-edge/index.js";

let engine;

const methods = {
  async load(url, options, report) {
    engine = await Engine.load(url, { ...options, ort, onProgress: report });
    return engine.base;
  },
  install: (name, data, options) => engine.install(name, data, options),
  predict: (input, options) => engine.predict(input, options),
  explain: (input, options) => engine.explain(input, options),
};

addEventListener("message", async ({ data: { id, method, given } }) => {
  try {
    const value = await methods[method](...given, (progress) => postMessage({ id, progress }));
    postMessage({ id, value });
  } catch (error) {
    postMessage({ id, error: { name: error.name, message: error.message } });
  }
});
