/** The engine: one session, any number of tasks. */
import { answerOf, outputsOf, plansOf, wantedOf } from "./answers.js";
import { checkDigest, checkName, checkOptions, wholeNumber } from "./arguments.js";
import { neededDigest } from "./digests.js";
import { InputError, PackFormatError, PackNotFoundError, UnknownTaskError } from "./errors.js";
import { part, shown } from "./failures.js";
import { parsePack } from "./formats/pack-file.js";
import { LIMITS } from "./formats/schema.js";
import { LAST_HIDDEN_STATE, POOLED } from "./graph.js";
import { asRows, asRowsPerTask } from "./inputs.js";
import { loadMachine } from "./loading.js";
import { PackCache, inGraphShapes } from "./pack-cache.js";
import { Planner, WIDEST_OF_ONE_TEXT } from "./planning.js";
import { readOne } from "./sources.js";

/** @typedef {import("./inputs.js").Input} Input */
/** @typedef {import("./inputs.js").Row} Row */
/** @typedef {import("./inputs.js").Asked} Asked */
/** @typedef {import("./formats/pack.js").Pack} Pack */
/** @typedef {import("./formats/pack.js").PackInfo} PackInfo */
/** @typedef {import("./tasks/base.js").Answer} Answer */
/** @typedef {import("./sources.js").Bytes} Bytes */
/** @typedef {import("./answers.js").Wanted} Wanted */

/**
 * A list of more than `batchSize` rows, or of more than `maxBatchTokens` padded tokens, is run in several batches of
 * similar length. Of the packs used last at most `packCacheBytes` are kept decoded.
 * @typedef {object} Budget
 * @property {number} [batchSize] 32
 * @property {number} [maxBatchTokens] 512
 * @property {number} [packCacheBytes] 16 MiB
 *
 * `ort` is ONNX Runtime, of any of its packages. `digest` is the digest that the base must have, `"none"` not to check
 * digests at all. `tokenizers` is the npm package of that name, for bases whose tokenizer is not BERT's.
 * @typedef {import("./loading.js").LoadOptions & Budget} EngineOptions
 *
 * `sha256` is the digest that the pack must have. With `canary` true it must also answer its canary as it did where it was
 * made, before it replaces an earlier one.
 * @typedef {object} InstallOptions
 * @property {string} [sha256]
 * @property {boolean} [canary]
 * @property {AbortSignal} [signal]
 * @property {boolean | string} [cache] whether a pack with `sha256` is kept in the Cache API, as by `Engine.load`
 */

const LOADING = ["ort", "tokenizers", "onProgress", "digest", "signal", "cache", "sessionOptions", "selfTest"];
const BUDGET = ["batchSize", "maxBatchTokens", "packCacheBytes"];

/** Answers texts with any of the tasks that are installed, another one for every row if need be. */
export class Engine {
  #parts;
  #budget;
  #planner;
  #cache;
  /** @type {ReadonlyMap<string, Pack>} */
  #packs = new Map();
  /** @type {Promise<string | undefined> | undefined} */
  #fingerprint;
  #disposed = false;
  #warned = false;

  /**
   * Not to be called: `Engine.load` is.
   * @param {import("./loading.js").Parts} parts
   * @param {Required<Budget>} budget
   */
  constructor(parts, budget) {
    const { machine, base } = parts;
    const { batchSize, maxBatchTokens: maxTokens, packCacheBytes } = budget;
    const limits = { batchSize, maxTokens, mostTokens: WIDEST_OF_ONE_TEXT * maxTokens };
    this.#parts = parts;
    this.#budget = budget;
    this.#planner = new Planner(machine.levels, machine.padding, machine.manifest.hiddenSize, limits);
    this.#cache = new PackCache(machine.ort, base, packCacheBytes);
  }

  /**
   * Load a base from a URL, from files by their names, or, in Node, from a folder. Throws BaseError or one of its
   * subclasses, UnreachableError, UnsupportedError, OutOfMemoryError, InputError.
   * @param {import("./sources.js").Place} place
   * @param {EngineOptions} options
   */
  static async load(place, options) {
    checkOptions(options, [...LOADING, ...BUDGET]);
    const { batchSize = 32, maxBatchTokens = 512, packCacheBytes = 16 << 20, ...loading } = options;
    const budget = {
      batchSize: wholeNumber(batchSize, "batchSize", 1),
      maxBatchTokens: wholeNumber(maxBatchTokens, "maxBatchTokens", 1),
      packCacheBytes: wholeNumber(packCacheBytes, "packCacheBytes", 0),
    };
    checkDigest(options.digest, "digest", "sha256:");
    return new Engine(await loadMachine(place, loading), budget);
  }

  /** What the base says about itself. */
  get base() {
    const { name, digest, precision, maxLength, hiddenSize } = this.#parts.machine.manifest;
    return { name, digest, precision, maxLength, hiddenSize };
  }

  /** What each installed task's pack says about itself, by the tasks' names. */
  get tasks() {
    return Object.fromEntries([...this.#packs].map(([name, { info }]) => [name, info]));
  }

  /**
   * 16 hexadecimal digits: engines on a base that have the same answer alike to the bit. Undefined where nothing can be
   * hashed, as on pages without https.
   */
  kernelFingerprint() {
    this.#fingerprint ??= part(import("./fingerprint.js")).then((module) =>
      module.kernelFingerprint(this.#parts.machine),
    );
    return this.#fingerprint;
  }

  /**
   * Install a pack under a task name, replacing the one that was there. If it cannot be used the earlier one stays.
   * Throws PackError or one of its subclasses, CanaryError, UnreachableError, InputError.
   * @param {string} name
   * @param {Bytes | string | URL} pack bytes, a URL or, in Node, a path
   * @param {InstallOptions} [options]
   * @returns {Promise<PackInfo>}
   */
  async install(name, pack, options = {}) {
    this.#check();
    checkName(name);
    checkOptions(options, ["sha256", "canary", "signal", "cache"]);
    const { sha256, canary, ...downloading } = options;
    checkDigest(sha256, "sha256", "");
    const where = typeof pack === "string" || pack instanceof URL ? String(pack) : "the pack";
    const data = await readOne(pack, where, { ...downloading, sha256, limit: LIMITS.packBytes });
    if (!data) throw new PackNotFoundError(`no pack at ${where}; make one with 'bitfit train'`);
    if (sha256 !== undefined && sha256 !== "none" && (await neededDigest(data)) !== sha256) {
      throw new PackFormatError(`${where} has another digest than ${sha256.slice(0, 12)}…; get the pack again`);
    }
    const parsed = await parsePack(data, where);
    const { machine, base } = this.#parts;
    inGraphShapes(machine.ort, parsed, base);
    if (canary) await this.#tryCanary(parsed);
    options.signal?.throwIfAborted();
    this.#check();
    this.#warnOnce(name, parsed.info);
    this.#replace(new Map([...this.#packs, [name, parsed]]));
    return parsed.info;
  }

  /**
   * Remove a task. Throws UnknownTaskError.
   * @param {string} name
   */
  remove(name) {
    this.#find(name);
    this.#replace(new Map([...this.#packs].filter(([key]) => key !== name)));
  }

  /**
   * Answer one text or row, or a list of them with a list in the same order. A text is answered by `task`; a row names its
   * own, and every row may have another. With `tasks` each input is answered by all of them: an object of answers by the
   * tasks' names. A text that is too long is answered in windows where the pack declares them; what is left is cut, which
   * the answer's `truncated` says. Throws InputError, UnknownTaskError, and PackFormatError where a pack gives what is no
   * finite number.
   * @template {Input | Input[]} I
   * @template {Asked & {signal?: AbortSignal}} A
   * @param {I} inputs
   * @param {A} [options]
   * @returns {Promise<A extends {tasks: string[]}
   *   ? (I extends Input[] ? Record<string, Answer>[] : Record<string, Answer>)
   *   : (I extends Input[] ? Answer[] : Answer)>}
   */
  async predict(inputs, options) {
    const { task, tasks, signal } = this.#asked(options);
    const rows = tasks ? asRowsPerTask(inputs, tasks).flat() : asRows(inputs, task);
    const answers = await this.#outputs(
      rows.map((row) => wantedOf(row, this.#find(row.task))),
      (one, text, found) => answerOf(this.#cache, one, text, found),
      signal,
    );
    const found = tasks ? byTask(answers, tasks) : answers;
    return /** @type {any} */ (Array.isArray(inputs) ? found : found[0]);
  }

  /**
   * Return each row's plain logits, `[labels]`, or `[tokens, labels]` end to end where the task labels tokens.
   * @param {Input | Input[]} inputs
   * @param {Asked & {signal?: AbortSignal}} [options]
   * @returns {Promise<Float32Array[]>}
   */
  async logits(inputs, options) {
    const { task, signal } = this.#asked(options);
    const wanted = asRows(inputs, task).map((row) => wantedOf(row, this.#find(row.task)));
    const odd = wanted.find(({ output }) => output === POOLED);
    if (odd) throw new InputError(`task '${odd.row.task}' is an embedding, which has no logits; use embed or predict`);
    return this.#outputs(wanted, (_one, _text, { values }) => values, signal);
  }

  /**
   * Return each row's pooled vector: the bare base's where a row has no task.
   * @param {Input | Input[]} inputs
   * @param {Asked & {signal?: AbortSignal}} [options]
   */
  embed(inputs, options) {
    return this.#vectors(inputs, options, POOLED);
  }

  /**
   * Return each row's last hidden states, `[tokens, hidden]` end to end, without the padding.
   * @param {Input | Input[]} inputs
   * @param {Asked & {signal?: AbortSignal}} [options]
   */
  hiddenStates(inputs, options) {
    return this.#vectors(inputs, options, LAST_HIDDEN_STATE);
  }

  /**
   * Return what `predict` would share among the rows of such a call, without running it.
   * @param {Input | Input[]} inputs
   * @param {Asked} [options]
   */
  async explain(inputs, options) {
    const { task, tasks } = this.#asked(options);
    const rows = tasks ? asRowsPerTask(inputs, tasks).flat() : asRows(inputs, task);
    const batches = await plansOf(
      this.#context,
      rows.map((row) => wantedOf(row, this.#find(row.task))),
    );
    const { sharingOf } = await part(import("./explain.js"));
    return sharingOf(rows, batches, this.#parts.machine.levels);
  }

  /** Free the session, once what runs now has ended; the engine answers no more. */
  async dispose() {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#replace(new Map());
    await this.#parts.machine.session.release();
  }

  /** @param {Input | Input[]} inputs @param {(Asked & {signal?: AbortSignal}) | undefined} options @param {string} output */
  async #vectors(inputs, options, output) {
    const { task, signal } = this.#asked(options);
    const wanted = asRows(inputs, task).map((row) => {
      const pack = row.task === undefined ? undefined : this.#find(row.task);
      return { row, pack, output, besides: false };
    });
    return this.#outputs(wanted, (_one, _text, { values }) => values, signal);
  }

  get #context() {
    const { machine, tokenizer } = this.#parts;
    return { machine, tokenizer, planner: this.#planner, cache: this.#cache };
  }

  /**
   * @template T
   * @param {Wanted[]} wanted
   * @param {(one: Wanted, text: import("./windows.js").WindowedText, found: import("./runner.js").Found) => T} result
   * @param {AbortSignal} [signal]
   */
  #outputs(wanted, result, signal) {
    return outputsOf(this.#context, wanted, result, signal);
  }

  /** @param {Pack} pack */
  async #tryCanary(pack) {
    if (!pack.canary) return;
    const trial = new Engine(this.#parts, this.#budget);
    const rows = pack.canary.rows.map((row) => wantedOf({ ...row, task: "canary" }, pack));
    const values = await trial.#outputs(rows, (_one, _text, found) => found.values);
    const found = Float32Array.from(values.flatMap((value) => [...value]));
    const { checkCanary } = await part(import("./canary.js"));
    checkCanary(pack, found, await this.kernelFingerprint(), this.#parts.machine.manifest.selfTest.tolerance);
  }

  /** @param {string} name @param {PackInfo} info */
  #warnOnce(name, { tokenizer }) {
    if (tokenizer !== undefined || this.#warned) return;
    this.#warned = true;
    console.warn(
      `pack '${name}' does not name the tokenizer that it was trained with, as packs of version 0.1.0 do not; it is used, ` +
        "and is right if the base's is the same; train it again to have that checked (said once)",
    );
  }

  /** @param {ReadonlyMap<string, Pack>} packs */
  #replace(packs) {
    this.#packs = packs; // as a whole: a call that runs goes on with those it began with
    this.#cache.keep(packs.values());
  }

  /** @param {unknown} name @returns {Pack} */
  #find(name) {
    this.#check();
    if (name === undefined) throw new InputError("no task was given; pass {task: NAME}, or rows of {text, task}");
    const found = typeof name === "string" && this.#packs.get(name);
    if (found) return found;
    const known = [...this.#packs.keys()].sort().slice(0, 8).join(", ") || "none";
    throw new UnknownTaskError(`task ${shown(name)} is not installed (installed: ${known}); install its pack first`);
  }

  /** @param {(Asked & {signal?: AbortSignal}) | undefined} options */
  #asked(options = {}) {
    this.#check();
    checkOptions(options, ["task", "tasks", "signal"]);
    if (options.task !== undefined && options.tasks !== undefined) {
      throw new InputError("tasks cannot be combined with task; give one of them");
    }
    return options;
  }

  #check() {
    if (this.#disposed) throw new InputError("this engine was disposed of; load another one");
  }
}

/** @param {Answer[]} answers @param {string[]} tasks @returns {Record<string, Answer>[]} */
function byTask(answers, tasks) {
  const found = [];
  for (let start = 0; start < answers.length; start += tasks.length) {
    found.push(Object.fromEntries(tasks.map((task, index) => [task, answers[start + index]])));
  }
  return found;
}
