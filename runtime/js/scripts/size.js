/**
 * Prints what a page loads of this package that has classification packs: code, minified and gzipped, and the table that its
 * base needs, beside what was aimed at. Exits with 1 where it has grown.
 */
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const AIMS = { code: 12_000, "code and table": 30_000 };
const MOST = { code: 26_000, "code and table": 35_500 };
const WITH_A_PACK = ["src/tasks/classification.js"]; // is loaded when such a pack is installed
const TABLE = "src/tables/wordpiece-uncased.js";

const { outputFiles, metafile } = await build({
  absWorkingDir: new URL("..", import.meta.url).pathname,
  entryPoints: ["src/index.js"],
  bundle: true,
  minify: true,
  splitting: true,
  metafile: true,
  format: "esm",
  target: "es2022",
  outdir: "out",
  write: false,
});
const outputs = Object.entries(metafile.outputs);
const named = (source) => outputs.find(([, { entryPoint }]) => entryPoint === source)[0];
const gzipped = (path) => gzipSync(outputFiles.find((file) => file.path.endsWith(path)).contents, { level: 9 }).length;

/** Return what is loaded with some files: they, and what they import at once. */
function loaded(paths, found = new Set()) {
  for (const path of paths) {
    if (found.has(path)) continue;
    found.add(path);
    const { imports } = metafile.outputs[path];
    loaded(
      imports.filter(({ kind }) => kind === "import-statement").map((one) => one.path),
      found,
    );
  }
  return found;
}

const files = [...loaded(["src/index.js", ...WITH_A_PACK].map(named))];
const code = files.reduce((sum, path) => sum + gzipped(path), 0);
const found = { code, "code and table": code + gzipped(named(TABLE)) };
for (const [name, bytes] of Object.entries(found)) {
  console.log(`${name}: ${bytes} bytes minified and gzipped; the aim was ${AIMS[name]}`);
  if (bytes > MOST[name]) process.exitCode = 1;
}
