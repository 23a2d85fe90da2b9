/**
 * From the start of a page to its first answer in Chromium, with all files cached: bitfit-edge, bundled as applications are
 * and file by file, beside a bare onnxruntime-web session on the same graph; and the whole demo. Pages take turns.
 *
 * `node benchmarks/embed/page-start.js [ROUNDS]`, after `make demo`, and `npm install` in `examples/web` and `runtime/js`;
 * figures go to `benchmarks/embed/results/page-start.json`.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DEMO = process.env.DEMO ?? join(ROOT, "demo-output");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = ["--disable-quic", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const RESULTS = join(ROOT, "benchmarks", "embed", "results");
const rounds = Number(process.argv[2] ?? 15);

const needs = createRequire(join(ROOT, "examples", "web", "package.json"));
const { chromium } = needs("playwright-core");
const { serve } = await import(join(ROOT, "examples", "web", "serve.js"));

/** @type {Record<string, (url: string) => [string, string]>} where each page is, and the script that tells its time */
const PAGES = {
  "bare session": (url) => [`${url}models/pages/page.html?worker=bare`, "took"],
  "bare session, default options": (url) => [`${url}models/pages/page.html?worker=bare-default`, "took"],
  "bitfit-edge, bundled": (url) => [`${url}models/pages/page.html?worker=bundled`, "took"],
  "bitfit-edge, file by file": (url) => [`${url}models/pages/page.html?worker=edge`, "took"],
  "the demo, four packs": (url) => [url, "answeredAt"],
};

const models = mkdtempSync(join(tmpdir(), "bitfit-start-"));
cpSync(join(ROOT, "benchmarks", "embed", "pages"), join(models, "pages"), {
  recursive: true,
});
await bundle(join(models, "pages"));
for (const name of ["base", "sentiment", "intents", "spam", "duplicates"]) {
  const file = name === "base" ? name : `${name}.safetensors`;
  symlinkSync(join(DEMO, file), join(models, file));
}

/** Bundle `edge.js` and the package, but not ONNX Runtime, which the bare session takes too. @param {string} pages */
async function bundle(pages) {
  const { build } = createRequire(join(ROOT, "runtime", "js", "package.json"))("esbuild");
  const sources = {
    name: "sources",
    setup(/** @type {any} */ { onResolve }) {
      onResolve({ filter: /onnxruntime-web/ }, (/** @type {any} */ { path }) => ({ path, external: true }));
      onResolve({ filter: /bitfit-edge/ }, () => ({
        path: join(ROOT, "runtime", "js", "src", "index.js"),
      }));
    },
  };
  const entryPoints = { bundled: join(pages, "edge.js") };
  const how = {
    bundle: true,
    minify: true,
    splitting: true,
    format: "esm",
    target: "es2022",
  };
  await build({
    ...how,
    entryPoints,
    outdir: pages,
    plugins: [sources],
    logLevel: "error",
  });
}

const server = await serve({ models });
const profile = mkdtempSync(join(tmpdir(), "bitfit-profile-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: CHROMIUM,
  args: FLAGS,
});
/** @type {Record<string, number[]>} */
const took = Object.fromEntries(Object.keys(PAGES).map((name) => [name, []]));
try {
  for (let round = -2; round < rounds; round++) {
    for (const [name, where] of Object.entries(PAGES)) {
      const [address, key] = where(server.url);
      const page = await browser.newPage();
      await page.goto(address);
      const found = await page.waitForFunction((key) => document.body.dataset[key], key, { timeout: 120_000 });
      const value = await found.jsonValue();
      await page.waitForTimeout(500); // what a page stores after its answer is not the next one's time
      await page.close();
      if (!Number.isFinite(Number(value))) throw new Error(`${name}: ${value}`);
      if (round >= 0) took[name].push(Number(value)); // the first rounds fill the caches
    }
  }
} finally {
  await browser.close();
  await server.close();
  for (const folder of [models, profile]) rmSync(folder, { recursive: true, force: true });
}

const median = (/** @type {number[]} */ values) => [...values].sort((one, other) => one - other)[values.length >> 1];
const bare = took["bare session"];
const rows = Object.entries(took).map(([page, values]) => ({
  page,
  minimum_ms: Math.round(Math.min(...values)),
  median_ms: Math.round(median(values)),
  to_bare: Number(median(values.map((value, round) => value / bare[round])).toFixed(2)),
}));
const ort = JSON.parse(readFileSync(join(ROOT, "examples/web/node_modules/onnxruntime-web/package.json"), "utf8"));
const result = {
  processor: cpus()[0].model,
  versions: {
    chromium: browser.browser()?.version(),
    "onnxruntime-web": ort.version,
    node: process.version,
  },
  rounds,
  rows,
};
mkdirSync(RESULTS, { recursive: true });
writeFileSync(join(RESULTS, "page-start.json"), `${JSON.stringify(result, null, 2)}\n`);
console.table(rows);
