/** How an answer looks: one headline, and below it bars, marked words or figures. */
import { percent } from "./words.js";

const MOST_BARS = 5;

/** @typedef {import("../../../runtime/js/src/tasks/base.js").Answer} Answer */

/**
 * Return what an answer says in a few words, and how probable that is where one figure says it.
 * @param {Answer} answer
 * @returns {[string, number?]}
 */
export function headline(answer) {
  switch (answer.type) {
    case "classification":
      return [answer.label, answer.probability];
    case "multi-label":
      return [answer.chosen.join(", ") || "none of the labels"];
    case "regression":
      return [answer.value.toFixed(3)];
    case "token-classification":
      return [answer.entities.map(({ label, text }) => `${label}: ${text}`).join(", ") || "nothing found"];
    case "span":
      return answer.text ? [answer.text, answer.probability] : ["no answer in the text"];
    case "embedding":
      return [`a vector of ${answer.vector.length} numbers`];
  }
}

/**
 * Return what else should be said of an answer, for instance that it is not sure enough.
 * @param {Answer} answer
 */
export function remarks(answer) {
  const said = [];
  if ("accepted" in answer && answer.accepted === false) said.push("not sure enough to act on");
  if (answer.truncated) said.push("the end of the text was not read");
  return said;
}

/** Shows answers in an element. Bars are kept from one answer to the next, so that they grow and shrink. */
export class AnswerView {
  #element;
  /** @type {Map<string, HTMLElement>} */
  #bars = new Map();
  #labels = "";

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
  }

  clear() {
    this.#element.replaceChildren();
    this.#labels = "";
  }

  /** @param {Answer} answer @param {string} text */
  show(answer, text) {
    if (answer.type === "classification" || answer.type === "multi-label") return this.#showBars(answer);
    this.clear();
    if (answer.type === "token-classification") this.#element.append(marked(text, answer.entities));
    if (answer.type === "span") this.#element.append(marked(text, answer.text ? [{ label: "answer", ...answer }] : []));
    if (answer.type === "embedding") {
      const first = [...answer.vector.subarray(0, 6)].map((value) => value.toFixed(3));
      this.#element.append(made("p", { textContent: `${first.join(", ")} …` }));
    }
  }

  /** Few labels stay in the pack's order; of many, the likeliest come first. @param {{labels: string[], probabilities: number[]}} answer */
  #showBars({ labels, probabilities }) {
    const key = JSON.stringify(labels);
    if (this.#labels !== key) {
      const list = made("ul", {});
      this.#bars = new Map(labels.map((label) => [label, bar(label)]));
      this.#element.replaceChildren(list, made("p", { className: "others" }));
      this.#labels = key;
    }
    const rows = labels.map((label, index) => ({ label, probability: probabilities[index] }));
    const many = rows.length > MOST_BARS;
    if (many) rows.sort((one, other) => other.probability - one.probability);
    const highest = Math.max(...probabilities);
    const shown = rows.slice(0, MOST_BARS).map(({ label, probability }) => {
      const item = /** @type {HTMLElement} */ (this.#bars.get(label));
      item.classList.toggle("best", probability === highest);
      /** @type {HTMLElement} */ (item.querySelector(".share")).textContent = percent(probability);
      /** @type {HTMLElement} */ (item.querySelector(".fill")).style.transform = `scaleX(${probability.toFixed(4)})`;
      return item;
    });
    const [list, others] = /** @type {HTMLElement[]} */ ([...this.#element.children]);
    const inOrder =
      shown.every((item, index) => item === list.children[index]) && list.children.length === shown.length;
    if (!inOrder) list.replaceChildren(...shown);
    others.textContent = many ? `and ${rows.length - MOST_BARS} less likely ones` : "";
  }
}

/** @param {string} label */
function bar(label) {
  const item = made("li", {});
  const track = made("span", { className: "track" });
  track.setAttribute("aria-hidden", "true"); // the percentage says it
  track.append(made("span", { className: "fill" }));
  item.append(made("span", { className: "label", textContent: label }), made("span", { className: "share" }), track);
  return item;
}

/** @param {string} text @param {{label: string, start: number, end: number}[]} pieces in the order of the text */
function marked(text, pieces) {
  const paragraph = made("p", { className: "marked" });
  let place = 0;
  for (const { label, start, end } of pieces) {
    const mark = made("mark", { textContent: text.slice(start, end) });
    mark.append(made("small", { textContent: ` ${label}` }));
    paragraph.append(text.slice(place, start), mark);
    place = end;
  }
  paragraph.append(text.slice(place));
  return paragraph;
}

/**
 * @template {keyof HTMLElementTagNameMap} N
 * @param {N} name @param {Partial<HTMLElementTagNameMap[N]>} properties
 */
export function made(name, properties) {
  return Object.assign(document.createElement(name), properties);
}
