/** One text, answered by one pack through bitfit-edge with all of its checks. */
import * as ort from "../../onnxruntime-web/dist/ort.wasm.bundle.min.mjs";
import { Engine } from "../../bitfit-edge/src/index.js";

const pack = fetch(new URL("../intents.safetensors", import.meta.url)).then((response) => response.arrayBuffer());
const engine = await Engine.load(new URL("../base/", import.meta.url), { ort });
await engine.install("intents", await pack);
const answer = await engine.predict("hi, when will my parcel be here", {
  task: "intents",
});
postMessage(answer.label);
