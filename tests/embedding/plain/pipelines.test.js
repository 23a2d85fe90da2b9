// transformers.js answers with plain models as the engine does. FOLDER holds what prepare.py wrote.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { env, pipeline } from "@huggingface/transformers";

const folder = process.env.FOLDER;
const { texts, models } = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8"));
const TOLERANCE = 1e-6; // of probabilities
env.allowRemoteModels = false;
env.localModelPath = folder;

// Exact on x86 without VNNI too, as docs/onnx.md says.
const session_options = { extra: { session: { x64quantprecision: "1" } } };
const near = (one, other) => Math.abs(one - other) <= TOLERANCE;

for (const [name, { pipeline: kind, answers }] of Object.entries(models)) {
  test(`${kind} with ${name}: ${texts.length} texts`, async () => {
    const run = await pipeline(kind, name, { dtype: "q8", session_options });
    let farthest = 0;
    const compare = (found, expected, text) => {
      assert.ok(near(found, expected), `${text}: ${found}, expected ${expected}`);
      farthest = Math.max(farthest, Math.abs(found - expected));
    };
    for (const [index, text] of texts.entries()) {
      const expected = answers[index];
      if (kind === "feature-extraction") {
        const found = (await run(text, { pooling: "mean" })).data;
        found.forEach((value, place) => assert.ok(Math.abs(value - expected[place]) <= 1e-5, text));
      } else if (kind === "token-classification") {
        const found = await run(text, { ignore_labels: [] });
        assert.deepEqual(found.map((token) => token.entity), expected.map(([label]) => label), text);
        found.forEach((token, place) => compare(token.score, expected[place][1], text));
      } else {
        const [found] = await run(text);
        assert.equal(found.label, expected[0], text);
        compare(found.score, expected[1], text);
      }
    }
    console.log(`${name}: farthest probability ${farthest}`);
  });
}
