/** The page: loads the base and its packs, then lets every task answer as one types. */
import { made } from "./answers.js";
import { Card } from "./cards.js";
import { connect } from "./bitfit-edge/src/remote.js";
import { isKept, keptForLater } from "./offline.js";
import { BASE, EXAMPLES, PACKS } from "./packs.js";
import { inWords, kilobytes } from "./words.js";

const MANIFEST = "bitfit.json";
const QUIET = 1000; // milliseconds after which what has changed is read out

/** @param {string} selector @returns {any} */
const find = (selector) => document.querySelector(selector);
const text = /** @type {HTMLTextAreaElement} */ (find("#text"));
const controlled = keptForLater(); // before anything large is loaded, so that it is kept
const loading = load();
const cards = PACKS.map(({ name }) => new Card(name, async (...given) => (await loading).install(...given), answer));

let ready = false;
let baseBytes = 0;

async function load() {
  await controlled;
  const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  return connect(worker).load(BASE, { onProgress: showProgress });
}

async function start() {
  await controlled;
  const installed = cards.map((card) => card.loadServed(card.slot)); // read while the base is
  await loading;
  await Promise.all(installed);
  ready = true;
  await answer();
  find("#loading").hidden = true;
  find("#figures").hidden = false;
  document.body.dataset.ready = "yes";
  const kept = await isKept();
  find("#offline").textContent = kept ? "This page now works without a network too." : "This page needs a network.";
}

/** @param {{file: string, loaded: number, total?: number}} progress */
function showProgress({ file, loaded, total }) {
  if (file === MANIFEST) return; // which the other files are known by
  baseBytes = loaded;
  if (total) find("#progress").value = loaded / total;
  showStep(`Loading the base: ${kilobytes(loaded)}${total ? ` of ${kilobytes(total)}` : ""}`);
  if (loaded === total) showStep("Starting the base");
}

/** @param {string} step */
function showStep(step) {
  find("#step").textContent = step;
}

let asked = 0;
let answering = false;

/** Answer what is in the page now; of what is typed meanwhile only the latest. */
async function answer() {
  asked++;
  delete document.body.dataset.answered;
  if (!ready || answering) return;
  answering = true;
  for (let current = 0; current !== asked;) {
    current = asked;
    try {
      await answerOnce(text.value);
      find("#failure").hidden = true;
    } catch (error) {
      showFailure(error);
    }
  }
  answering = false;
  document.body.dataset.answered = text.value;
  document.body.dataset.answeredAt ??= String(performance.now()); // the first time
}

/** @param {string} typed */
async function answerOnce(typed) {
  const engine = await loading;
  const able = cards.filter((card) => card.info && typed.trim() && card.second?.trim() !== "");
  const began = performance.now();
  const single = able.filter((card) => card.second === undefined);
  const tasks = single.map((card) => card.slot);
  const found = tasks.length ? await engine.predict(typed, { tasks }) : {};
  for (const { slot, second } of able.filter((card) => !single.includes(card))) {
    Object.assign(found, await engine.predict({ text: typed, textPair: second }, { tasks: [slot] }));
  }
  const took = performance.now() - began;
  for (const card of cards) {
    if (found[card.slot]) card.show(found[card.slot], typed);
    else card.showNone(typed.trim() ? "waits for a second text" : "waits for a text");
  }
  const saved = tasks.length > 1 ? (await engine.explain(typed, { tasks })).saved : 0;
  showFigures(able.length ? took : undefined, saved);
  speakLater();
}

/** @param {number | undefined} took milliseconds @param {number} saved */
function showFigures(took, saved) {
  const packs = cards.reduce((sum, card) => sum + card.bytes, 0);
  const rows = [
    ["Base, loaded once", kilobytes(baseBytes)],
    ["Packs, together", kilobytes(packs)],
    ["Last answers", took === undefined ? "–" : `${took.toFixed(0)} ms`],
    ["Work saved by shared layers", `${Math.round(100 * saved)} %`],
  ];
  find("#figures dl").replaceChildren(
    ...rows.map(([term, figure]) => {
      const row = made("div", {});
      row.append(made("dt", { textContent: term }), made("dd", { textContent: figure }));
      return row;
    }),
  );
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let speaking;

/** Screen readers hear the answers once typing pauses. */
function speakLater() {
  clearTimeout(speaking);
  speaking = setTimeout(() => {
    const said = cards.map(({ element }) => {
      const [name, found] = ["h2", ".answer"].map((part) => element.querySelector(part)?.textContent);
      return `${name}: ${found}.`;
    });
    find("#spoken").textContent = said.join(" ");
  }, QUIET);
}

/** @param {unknown} error */
function showFailure(error) {
  const { plain, detail } = inWords(error);
  const [first, second] = find("#failure").querySelectorAll("p");
  [first.textContent, second.textContent] = [plain, detail];
  find("#failure").hidden = false;
  find("#failure button").hidden = ready; // once the base is there, another text is the way on
}

find("#cards").append(...cards.map((card) => card.element));
find("#examples").append(
  ...Object.entries(EXAMPLES).map(([name, example]) => {
    const button = made("button", { type: "button", textContent: name });
    button.addEventListener("click", () => {
      text.value = example;
      answer();
    });
    return button;
  }),
);
text.value ||= Object.values(EXAMPLES)[0];
text.addEventListener("input", () => answer());
find("#failure button").addEventListener("click", () => location.reload());
for (const type of ["dragover", "drop"]) document.addEventListener(type, (event) => event.preventDefault());
start().catch((error) => {
  for (const part of ["#loading", "#cards"]) find(part).hidden = true;
  showFailure(error);
});
