/** A card: one task, the pack that answers it, its answer, and the ways to swap another pack in. */
import { AnswerView, headline, made, remarks } from "./answers.js";
import { PACKS, SECOND, fetchPack } from "./packs.js";
import { inWords, kilobytes, percent } from "./words.js";

/** @typedef {import("../../../runtime/js/src/tasks/base.js").Answer} Answer */
/** @typedef {import("../../../runtime/js/src/formats/pack.js").PackInfo} PackInfo */

/** @typedef {import("../../../runtime/js/src/engine.js").InstallOptions} InstallOptions */
/** @typedef {(slot: string, data: Uint8Array, options: InstallOptions) => Promise<PackInfo>} Install */

const MOST_BYTES = 1 << 26; // what is larger is not even read
const NO_PACK = /** @type {PackInfo | undefined} */ (undefined);

export class Card {
  info = NO_PACK;
  bytes = 0;
  #install;
  #changed;
  #view;
  #file = ""; // which pack answers: the value of its option
  #last = Promise.resolve(); // swaps, one after another

  /**
   * `slot` is the name under which the engine holds the card's pack, whichever pack that is.
   * @param {string} slot
   * @param {Install} install
   * @param {() => void} changed called when another pack answers, or another second text is given
   */
  constructor(slot, install, changed) {
    this.slot = slot;
    this.#install = install;
    this.#changed = changed;
    const template = /** @type {HTMLTemplateElement} */ (document.querySelector("template#card"));
    const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.element = /** @type {HTMLElement} */ (copy.querySelector("article"));
    this.element.id = `card-${slot}`;
    this.#view = new AnswerView(this.#find(".shown"));
    this.#label();
    this.#listen();
  }

  /** The second text, undefined where the pack reads one text alone. */
  get second() {
    return this.#find(".second").hidden ? undefined : this.#input(".second input").value;
  }

  /** Let one of the server's packs answer. @param {string} name */
  loadServed(name) {
    return this.#swap(name, fetchPack(name), {});
  }

  /** @param {Answer} answer @param {string} text */
  show(answer, text) {
    const [said, probability] = headline(answer);
    const besides = [probability === undefined ? "" : percent(probability), ...remarks(answer)].filter(Boolean);
    this.#find(".answer").replaceChildren(`${said} `, made("small", { textContent: besides.join(", ") }));
    this.#view.show(answer, text);
  }

  /** @param {string} why */
  showNone(why) {
    this.#find(".answer").textContent = why;
    this.#view.clear();
  }

  #label() {
    const name = this.#find("h2");
    name.id = `${this.slot}-name`;
    name.textContent = this.slot;
    this.element.setAttribute("aria-labelledby", name.id);
    const fields = { ".second label": ".second input", "footer > label:first-child": "select" };
    for (const [label, field] of Object.entries(fields)) {
      this.#find(field).id = `${this.slot}-${field.split(" ").pop()}`;
      /** @type {HTMLLabelElement} */ (this.#find(label)).htmlFor = this.#find(field).id;
    }
    this.#find(".second label").textContent = "Second text, to compare with";
    this.#input(".second input").value = SECOND;
    this.#find("footer > label:first-child").textContent = "Swap in";
    const select = /** @type {HTMLSelectElement} */ (this.#find("select"));
    select.append(...PACKS.map(({ name }) => option(name)));
    select.value = this.slot;
    this.#input("input[type=file]").setAttribute("aria-label", "Open a file, to swap in the pack that it holds");
  }

  #listen() {
    const select = /** @type {HTMLSelectElement} */ (this.#find("select"));
    const opener = this.#input("input[type=file]");
    select.addEventListener("change", () => this.loadServed(select.value));
    opener.addEventListener("change", () => {
      if (opener.files?.[0]) this.#open(opener.files[0]);
      opener.value = ""; // so that the same file can be opened again
    });
    this.#find(".second input").addEventListener("input", this.#changed);
    this.element.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.element.classList.add("over");
    });
    this.element.addEventListener("dragleave", () => this.element.classList.remove("over"));
    this.element.addEventListener("drop", (event) => {
      event.preventDefault();
      this.element.classList.remove("over");
      const file = event.dataTransfer?.files[0];
      if (file) this.#open(file);
    });
  }

  /** Let a pack from a file answer, if it answers here as it did where it was made. @param {File} file */
  #open(file) {
    const tooLarge = new Error(`it has ${kilobytes(file.size)}, a pack has some kilobytes`);
    const read = file.size > MOST_BYTES ? Promise.reject(tooLarge) : file.arrayBuffer();
    return this.#swap(
      file.name,
      read.then((data) => new Uint8Array(data)),
      { canary: true },
    );
  }

  /**
   * Let another pack answer, after those that were asked for before.
   * @param {string} name @param {Promise<Uint8Array>} reading @param {InstallOptions} options
   */
  #swap(name, reading, options) {
    this.#last = this.#last.then(() => this.#take(name, reading, options));
    return this.#last;
  }

  /**
   * Let another pack answer; the one before goes on if this one cannot.
   * @param {string} name @param {Promise<Uint8Array>} reading @param {InstallOptions} options
   */
  async #take(name, reading, options) {
    const error = this.#find(".error");
    error.hidden = true;
    try {
      const data = await reading;
      this.info = await this.#install(this.slot, data, options);
      this.bytes = data.length;
      this.#file = name;
      const served = PACKS.find((pack) => pack.name === name);
      if (served) this.#find(".second").hidden = !served.pair; // a file reads what the pack before it read
      this.#describe();
      this.#changed();
    } catch (failure) {
      const { plain, detail } = inWords(failure);
      const kept = this.info ? ` The pack “${this.#file}” still answers.` : "";
      error.replaceChildren(
        made("p", { className: "plain", textContent: `${name} was not taken.` }),
        made("p", { textContent: `${plain}${kept}` }),
        made("p", { className: "detail", textContent: detail }),
      );
      error.hidden = false;
    }
    this.#select();
    for (const field of ["select", "input[type=file]"]) this.#input(field).disabled = false;
  }

  #describe() {
    const { task, encoding, labels, fromLayer } = /** @type {PackInfo} */ (this.info);
    this.#find("h2").textContent = task;
    const layers = fromLayer ? `, from layer ${fromLayer}` : "";
    const count = labels.length ? `, ${labels.length} labels` : "";
    this.#find(".facts").textContent = `${kilobytes(this.bytes)}, ${encoding}${count}${layers}`;
  }

  /** Let the list say which pack answers, also where it came from a file. */
  #select() {
    const select = /** @type {HTMLSelectElement} */ (this.#find("select"));
    for (const one of [...select.options]) if (one.dataset.file) one.remove();
    if (this.#file && !PACKS.some(({ name }) => name === this.#file)) {
      const one = option(this.#file);
      one.dataset.file = "true";
      select.append(one);
    }
    select.value = this.#file;
  }

  /** @param {string} selector @returns {HTMLElement} */
  #find(selector) {
    return /** @type {HTMLElement} */ (this.element.querySelector(selector));
  }

  /** @param {string} selector */
  #input(selector) {
    return /** @type {HTMLInputElement} */ (this.#find(selector));
  }
}

/** @param {string} name */
const option = (name) => made("option", { value: name, textContent: name });
