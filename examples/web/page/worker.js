/** The worker: holds the engine, so that the page never waits for it. */
import * as ort from "./onnxruntime-web/dist/ort.wasm.bundle.min.mjs";
import { serve } from "./bitfit-edge/src/worker.js";

serve({ ort });
