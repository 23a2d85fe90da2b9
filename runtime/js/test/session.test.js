/** What ONNX Runtime is refused for, with one in its place that computes as x86 without VNNI does. */
import assert from "node:assert/strict";
import test from "node:test";

import { BaseFormatError, UnsupportedError } from "../src/errors.js";
import { openSession } from "../src/session.js";

const INTEGERS = new TextEncoder().encode("MatMulIntegerToFloat");

/** Return an ONNX Runtime of a version whose products saturate. */
const saturating = (node) => ({
  env: { versions: { node } },
  InferenceSession: {
    create: async () => ({ run: async () => ({ y: { data: [32767] } }), release: async () => {} }),
  },
});

test("a version that would abort over exact products is refused", async () => {
  await assert.rejects(
    openSession(saturating("1.29.0"), INTEGERS, {}),
    (error) => error instanceof UnsupportedError && /onnxruntime-node 1\.29\.0 .* take 1\.30/.test(error.message),
  );
  await openSession(saturating("1.29.0"), new Uint8Array(), {});
  await openSession(saturating("1.30.0"), INTEGERS, {});
});

test("a failure of the first session is told as one of the base", async () => {
  const ort = saturating("1.30.0");
  ort.InferenceSession.create = async () => {
    throw new Error("no kernels");
  };
  await assert.rejects(openSession(ort, INTEGERS, {}), (error) => error instanceof BaseFormatError);
});
