/** The base and the packs of the shared vectors, without any build of ONNX Runtime. */
import { readFileSync } from "node:fs";

export const VECTORS = new URL("../../../tests/vectors/", import.meta.url);
export const BASE = new URL("base", VECTORS).pathname;

/** Return the files of a base by their names. */
export function filesOf(folder = BASE) {
  const names = ["bitfit.json", "model.onnx", "model.weights", "tokenizer.json", "config.json", "biases.safetensors"];
  return Object.fromEntries(names.map((name) => [name, new Uint8Array(readFileSync(`${folder}/${name}`))]));
}

/** Return a pack of the vectors' base. */
export const packBytes = (name) => new Uint8Array(readFileSync(new URL(`packs/${name}.safetensors`, VECTORS)));
