/**
 * Serves the demo: the page, and beside it the two packages and the models that it takes. `npm start`, or
 * `node serve.js [PORT] [MODELS]`.
 *
 * Any static server does, if it gives these content types. The headers are what a careful site would send: no inline code,
 * nothing from other hosts, and `'wasm-unsafe-eval'` for ONNX Runtime, which is WebAssembly.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname, join, sep } from "node:path";
import { pipeline } from "node:stream";
import { fileURLToPath } from "node:url";

const LIBRARY = fileURLToPath(new URL("..", import.meta.resolve("bitfit-edge")));
const ONNXRUNTIME = join(createRequire(import.meta.url).resolve("onnxruntime-web/wasm"), "../..");
const MODELS = fileURLToPath(new URL("../../demo-output/", import.meta.url));
const PAGE = fileURLToPath(new URL("page/", import.meta.url));

/** @type {Record<string, string>} */
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

const HEADERS = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; style-src 'self'; " +
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Cache-Control": "no-cache", // ask whether a file changed; the answer is mostly 304
};

/**
 * Return the file of a path, undefined where nothing is served.
 * @param {string} path
 * @param {string} models
 */
function fileOf(path, models) {
  const roots = { "/bitfit-edge/": LIBRARY, "/onnxruntime-web/": ONNXRUNTIME, "/models/": models, "/": PAGE };
  const found = Object.entries(roots).find(([prefix]) => path.startsWith(prefix));
  if (!found) return undefined;
  const [prefix, root] = found;
  const file = join(root, path.slice(prefix.length) || "index.html");
  return file.startsWith(join(root, sep)) ? file : undefined;
}

/**
 * Start a server on this machine alone.
 * @param {{port?: number, models?: string}} [options] port 0 takes any that is free
 * @returns {Promise<{url: string, close: () => Promise<void>}>}
 */
export async function serve({ port = 0, models = MODELS } = {}) {
  const server = createServer(async (request, response) => {
    /** @param {number} status @param {string} text */
    const plain = (status, text) => response.writeHead(status, { "Content-Type": "text/plain" }).end(text);
    try {
      if (request.method !== "GET" && request.method !== "HEAD") return plain(405, "only GET and HEAD\n");
      const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
      const file = fileOf(path, models);
      const found = file ? await stat(file).catch(() => undefined) : undefined;
      if (!file || !found?.isFile()) return plain(404, "not found\n");
      const etag = `"${found.size.toString(16)}-${Math.round(found.mtimeMs).toString(16)}"`;
      const type = TYPES[extname(file)] ?? "application/octet-stream";
      const headers = { ...HEADERS, "Content-Type": type, ETag: etag };
      if (request.headers["if-none-match"] === etag) return response.writeHead(304, headers).end();
      response.writeHead(200, { ...headers, "Content-Length": found.size });
      if (request.method === "HEAD") return response.end();
      pipeline(createReadStream(file), response, () => {});
    } catch {
      plain(400, "a malformed request\n");
    }
  });
  await new Promise((resolve, reject) =>
    server.once("error", reject).listen(port, "127.0.0.1", () => resolve(undefined)),
  );
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://localhost:${address.port}/`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [port = "8000", models = MODELS] = process.argv.slice(2);
  if (!(await stat(join(models, "base", "bitfit.json")).catch(() => undefined))) {
    console.error(`error: no base in ${models}; run 'make demo' first`);
    process.exit(1);
  }
  try {
    const { url } = await serve({ port: Number(port), models });
    console.log(`The demo is at ${url} (Ctrl-C ends it)`);
  } catch (error) {
    console.error(`error: port ${port} cannot be had (${/** @type {any} */ (error).code}); try: node serve.js 8001`);
    process.exit(1);
  }
}
