/** Run any number of small language tasks on one frozen encoder. */
export { Engine } from "./engine.js";
export * from "./errors.js";
export { CACHE } from "./downloads.js";
