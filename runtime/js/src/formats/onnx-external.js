/**
 * Files that a graph takes weights from. Native builds of ONNX Runtime read them from wherever the graph says. Only those
 * messages are entered that can hold a tensor; numbers of fields are those of `onnx.proto`.
 */
import { entry, noGraph } from "./onnx-files.js";
import { fieldsOf } from "./protobuf.js";

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
/**
 * Return the locations of external data that a graph names. Throws BaseFormatError.
 * @param {Uint8Array} data
 */
export function externalFiles(data) {
  try {
    return new Set(locations(data, 0, data.length, "Model", 0));
  } catch (error) {
    throw noGraph(error);
  }
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
