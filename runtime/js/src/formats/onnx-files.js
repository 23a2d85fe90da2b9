/**
 * The graph's file: its metadata, and a copy of it whose inputs are all required. Numbers of fields are those of
 * `onnx.proto`.
 */
import { BaseFormatError } from "../errors.js";
import { fieldsOf, varintBytes } from "./protobuf.js";
import { MODEL_FILE } from "./schema.js";

const [GRAPH, METADATA, INITIALIZER, INPUT, VALUE_NAME, TENSOR_NAME] = [7, 14, 5, 11, 1, 8];

/**
 * What an engine must know of a graph before it is opened: its `metadata`, and
 * `data`, the graph without the initializers that are defaults of inputs, so that every input is required. (A runtime
 * that ignores inputs with defaults would answer every task with the base's own biases.)
 * @typedef {{metadata: Map<string, string>, data: Uint8Array}} GraphFile
 */

/**
 * Read a graph. Throws BaseFormatError.
 * @param {Uint8Array} data
 * @returns {GraphFile}
 */
export function readGraph(data) {
  try {
    if (!data.length) throw new RangeError("it is empty");
    const fields = fieldsOf(data, 0, data.length);
    const entries = fields.filter(({ number }) => number === METADATA);
    const metadata = new Map(entries.map(({ begin, end }) => entry(data, begin, end)));
    return { metadata, data: withoutDefaults(data, fields) };
  } catch (error) {
    throw noGraph(error);
  }
}

/** @param {unknown} error */
export function noGraph(error) {
  if (!(error instanceof RangeError)) return error;
  return new BaseFormatError(`${MODEL_FILE} is not an ONNX graph (${error.message}); copy or export the base again`);
}

/** @param {Uint8Array} data @param {number} begin @param {number} end */
const text = (data, begin, end) => new TextDecoder().decode(data.subarray(begin, end));

/**
 * Return a (key, value) pair; where a field is there twice, the last one counts.
 * @param {Uint8Array} data @param {number} start @param {number} stop
 * @returns {[string, string]}
 */
export function entry(data, start, stop) {
  const found = ["", "", ""];
  for (const { number, begin, end } of fieldsOf(data, start, stop)) found[number] = text(data, begin, end);
  return [found[1], found[2]];
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
