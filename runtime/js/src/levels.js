/** Levels of a graph: the stretches of its layers between branch points, each with rows and biases of its own. */
import { biasesOf } from "./formats/pack.js";
import { isBelow } from "./formats/manifest.js";
import { BIASES } from "./formats/schema.js";

/** @typedef {import("./formats/manifest.js").Manifest} Manifest */
/** @typedef {import("./formats/pack.js").Pack} Pack */

/**
 * The levels of a base, from below. Level i begins at encoder layer `starts[i]`, has `layers[i]` layers, the last one
 * perhaps none, and the bias inputs `biases[i]`.
 * @typedef {{starts: number[], layers: number[], biases: string[][]}} Levels
 *
 * What a pack computes with, so that packs can be compared: packs of equal content are equal here. `biases[i]` stands for
 * the biases up to the end of level i, 0 where they are all the base's; `head` for the head, 0 without one.
 * @typedef {{biases: number[], head: number}} Identity
 */

/**
 * Return the levels of a base.
 * @param {Manifest} manifest
 * @returns {Levels}
 */
export function levelsOf({ branches, layers, biases }) {
  const starts = [0, ...branches];
  const ends = [...branches, layers];
  /** @type {string[][]} */
  const names = starts.map(() => []);
  for (const spec of biases) names[branches.filter((layer) => !isBelow(spec, layer)).length].push(spec.name);
  return { starts, layers: ends.map((end, index) => end - starts[index]), biases: names };
}

/** The identities of one base's packs, each found when it is first asked for; they live as long as their packs. */
export class Identities {
  #manifest;
  /** @type {WeakMap<Pack, Identity>} */
  #known = new WeakMap();
  /** @type {{pack: WeakRef<Pack>, biases: number, head: number}[]} */
  #packs = [];
  #next = 1;

  /** @param {Manifest} manifest */
  constructor(manifest) {
    this.#manifest = manifest;
  }

  /**
   * Return the identity of a pack, or of the bare base.
   * @param {Pack | undefined} pack
   * @returns {Identity}
   */
  of(pack) {
    const { branches } = this.#manifest;
    if (!pack) return { biases: [...branches, 0].map(() => 0), head: 0 };
    let found = this.#known.get(pack);
    if (!found) {
      this.#packs = this.#packs.filter(({ pack: other }) => other.deref());
      const specs = biasesOf(pack.info, this.#manifest);
      const own = specs.length ? this.#number(pack, "biases", BIASES) : 0;
      const biases = branches.map((layer) => (specs.some((spec) => isBelow(spec, layer)) ? own : 0));
      found = { biases: [...biases, own], head: this.#number(pack, "head", "head.") };
      this.#known.set(pack, found);
      this.#packs.push({ pack: new WeakRef(pack), biases: own, head: found.head });
    }
    return found;
  }

  /** @param {Pack} pack @param {"biases" | "head"} part @param {string} prefix */
  #number(pack, part, prefix) {
    const names = [...pack.tensors.keys()].filter((name) => name.startsWith(prefix));
    if (!names.length) return 0;
    const equal = this.#packs.find(({ pack: ref }) => {
      const other = ref.deref();
      return other && sameReading(pack, other) && names.every((name) => sameNumbers(pack, other, name));
    });
    return equal?.[part] || this.#next++;
  }
}

/** @param {Pack} one @param {Pack} two whether equal tensors mean the same in both */
function sameReading({ info: one }, { info: two }) {
  return one.encoding === two.encoding && one.fromLayer === two.fromLayer && `${one.terms}` === `${two.terms}`;
}

/** @param {Pack} one @param {Pack} two @param {string} name */
function sameNumbers(one, two, name) {
  const [mine, other] = [one.tensors.get(name)?.data, two.tensors.get(name)?.data];
  return mine?.length === other?.length && mine?.every((value, index) => value === other?.[index]);
}
