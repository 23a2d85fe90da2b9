/**
 * The graph's file: which weights it takes from elsewhere, and a copy of it whose inputs are all required.
 *
 * Numbers of fields are those of `onnx.proto`. Only those messages are entered that can hold a tensor.
 */
import { BaseFormatError } from "../errors.js";
import { fieldsOf, varintBytes } from "./protobuf.js";
import { MODEL_FILE } from "./schema.js";

/** @type {Record<string, Record<number, string>>} message → field → the message in it */
const MESSAGES = {
  Model: { 7: "Graph", 20: "TrainingInfo", 25: "Function" },
  Graph: { 1: "Node", 5: "Tensor", 15: "SparseTensor" },
  Node: { 5: "Attribute" },
  Attribute: { 5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor" },
  SparseTensor: { 1: "Tensor", 2: "Tensor" },
  Function: { 7: "Node", 11: "Attribute" },
  TrainingInfo: { 1: "Graph", 2: "Graph" },
  Tensor: { 13: "Entry" },
};
const DEEPEST = 64;
const [GRAPH, METADATA, INITIALIZER, INPUT, VALUE_NAME, TENSOR_NAME] = [7, 14, 5, 11, 1, 8];

/**
 * What an engine must know of a graph before it is opened: `external`, the files that it names, its `metadata`, and
 * `data`, the graph without the initializers that are defaults of inputs, so that every input is required. (A runtime
 * that ignores inputs with defaults would answer every task with the base's own biases.)
 * @typedef {{external: Set<string>, metadata: Map<string, string>, data: Uint8Array}} GraphFile
 */

/**
 * Read a graph. Throws BaseFormatError.
 * @param {Uint8Array} data
 * @returns {GraphFile}
 */
export function readGraph(data) {
  try {
    if (!data.length) throw new RangeError("it is empty");
    const external = new Set(locations(data, 0, data.length, "Model", 0));
    const fields = fieldsOf(data, 0, data.length);
    const entries = fields.filter(({ number }) => number === METADATA);
    const metadata = new Map(entries.map(({ begin, end }) => entry(data, begin, end)));
    return { external, metadata, data: withoutDefaults(data, fields) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new BaseFormatError(`${MODEL_FILE} is not an ONNX graph (${error.message}); copy or export the base again`);
  }
}

/** @param {Uint8Array} data @param {number} begin @param {number} end */
const text = (data, begin, end) => new TextDecoder().decode(data.subarray(begin, end));

/**
 * Return a (key, value) pair; where a field is there twice, the last one counts.
 * @param {Uint8Array} data @param {number} start @param {number} stop
 * @returns {[string, string]}
 */
function entry(data, start, stop) {
  const found = ["", "", ""];
  for (const { number, begin, end } of fieldsOf(data, start, stop)) found[number] = text(data, begin, end);
  return [found[1], found[2]];
}

/**
 * Yield where tensors with external data say that it lies.
 * @param {Uint8Array} data @param {number} start @param {number} stop @param {string} message @param {number} depth
 * @returns {Generator<string>}
 */
function* locations(data, start, stop, message, depth) {
  if (depth > DEEPEST) throw new RangeError("it nests too deeply");
  if (message === "Entry") {
    const [key, value] = entry(data, start, stop);
    if (key === "location") yield value;
    return;
  }
  for (const { number, begin, end } of fieldsOf(data, start, stop)) {
    const inner = MESSAGES[message][number];
    if (inner) yield* locations(data, begin, end, inner, depth + 1);
  }
}

/** @param {Uint8Array} data @param {import("./protobuf.js").Field[]} fields */
function withoutDefaults(data, fields) {
  const graph = fields.find(({ number }) => number === GRAPH);
  if (!graph) throw new RangeError("it has no graph");
  const inner = fieldsOf(data, graph.begin, graph.end);
  /** @param {import("./protobuf.js").Field} field @param {number} own */
  const nameOf = (field, own) => {
    const name = fieldsOf(data, field.begin, field.end).find(({ number }) => number === own);
    return name && text(data, name.begin, name.end);
  };
  const inputs = new Set(inner.filter(({ number }) => number === INPUT).map((field) => nameOf(field, VALUE_NAME)));
  const dropped = inner.filter((field) => field.number === INITIALIZER && inputs.has(nameOf(field, TENSOR_NAME)));
  const size = dropped.reduce((left, { start, end }) => left - (end - start), graph.end - graph.begin);
  const head = Uint8Array.of(GRAPH * 8 + 2, ...varintBytes(size));
  const begins = [graph.begin, ...dropped.map(({ end }) => end)];
  const kept = begins.map((begin, index) => data.subarray(begin, dropped[index]?.start ?? data.length));
  return concatenated([data.subarray(0, graph.start), head, ...kept]);
}

/** @param {Uint8Array[]} parts */
function concatenated(parts) {
  const found = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let place = 0;
  for (const part of parts) {
    found.set(part, place);
    place += part.length;
  }
  return found;
}
