/** Run any number of small language tasks on one frozen encoder. */
export { Engine } from "./engine.js";
export * from "./errors.js";
export { CACHE } from "./downloads.js";

/** @typedef {import("./engine.js").EngineOptions} EngineOptions */
/** @typedef {import("./engine.js").InstallOptions} InstallOptions */
/** @typedef {import("./inputs.js").Input} Input */
/** @typedef {import("./inputs.js").Row} Row */
/** @typedef {import("./formats/pack.js").PackInfo} PackInfo */
/** @typedef {import("./explain.js").Sharing} Sharing */
/** @typedef {import("./downloads.js").Progress} Progress */
/** @typedef {import("./tasks/base.js").Answer} Answer */
