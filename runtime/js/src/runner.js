/** Runs requests: each batch once, and each request's part of what comes back. */
import { biasFeeds, branchFeeds, headFeeds, int64, tokenFeeds } from "./batching.js";
import { LAST_HIDDEN_STATE, LOGITS, POOLED, TOKENS_READ, TOKEN_LOGITS } from "./graph.js";

/** @typedef {import("./pack-cache.js").DecodedPack} DecodedPack */
/** @typedef {import("./formats/pack.js").Pack} Pack */
/** @typedef {import("./planning.js").Batch} Batch */

/**
 * One row of a call, or one window of it, ready to run. `pack` answers it, undefined being the bare base; `output` is the
 * graph's output that is wanted of it, and its pooled vector besides where `pooled` is true.
 * @typedef {object} Request
 * @property {Pack | undefined} pack
 * @property {import("./tokenized-text.js").TokenizedText} tokens
 * @property {string} output
 * @property {boolean} pooled
 *
 * What the graph gave for a row, without padding: the output that was wanted, and the pooled vector besides.
 * @typedef {{values: Float32Array, pooled?: Float32Array}} Found
 *
 * A session with what it takes to run requests on it. `bare` stands for the base without a pack.
 * @typedef {object} Machine
 * @property {import("./session.js").Ort} ort
 * @property {import("./session.js").Session} session
 * @property {import("./formats/manifest.js").Manifest} manifest
 * @property {import("./levels.js").Levels} levels
 * @property {import("./levels.js").Identities} identities
 * @property {import("./padding.js").Padding} padding
 * @property {DecodedPack} bare
 */

/**
 * Return the pack whose head a request's output goes through, undefined where it goes through none.
 * @param {Request} request
 */
const headOf = ({ output, pack }) => (output === LOGITS || output === TOKEN_LOGITS ? pack : undefined);

/**
 * Return the batches in which requests run.
 * @param {Machine} machine
 * @param {import("./planning.js").Planner} planner
 * @param {Request[]} requests
 */
export function planned({ identities }, planner, requests) {
  const leaves = requests.map((request) => {
    const { tokens, pack } = request;
    const head = headOf(request);
    const keys = identities.of(pack).biases.map(String);
    keys[keys.length - 1] += `:${identities.of(head).head}`;
    return { text: tokens.key, length: tokens.length, keys, labels: head?.info.labels.length ?? 0 };
  });
  return planner.plan(leaves);
}

/**
 * Run every request and return its output, without padding, in their order.
 * @param {Machine} machine
 * @param {import("./planning.js").Planner} planner
 * @param {import("./pack-cache.js").PackCache} packs
 * @param {Request[]} requests
 * @param {AbortSignal} [signal]
 */
export async function run(machine, planner, packs, requests, signal) {
  /** @type {Found[]} */
  const results = [];
  for (const batch of planned(machine, planner, requests)) {
    signal?.throwIfAborted();
    const decoded = new Map([[/** @type {Pack | undefined} */ (undefined), machine.bare]]);
    for (const { requests: own } of batch.levels) {
      for (const index of own) {
        const { pack } = requests[index];
        if (pack && !decoded.has(pack)) decoded.set(pack, packs.get(pack));
      }
    }
    const wanted = new Set();
    for (const index of batch.rows.keys()) {
      wanted.add(requests[index].output);
      if (requests[index].pooled) wanted.add(POOLED);
    }
    const feeds = feedsOf(machine, batch, requests, decoded, wanted.has(TOKEN_LOGITS));
    const found = await machine.session.run(feeds, [...wanted]);
    for (const [index, row] of batch.rows) {
      const request = requests[index];
      results[index] = { values: partOf(found[request.output], row, request) };
      if (request.pooled) results[index].pooled = rowOf(found[POOLED], row).slice();
    }
  }
  return results;
}

/**
 * Return what a batch feeds to the graph: tokens, what continues what, biases of each level, heads.
 * @param {Machine} machine
 * @param {Batch} batch
 * @param {Request[]} requests
 * @param {Map<Pack | undefined, DecodedPack>} decoded
 * @param {boolean} readsTokens
 */
function feedsOf({ ort, session, manifest, levels, bare }, batch, requests, decoded, readsTokens) {
  const of = (/** @type {Pack | undefined} */ pack) => /** @type {DecodedPack} */ (decoded.get(pack));
  const texts = batch.levels[0].requests.map((index) => requests[index].tokens);
  const feeds = tokenFeeds(ort, texts, manifest, batch.width);
  const add = (/** @type {[string, import("./session.js").Tensor][]} */ some) => {
    for (const [name, tensor] of some) feeds.set(name, tensor);
  };
  add(
    branchFeeds(
      ort,
      batch.levels.map(({ below }) => below),
      levels.starts,
    ),
  );
  batch.levels.forEach((level, index) => {
    add(
      biasFeeds(
        ort,
        level.requests.map((own) => of(requests[own].pack)),
        levels.biases[index],
        bare,
      ),
    );
  });
  const [last] = batch.levels.slice(-1);
  add(
    headFeeds(
      ort,
      last.requests.map((own) => of(headOf(requests[own]))),
      bare,
    ),
  );
  if (session.inputNames.includes(TOKENS_READ)) add([[TOKENS_READ, int64(ort, [readsTokens ? batch.width : 0], [1])]]);
  return feeds;
}

/** @param {import("./session.js").Tensor} tensor @param {number} row @returns {Float32Array} */
function rowOf({ data, dims }, row) {
  const size = data.length / dims[0];
  return data.subarray(row * size, (row + 1) * size);
}

/**
 * Return a request's part of its row of the graph's output, copied: without padding, and with its own labels alone.
 * @param {import("./session.js").Tensor} tensor @param {number} row @param {Request} request
 * @returns {Float32Array}
 */
function partOf(tensor, row, { output, tokens, pack }) {
  const values = rowOf(tensor, row);
  const width = tensor.dims[tensor.dims.length - 1];
  const lines = output === TOKEN_LOGITS || output === LAST_HIDDEN_STATE ? tokens.length : 1;
  const own = pack && (output === LOGITS || output === TOKEN_LOGITS) ? pack.info.labels.length : width;
  const found = new Float32Array(lines * own);
  for (let line = 0; line < lines; line++) found.set(values.subarray(line * width, line * width + own), line * own);
  return found;
}
