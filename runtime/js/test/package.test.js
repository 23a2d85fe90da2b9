/** The package as npm packs it: installed from the tarball, with types, it answers; its tables are the repository's. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import test from "node:test";

import { BASE, VECTORS } from "./support.js";

const ROOT = new URL("..", import.meta.url).pathname;
const EXAMPLE = new URL("../../../examples/node/", import.meta.url).pathname;
const run = (command, args, cwd) => execFileSync(command, args, { cwd, encoding: "utf8" });

const USER = `
import { Engine, type EngineOptions } from "bitfit-edge";
import { connect, serve } from "bitfit-edge/worker";
export async function answer(options: EngineOptions): Promise<string> {
  const engine = await Engine.load("/base", options);
  const one = await engine.predict("text", { task: "class" });
  const all = await engine.predict(["text"], { tasks: ["class"] });
  const remote = await connect({}).load("/base");
  const vectors: Float32Array[] = await remote.embed(["text"]);
  serve(options);
  return one.type === "classification" ? one.label : all[0].class.task + vectors.length;
}
`;

test("tables are those of the repository", () => {
  for (const name of ["wordpiece-uncased", "wordpiece-cased"]) {
    const [, base64] = /"(.*)"/.exec(readFileSync(`${ROOT}src/tables/${name}.js`, "utf8"));
    assert.equal(base64, readFileSync(`${ROOT}../tables/${name}.bin`).toString("base64"), "run: npm run tables");
  }
});

test("the tarball installs, has types, and answers by the example", (t) => {
  const folder = mkdtempSync(`${tmpdir()}/bitfit-package-`);
  t.after(() => rmSync(folder, { recursive: true }));
  const printed = run("npm", ["pack", "--json", "--pack-destination", folder], ROOT);
  const [{ filename, files }] = JSON.parse(printed.slice(printed.indexOf("[\n"))); // behind what its scripts print
  const names = files.map(({ path }) => path);
  assert.ok(
    names.includes("src/index.js") && names.includes("types/index.d.ts") && names.includes("README.md"),
    names.join(),
  );
  assert.ok(!names.some((name) => /^(test|scripts)|node_modules/.test(name)));

  cpSync(EXAMPLE, folder, { recursive: true });
  run("npm", ["install", "--offline", "--no-audit", "--no-fund", `./${filename}`], folder);
  for (const name of ["onnxruntime-node", "onnxruntime-common", "@types"]) {
    symlinkSync(`${ROOT}node_modules/${name}`, `${folder}/node_modules/${name}`);
  }
  mkdirSync(`${folder}/made`);
  cpSync(BASE, `${folder}/made/base`, { recursive: true });
  for (const task of ["intents", "spam"]) {
    cpSync(new URL(`packs/classification-from-2.safetensors`, VECTORS), `${folder}/made/${task}.safetensors`);
  }
  const found = run(process.execPath, ["answer.js", "made", "Where is the lamp?"], folder);
  assert.match(found, /^intents: \S+ 0\.\d+\nspam: \S+ 0\.\d+\n\d+ % of the layers' work was shared\n$/);

  writeFileSync(`${folder}/user.ts`, USER);
  const options = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom"];
  run(process.execPath, [`${ROOT}node_modules/typescript/bin/tsc`, ...options, "user.ts"], folder);
});
