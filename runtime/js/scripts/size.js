/**
 * Prints what a page loads of this package that has classification packs: code, minified and gzipped, and the table that its
 * base needs, beside what was aimed at. Exits with 1 where it has grown.
 */
import { gzipSync } from "node:zlib";

import { rollup } from "rollup";
import { minify } from "terser";

const AIMS = { code: 12_000, "code and table": 30_000 };
const MOST = { code: 23_500, "code and table": 33_000 };
const ENTRY = new URL("../src/index.js", import.meta.url).pathname;
const TERSER = { module: true, ecma: 2022, compress: { passes: 3, keep_fargs: false, unsafe_arrows: true } };

const bundle = await rollup({ input: ENTRY });
const { output } = await bundle.generate({ format: "es", minifyInternalExports: true });

/** Return the gzipped bytes of a chunk. */
async function gzipped({ code }) {
  const { code: minified = "" } = await minify(code, TERSER);
  return gzipSync(minified, { level: 9 }).length;
}

const chunkOf = (source) => output.find(({ facadeModuleId }) => facadeModuleId?.endsWith(source));

/** Return a chunk, and what it imports at once. */
function loaded(chunk, found = new Set()) {
  if (found.has(chunk)) return found;
  found.add(chunk);
  for (const name of chunk.imports) {
    loaded(
      output.find(({ fileName }) => fileName === name),
      found,
    );
  }
  return found;
}

// The chunk of a task type is loaded when such a pack is installed.
const chunks = new Set([...loaded(chunkOf("src/index.js")), ...loaded(chunkOf("tasks/classification.js"))]);
const sizes = await Promise.all([...chunks].map(gzipped));
const code = sizes.reduce((sum, size) => sum + size, 0);
const found = { code, "code and table": code + (await gzipped(chunkOf("wordpiece-uncased.js"))) };
for (const [name, bytes] of Object.entries(found)) {
  console.log(`${name}: ${bytes} bytes minified and gzipped; the aim was ${AIMS[name]}`);
  if (bytes > MOST[name]) process.exitCode = 1;
}
