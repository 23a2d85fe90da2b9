/** Bases and packs as version 0.1.0 wrote them, in every precision, answer as they did, within the self-test's tolerance. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import test from "node:test";

import { Engine } from "../src/index.js";
import { native, relativeDistance, wasm } from "./support.js";

const FROZEN = new URL("../../../tests/data/frozen/", import.meta.url).pathname;
const read = (path) => readFileSync(FROZEN + path);

for (const precision of ["int8", "int4", "fp32"]) {
  for (const [kind, ort] of [
    ["native", native],
    ["wasm", wasm],
  ]) {
    test(`a frozen base of ${precision} answers as it did, ${kind}`, async () => {
      const { rows, packs } = JSON.parse(read(`answers-${precision}.json`));
      const { self_test: golden } = JSON.parse(read(`base-${precision}/bitfit.json`));
      const engine = await Engine.load(`${FROZEN}base-${precision}`, { ort });
      for (const file of readdirSync(`${FROZEN}packs-${precision}`)) {
        const task = file.replace(".safetensors", "");
        const { taskType } = await engine.install(task, `${FROZEN}packs-${precision}/${file}`);
        const asked = rows.map(([text, pair]) => ({ text, task, ...(pair !== null && { textPair: pair }) }));
        const found = taskType === "embedding" ? await engine.embed(asked) : await engine.logits(asked);
        const [one, other] = [found, packs[task].map(({ values }) => values)].map((lists) =>
          lists.flatMap((list) => [...list].flat(3)),
        );
        const away = relativeDistance(one, other.map(Math.fround));
        assert.ok(away <= golden.tolerance, `${task}: ${away}`);
        const answers = await engine.predict(asked);
        assert.deepEqual(
          answers.map(({ truncated }) => truncated),
          packs[task].map(({ truncated }) => truncated),
        );
      }
      await engine.dispose();
    });
  }
}
