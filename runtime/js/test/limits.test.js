/** Limits and versions are those of the Python runtime. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { LIMITS, PACK_FIELDS } from "../src/formats/schema.js";

const python = (name) => readFileSync(new URL(`../../bitfit_runtime/${name}.py`, import.meta.url), "utf8");

test("limits and the first schemas of fields are Python's", () => {
  const schema = python("formats/schema");
  const limits = [...schema.matchAll(/^ {4}(\w+): int = ([\d_]+)(?: << (\d+))?/gm)].map(
    ([, name, number, shift = 0]) => {
      const camel = name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
      return [camel, Number(number.replaceAll("_", "")) * 2 ** Number(shift)];
    },
  );
  assert.ok(limits.length > 8);
  const { score, ...others } = LIMITS;
  assert.deepEqual(others, Object.fromEntries(limits));
  assert.equal(score, Number(/LARGEST_SCORE: Final = ([\d.]+)/.exec(python("transitions"))[1]));
  const [, fields] = /PACK_FIELDS[^=]*= (\{.*\})/.exec(schema);
  assert.deepEqual(PACK_FIELDS, JSON.parse(fields));
});
