/** Typed access to parsed JSON: an error names the field, the expected type and the found one. */
import { shown } from "../failures.js";
import { Real, parseStrictly } from "./json.js";

/** @typedef {(message: string) => Error} Fail makes the error to throw from a one-line message */
/** @typedef {"string" | "boolean" | "integer" | "number" | "list" | "object"} Kind */

const HALF_A_PAIR = /\p{Surrogate}/u;
/** @type {Record<Kind, (value: any) => boolean>} */
const CHECKS = {
  string: (value) => typeof value === "string" && !HALF_A_PAIR.test(value),
  boolean: (value) => typeof value === "boolean",
  integer: Number.isSafeInteger,
  number: Number.isFinite,
  list: Array.isArray,
  object: (value) => value instanceof Map,
};

/** A JSON object whose fields are read by name and type. */
export class Fields {
  /** @type {Map<string, unknown>} */
  #value;
  #where;
  #fail;

  /**
   * @param {unknown} value
   * @param {string} where
   * @param {Fail} fail
   */
  constructor(value, where, fail) {
    if (!CHECKS.object(value)) throw fail(`${where}: expected an object, found ${shown(value)}`);
    this.#value = /** @type {Map<string, unknown>} */ (value);
    this.#where = where;
    this.#fail = fail;
  }

  get names() {
    return [...this.#value.keys()];
  }

  /** @param {string} name */
  has(name) {
    return this.#value.has(name);
  }

  /** @param {string} name */
  isNull(name) {
    return this.#value.get(name) === null;
  }

  /** @param {string} name @returns {unknown[]} */
  list(name) {
    return this.#get(name, "list");
  }

  /** @param {string} name @returns {string} */
  string(name) {
    return this.#get(name, "string");
  }

  /** @param {string} name @returns {boolean} */
  boolean(name) {
    return this.#get(name, "boolean");
  }

  /** @param {string} name @returns {number} */
  integer(name) {
    return this.#get(name, "integer");
  }

  /** @param {string} name @returns {number} */
  number(name) {
    return this.#get(name, "number");
  }

  /** @param {string} name */
  strings(name) {
    return /** @type {string[]} */ (this.#list(name, "string"));
  }

  /** @param {string} name */
  integers(name) {
    return /** @type {number[]} */ (this.#list(name, "integer"));
  }

  /** @param {string} name */
  numbers(name) {
    return /** @type {number[]} */ (this.#list(name, "number"));
  }

  /** @param {string} name */
  objects(name) {
    const items = /** @type {unknown[]} */ (this.#get(name, "list"));
    return items.map((item, index) => new Fields(item, `${this.#where}: ${name}[${index}]`, this.#fail));
  }

  /** @param {string} name */
  nested(name) {
    return new Fields(this.#get(name, "object"), `${this.#where}: ${name}`, this.#fail);
  }

  /**
   * Return a field that is an object whose values are all of one kind.
   * @param {string} name
   * @param {Kind} kind
   * @returns {Map<string, any>}
   */
  mapping(name, kind) {
    const inner = this.nested(name);
    return new Map([...inner.#value.keys()].map((key) => [inner.#typed(key, key, "string"), inner.#get(key, kind)]));
  }

  /**
   * Return a field that is a list of so many lists of numbers.
   * @param {string} name
   * @param {number} count
   */
  vectors(name, count) {
    const rows = /** @type {unknown[]} */ (this.#get(name, "list"));
    if (rows.length !== count || !rows.every(Array.isArray)) {
      throw this.#fail(`${this.#where}: field '${name}' should be ${count} lists of numbers`);
    }
    return rows.map((row) => Float32Array.from(row, (item) => this.#typed(item, name, "number")));
  }

  /**
   * Check that field `schema_version` is one of those that are known.
   * @param {number[]} versions
   */
  schema(versions) {
    const found = this.integer("schema_version");
    if (!versions.includes(found)) {
      const remedy = found > Math.max(...versions) ? "upgrade bitfit-edge" : "there was no such version";
      throw this.#fail(`${this.#where} has schema version ${found}, this runtime reads ${versions}; ${remedy}`);
    }
    return found;
  }

  /**
   * @param {string} name
   * @param {readonly string[]} allowed
   */
  choice(name, allowed) {
    const value = this.string(name);
    if (!allowed.includes(value)) {
      throw this.#fail(`${this.#where}: field '${name}' should be one of ${allowed.join(", ")}, found '${value}'`);
    }
    return value;
  }

  /** @param {string} name @param {Kind} kind */
  #list(name, kind) {
    return this.#get(name, "list").map((/** @type {unknown} */ item) => this.#typed(item, name, kind));
  }

  /** @param {string} name @param {Kind} kind */
  #get(name, kind) {
    if (!this.#value.has(name)) throw this.#fail(`${this.#where}: field '${name}' is missing`);
    return this.#typed(this.#value.get(name), name, kind);
  }

  /** @param {unknown} value @param {string} name @param {Kind} kind @returns {any} */
  #typed(value, name, kind) {
    const plain = kind === "number" && value instanceof Real ? value.value : value;
    if (CHECKS[kind](plain)) return plain;
    throw this.#fail(`${this.#where}: field '${name}' should be a valid ${kind}, found ${shown(value)}`);
  }
}

/**
 * Parse JSON.
 * @param {Uint8Array} data
 * @param {string} where
 * @param {Fail} fail
 * @returns {unknown}
 */
export function parseJson(data, where, fail) {
  try {
    return parseStrictly(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data));
  } catch (error) {
    throw fail(`${where} is not JSON (${error instanceof Error ? error.message : error})`);
  }
}
