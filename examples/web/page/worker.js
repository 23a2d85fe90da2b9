/** The worker: holds the engine, so that the page never waits for it. */
import * as ort from "./onnxruntime-web/dist/ort.wasm.bundle.min.mjs";
import { serve } from "./bitfit-edge/src/worker.js";

const wasm = `onnxruntime-web/dist/ort-wasm-simd-threaded.wasm?v=${ort.env.versions.web}`;
ort.env.wasm.wasmPaths = { wasm: new URL(wasm, import.meta.url).href }; // with its version, see service-worker.js
serve({ ort });
