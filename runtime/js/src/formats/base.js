/** Bases: a graph, its weights, biases, tokenizer and manifest, from wherever their files come. */
import { neededDigest } from "../digests.js";
import { BaseFormatError, BaseIntegrityError, BaseNotFoundError } from "../errors.js";
import { part } from "../failures.js";
import { parseManifest } from "./manifest.js";
import { readGraph } from "./onnx-files.js";
import { parseSafetensors } from "./safetensors.js";
import {
  BIASES_FILE,
  CONFIG_FILE,
  LIMITS,
  MANIFEST_FILE,
  MODEL_FILE,
  TOKENIZER_FILE,
  WEIGHTS_DIGEST,
  WEIGHTS_FILE,
} from "./schema.js";

/**
 * Where the files of a base come from. `read` returns undefined where there is no such file; `mapped` is set where a file
 * can lie beside the graph for ONNX Runtime to map, in folder `folder`, and gives its digest.
 * @typedef {object} Source
 * @property {string} where
 * @property {(name: string, sha256?: string) => Promise<Uint8Array | undefined>} read
 * @property {WeakMap<Uint8Array, string>} [digests] of what was read, as far as they are known
 * @property {{folder: string, digest(name: string): Promise<string | undefined>}} [mapped]
 *
 * A base whose files were read and checked. `graph` is what ONNX Runtime opens; `weights` are absent where they are
 * mapped from `folder`, or in the graph. `defaults` maps each bias input to its default.
 * @typedef {object} Base
 * @property {import("./manifest.js").Manifest} manifest
 * @property {Map<string, Float32Array>} defaults
 * @property {Uint8Array} graph
 * @property {Uint8Array} [weights]
 * @property {string} [folder]
 * @property {Uint8Array} tokenizer
 */

const COMPANIONS = [MODEL_FILE, TOKENIZER_FILE, CONFIG_FILE, BIASES_FILE]; // and the weights, unless the graph holds them

/**
 * Read a base and compare each file with its digest, unless `digest` is `"none"`; any other `digest` is the base's own,
 * which it must have. Throws BaseNotFoundError, BaseFormatError, BaseIntegrityError, UnsupportedError.
 * @param {Source} source
 * @param {boolean} isNative whether ONNX Runtime reads files itself
 * @param {string} [digest]
 * @returns {Promise<Base>}
 */
export async function openBase(source, isNative, digest) {
  const { where, mapped } = source;
  const text = await source.read(MANIFEST_FILE);
  if (!text)
    throw new BaseNotFoundError(`${where} is not a base: it has no ${MANIFEST_FILE}; make one with 'bitfit export'`);
  const manifest = parseManifest(text, MANIFEST_FILE);
  checkFiles(manifest.files);
  if (digest !== undefined && digest !== "none" && digest !== manifest.digest) {
    throw new BaseIntegrityError(`${where} is base ${manifest.digest}, expected ${digest}; get the base that is meant`);
  }
  const digestOf = async (/** @type {Uint8Array} */ data) => source.digests?.get(data) ?? neededDigest(data);
  const names = [...manifest.files.keys()];
  const read = await Promise.all(
    names.map(async (name) => {
      const expected = /** @type {string} */ (manifest.files.get(name));
      const isMapped = mapped && name === WEIGHTS_FILE;
      const data = isMapped ? undefined : await source.read(name, expected);
      if (!isMapped && !data) throw lacks(where, name);
      if (digest === "none") return data;
      const found = isMapped ? await mapped.digest(name) : await digestOf(/** @type {Uint8Array} */ (data));
      if (found === undefined) throw lacks(where, name);
      if (found !== expected) {
        throw new BaseIntegrityError(
          `${name} was altered or is incomplete: expected SHA-256 ${expected.slice(0, 12)}…, found ` +
            `${found.slice(0, 12)}…; copy or export the base again`,
        );
      }
      return data;
    }),
  );
  const files = new Map(names.map((name, index) => [name, read[index]]));
  const of = (/** @type {string} */ name) => /** @type {Uint8Array} */ (files.get(name));
  return {
    manifest,
    defaults: defaultsOf(of(BIASES_FILE), manifest),
    graph: await checkedGraph(of(MODEL_FILE), manifest.files, isNative),
    weights: files.get(WEIGHTS_FILE),
    folder: mapped?.folder,
    tokenizer: of(TOKENIZER_FILE),
  };
}

/** @param {string} where @param {string} name */
const lacks = (where, name) => new BaseNotFoundError(`${where} lacks ${name}; copy the whole base, or export it again`);

/** @param {Map<string, string>} files */
function checkFiles(files) {
  const missing = COMPANIONS.find((name) => !files.has(name));
  if (missing) throw new BaseFormatError(`${MANIFEST_FILE} does not list ${missing}; export the base again`);
  const unknown = [...files.keys()].find((name) => ![...COMPANIONS, WEIGHTS_FILE].includes(name));
  if (unknown !== undefined) {
    throw new BaseFormatError(`${MANIFEST_FILE} lists '${unknown}', which is not a file of a base; export it again`);
  }
}

/**
 * Return the graph to open. Its weights may only be in the file that the manifest lists, of the digest that it names: any
 * other could be altered unnoticed, or answer under another base's identity.
 * @param {Uint8Array} data
 * @param {Map<string, string>} files
 * @param {boolean} isNative
 */
async function checkedGraph(data, files, isNative) {
  const { metadata, data: graph } = readGraph(data);
  const external = isNative ? (await part(import("./onnx-external.js"))).externalFiles(data) : [];
  const strange = [...external].find((name) => name !== WEIGHTS_FILE || !files.has(name));
  if (strange !== undefined) {
    throw new BaseIntegrityError(
      `${MODEL_FILE} takes weights from '${strange}', which the manifest does not list; copy or export the base again`,
    );
  }
  const [named, listed] = [metadata.get(WEIGHTS_DIGEST) ?? "", files.get(WEIGHTS_FILE) ?? ""];
  if (named !== listed) {
    throw new BaseIntegrityError(
      `${MODEL_FILE} belongs to weights with SHA-256 ${named.slice(0, 12) || "(none)"}, the manifest lists ` +
        `${listed.slice(0, 12) || "(none)"}; copy or export the base again`,
    );
  }
  return graph;
}

/** @param {Uint8Array} data @param {import("./manifest.js").Manifest} manifest */
function defaultsOf(data, { biases }) {
  const fail = (/** @type {string} */ message) => new BaseFormatError(`${message}; export the base again`);
  const { tensors } = parseSafetensors(data, BIASES_FILE, LIMITS.manifestBytes, fail);
  return new Map(
    biases.map(({ name, size }) => {
      const tensor = tensors.get(name);
      if (tensor?.dtype !== "F32" || tensor.shape.length !== 1 || tensor.data.length !== size) {
        throw fail(`${BIASES_FILE}: expected ${name} as float32 [${size}]`);
      }
      return [name, /** @type {Float32Array} */ (tensor.data)];
    }),
  );
}
