/** What people would write without bitfit-edge: files from the Cache API, a session, a run. */
import * as ort from "../../onnxruntime-web/dist/ort.wasm.bundle.min.mjs";

const IDS = [101, 7632, 1010, 2043, 2097, 2026, 20463, 2022, 2182, 102]; // "hi, when will my parcel be here"

export async function start(options) {
  const [graph, data] = await Promise.all([kept("model.onnx"), kept("model.weights")]);
  const session = await ort.InferenceSession.create(graph, {
    ...options,
    externalData: [{ path: "model.weights", data }],
  });
  const tokens = (values) => new ort.Tensor("int64", BigInt64Array.from(values, BigInt), [1, values.length]);
  const found = await session.run({
    input_ids: tokens(IDS),
    attention_mask: tokens(IDS.map(() => 1)),
    token_type_ids: tokens(IDS.map(() => 0)),
  });
  postMessage(String(found.pooled.data[0]));
}

async function kept(name) {
  const url = new URL(`../base/${name}`, import.meta.url);
  const cache = await caches.open("bare");
  let found = await cache.match(url);
  if (!found) {
    await cache.add(url);
    found = await cache.match(url);
  }
  return new Uint8Array(await found.arrayBuffer());
}
