/** Prints what a page loads of this package: code, minified and gzipped, and the table that its base needs. */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const LIMITS = { code: 12_000, "code and table": 30_000 };
const root = new URL("..", import.meta.url).pathname;

/** Return the gzipped bytes of an entry, bundled with what it imports at once. */
async function gzipped(entry) {
  const { outputFiles } = await build({
    entryPoints: [root + entry],
    bundle: true,
    minify: true,
    format: "esm",
    splitting: true,
    target: "es2022",
    outdir: "/out",
    write: false,
  });
  const [main] = outputFiles.filter(({ path }) => path.endsWith(entry.split("/").pop()));
  const shared = outputFiles.filter(
    ({ path, text }) => path.includes("chunk-") && main.text.includes(path.split("/").pop()),
  );
  return [main, ...shared].reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0);
}

const code = await gzipped("src/index.js");
const table = gzipSync(readFileSync(`${root}src/tables/wordpiece-uncased.js`), { level: 9 }).length;
const found = { code, "code and table": code + table };
for (const [name, bytes] of Object.entries(found)) {
  console.log(`${name}: ${bytes} bytes minified and gzipped, at most ${LIMITS[name]}`);
  if (bytes > LIMITS[name]) process.exitCode = 1;
}
