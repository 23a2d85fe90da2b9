/**
 * Answers texts in Node, by what `make demo` made:
 *
 *     npm install onnxruntime-node && npm install ../../runtime/js
 *     node answer.js ../../demo-output "My card was declined"
 */
import { basename } from "node:path";
import { readdirSync } from "node:fs";
import ort from "onnxruntime-node";
import { Engine } from "bitfit-edge";

const [folder = "../../demo-output", text = "hi, when will my parcel be here"] = process.argv.slice(2);
const engine = await Engine.load(`${folder}/base`, { ort });
for (const file of readdirSync(folder).filter((name) => name.endsWith(".safetensors"))) {
  await engine.install(basename(file, ".safetensors"), `${folder}/${file}`);
}
const tasks = Object.keys(engine.tasks).filter((task) => task !== "duplicates"); // which takes pairs
const answers = await engine.predict(text, { tasks });
for (const [task, { label, probability }] of Object.entries(answers)) {
  console.log(`${task}: ${label} ${probability.toFixed(3)}`);
}
const { saved } = await engine.explain(text, { tasks });
console.log(`${Math.round(100 * saved)} % of the layers' work was shared`);
await engine.dispose();
