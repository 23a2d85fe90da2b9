/** Names, versions and limits of files. `docs/formats.md` is the prose twin of this module. */
export const MODEL_FILE = "model.onnx";
export const WEIGHTS_FILE = "model.weights";
export const MANIFEST_FILE = "bitfit.json";
export const TOKENIZER_FILE = "tokenizer.json";
export const CONFIG_FILE = "config.json";
export const BIASES_FILE = "biases.safetensors";
/** Key of the graph's metadata under which it names the SHA-256 of its weights' file. */
export const WEIGHTS_DIGEST = "bitfit.weights.sha256";

/** Tensors of a pack besides the head's. */
export const BIASES = "biases";
export const CANARY = "canary";
export const TRANSITIONS = "transitions";
export const CENTRES = "outlier.centres";
export const SCALE = ".scale";

/** Fields of packs that came later, which change answers, and the first schema that has them. */
export const PACK_FIELDS = { from_layer: 2, windows: 2, decisions: 3, transitions: 3, words: 3 };

/** Upper bounds that are checked before anything is allocated. Sizes are in bytes. */
export const LIMITS = Object.freeze({
  manifestBytes: 16 << 20,
  packBytes: 64 << 20,
  metadataBytes: 2 << 20,
  labels: 65_536,
  tokens: 65_536,
  taskNameCharacters: 256,
  canaryTexts: 64,
  windows: 1024,
  layers: 65_536,
  tags: 512,
  score: 20, // of a transition, in size
  centreCodes: 1 << 20,
});
