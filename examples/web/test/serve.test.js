/** The server gives the page, the packages and the models, with the headers of a careful site, and nothing else. */
import assert from "node:assert/strict";
import { request } from "node:http";
import { join } from "node:path";
import { test } from "node:test";

import { serve } from "../serve.js";
import { VECTORS } from "./support.js";

/** @param {string} url @param {string} path sent as it is @param {Record<string, unknown>} [options] */
function ask(url, path, options = {}) {
  const { hostname, port } = new URL(url);
  return /** @type {Promise<import("node:http").IncomingMessage>} */ (
    new Promise((resolve, reject) => {
      const sent = request({ hostname, port, path, ...options }, (response) => resolve(response.resume()));
      sent.on("error", reject).end();
    })
  );
}

test("files are served with their types, sizes and a strict content security policy", async (context) => {
  const server = await serve({ models: VECTORS });
  context.after(server.close);
  const types = {
    "/": "text/html; charset=utf-8",
    "/worker.js": "text/javascript; charset=utf-8",
    "/bitfit-edge/src/index.js": "text/javascript; charset=utf-8",
    "/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm": "application/wasm",
    "/models/base/model.weights": "application/octet-stream",
  };
  for (const [path, type] of Object.entries(types)) {
    const { statusCode, headers } = await ask(server.url, path, { method: "HEAD" });
    assert.deepEqual([statusCode, headers["content-type"]], [200, type], path);
    assert.ok(Number(headers["content-length"]) > 0, path);
    assert.match(
      String(headers["content-security-policy"]),
      /^default-src 'none'; script-src 'self' 'wasm-unsafe-eval';/,
    );
    const again = await ask(server.url, path, { headers: { "If-None-Match": headers.etag } });
    assert.equal(again.statusCode, 304, path);
  }
});

test("nothing outside of these folders is served", async (context) => {
  const server = await serve({ models: join(VECTORS, "base") });
  context.after(server.close);
  const outside = [
    "/../serve.js",
    "/models/../README.md",
    "/models/%2e%2e/README.md",
    "/..%2fserve.js",
    "/models//etc/hosts",
  ];
  for (const path of [...outside, "/models", "/models/", "/none", "/%00"]) {
    assert.equal((await ask(server.url, path)).statusCode, 404, path);
  }
  assert.equal((await ask(server.url, "/%ff")).statusCode, 400);
  assert.equal((await ask(server.url, "/", { method: "POST" })).statusCode, 405);
});
