/** The page itself: loading, swapping, what goes wrong, the network, the keyboard and a phone. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { DEMO, VECTORS, answered, answers, ask, launch, models, open } from "./support.js";

const PRIZE = "You have won a prize, send your bank details to claim it within 24 hours!";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

/**
 * Open a file in a card.
 * @param {import("playwright-core").Page} page @param {string} card @param {string} name @param {Buffer} data
 */
async function swapIn(page, card, name, data) {
  await page.setInputFiles(`#card-${card} input[type=file]`, {
    name,
    mimeType: "application/octet-stream",
    buffer: data,
  });
  await page.waitForFunction(
    ([card, name]) => {
      const found = document.querySelector(`#card-${card}`);
      const error = found?.querySelector(".error");
      return found?.querySelector("select")?.value === name || (error && !(/** @type {any} */ (error).hidden));
    },
    [card, name],
  );
}

test("the base loads with progress, and what it takes is said", async (context) => {
  const before = () => {
    const seen = /** @type {any[]} */ (/** @type {any} */ (window).seen = []);
    document.addEventListener("DOMContentLoaded", () => {
      const [step, bar] = ["#step", "#progress"].map((name) => /** @type {any} */ (document.querySelector(name)));
      new MutationObserver(() => seen.push([step.textContent, bar.value])).observe(step, { childList: true });
    });
  };
  const { page, complaints } = await open(context, browser, { before });
  await answered(page);
  const seen = await page.evaluate(() => /** @type {any} */ (window).seen);
  const loaded = seen
    .filter((/** @type {any} */ [step]) => / of /.test(step))
    .map((/** @type {any} */ [, value]) => value);
  assert.ok(loaded.length > 5, "several steps");
  assert.ok(
    loaded.every((/** @type {number} */ value, /** @type {number} */ at) => !at || value >= loaded[at - 1]),
    "never back",
  );
  assert.deepEqual(seen.find((/** @type {any} */ [step]) => step === "Starting the base")?.[1], 1);
  assert.match(await page.innerText("#figures"), /Base, loaded once\s+\d+\.\d MB\s+Packs, together\s+\d+\.\d kB/);
  assert.ok(await page.isHidden("#loading"));
  assert.deepEqual(complaints, []);
});

test("without a network the page loads again and answers", async (context) => {
  const { page, context: visit, server } = await open(context, browser);
  await answered(page);
  await page.waitForSelector("#offline:has-text('works without a network too')");
  const before = await ask(page, PRIZE);
  await visit.setOffline(true);
  await server.close(); // nothing can come from it, also not by a way that Chromium does not count
  await page.reload();
  await answered(page);
  assert.deepEqual(await ask(page, PRIZE), before);
});

test("a pack is swapped in from the list and from a file", async (context) => {
  const { page, complaints } = await open(context, browser);
  await answered(page);
  const before = await ask(page, PRIZE);
  await page.selectOption("#card-sentiment select", "spam");
  await page.waitForFunction(() => document.querySelector("#card-sentiment h2")?.textContent === "spam");
  await answered(page);
  const listed = await ask(page, PRIZE);
  assert.deepEqual(listed, { ...before, sentiment: before.spam });
  await swapIn(page, "sentiment", "mine.safetensors", readFileSync(join(DEMO, "intents.safetensors")));
  const opened = await ask(page, PRIZE);
  assert.deepEqual(opened, { ...before, sentiment: before.intents });
  assert.equal(await page.inputValue("#card-sentiment select"), "mine.safetensors");
  assert.deepEqual(complaints, []);
});

test("a pack that is dropped on a card is swapped in", async (context) => {
  const { page, complaints } = await open(context, browser);
  await answered(page);
  const before = await ask(page, PRIZE);
  const dropped = await page.evaluateHandle(async () => {
    const data = await (await fetch("models/spam.safetensors")).arrayBuffer();
    const transfer = new DataTransfer();
    transfer.items.add(new File([data], "dropped.safetensors"));
    return transfer;
  });
  await page.dispatchEvent("#card-intents", "drop", { dataTransfer: dropped });
  await page.waitForFunction(() => document.querySelector("#card-intents h2")?.textContent === "spam");
  assert.deepEqual(await ask(page, PRIZE), { ...before, intents: before.spam });
  assert.deepEqual(complaints, []);
});

test("a pack that cannot be used shows why, and the earlier one answers", async (context) => {
  const { page, complaints } = await open(context, browser);
  await answered(page);
  const before = await ask(page, PRIZE);
  const whole = readFileSync(join(DEMO, "spam.safetensors"));
  const altered = Buffer.from(whole);
  altered.fill(85, whole.length - 800);
  const other = readFileSync(join(VECTORS, "packs", "classification-int8.safetensors"));
  const cases = /** @type {[string, Buffer, RegExp][]} */ ([
    ["torn.safetensors", whole.subarray(0, 5000), /not a pack, or it is damaged/],
    ["altered.safetensors", altered, /not a pack, or it is damaged/],
    ["empty.safetensors", Buffer.alloc(0), /not a pack, or it is damaged/],
    ["page.html", Buffer.from("<!doctype html><p>not found"), /not a pack, or it is damaged/],
    ["other.safetensors", other, /made for another base/],
  ]);
  for (const [name, data, said] of cases) {
    await swapIn(page, "spam", name, data);
    const error = page.locator("#card-spam .error");
    assert.match(await error.innerText(), said, name);
    assert.match(await error.innerText(), /The pack “spam” still answers/, name);
    assert.equal(await error.getAttribute("role"), "alert");
    assert.equal(await page.inputValue("#card-spam select"), "spam");
    assert.deepEqual(await ask(page, PRIZE), before, name);
  }
  await page.selectOption("#card-spam select", "sentiment");
  await page.waitForFunction(() => document.querySelector("#card-spam h2")?.textContent === "sentiment");
  assert.ok(await page.isHidden("#card-spam .error"), "a pack that works ends the error");
  assert.deepEqual(complaints, []);
});

test("a base that was damaged on its way is refused in plain words", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "bitfit-web-"));
  context.after(() => rmSync(folder, { recursive: true }));
  cpSync(join(VECTORS, "base"), join(folder, "base"), { recursive: true });
  truncateSync(join(folder, "base", "model.weights"), 1000);
  const { page } = await open(context, browser, { folder });
  await page.waitForSelector("#failure:not([hidden])");
  assert.match(await page.innerText("#failure"), /The base was damaged on its way/);
  cpSync(join(VECTORS, "base", "model.weights"), join(folder, "base", "model.weights"));
  writeFileSync(join(folder, "spam.safetensors"), "");
  await page.click("#failure button");
  await answered(page);
  assert.match(await page.innerText("#card-spam"), /spam was not taken/);
});

test("answers of every task type are shown", async (context) => {
  const kinds = { sentiment: "token-classification", intents: "multi-label", spam: "regression", duplicates: "span" };
  const links = Object.entries(kinds).map(([name, kind]) => [
    `${name}.safetensors`,
    join(VECTORS, "packs", `${kind}-int8.safetensors`),
  ]);
  const folder = models(context, { base: join(VECTORS, "base"), ...Object.fromEntries(links) });
  const { page, complaints } = await open(context, browser, { folder });
  await answered(page);
  await page.fill("#duplicates-input", "the man went to the house in the town");
  const shown = await ask(page, "who went to the town and the house");
  assert.match(shown.spam, /^-?\d+\.\d{3}$/);
  for (const name of ["sentiment", "intents", "duplicates"]) assert.ok(shown[name], name);
  const card = await page.innerText("#card-sentiment .shown");
  assert.match(card.replaceAll(/\s+/g, " "), /who/);
  await swapIn(page, "spam", "vector", readFileSync(join(VECTORS, "packs", "embedding-int8.safetensors")));
  await answered(page);
  assert.match((await answers(page)).spam, /a vector of \d+ numbers/);
  assert.deepEqual(complaints, []);
});

test("all of it works by keyboard", async (context) => {
  const { page } = await open(context, browser);
  page.on("filechooser", (chooser) => chooser.setFiles(join(DEMO, "spam.safetensors")));
  await answered(page);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "text");
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type(PRIZE);
  await answered(page);
  assert.equal((await answers(page)).spam, "spam");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter"); // the first example
  assert.notEqual(await page.inputValue("#text"), PRIZE);
  await answered(page);
  for (let at = 0; at < 4; at++) await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "sentiment-select");
  await page.keyboard.type("int");
  await page.waitForFunction(() => document.querySelector("#card-sentiment h2")?.textContent === "intents");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("#card-sentiment h2")?.textContent === "spam");
});

test("on a phone nothing needs to be scrolled sideways", async (context) => {
  const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
  const { page } = await open(context, browser, { context: phone });
  await answered(page);
  await ask(page, "Donaudampfschifffahrtsgesellschaftskapitän".repeat(20));
  await swapIn(page, "spam", `${"a-pack-with-a-very-long-name-".repeat(6)}.safetensors`, Buffer.from("no"));
  const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.equal(widths[0], widths[1]);
  const small = await page.$$eval(
    "button:not([hidden]), select, .button",
    (found) => found.filter((one) => one.getClientRects().length && one.getBoundingClientRect().height < 40).length,
  );
  assert.equal(small, 0, "fingers reach all of it");
});

test("screen readers hear answers once typing pauses, and every control has a name", async (context) => {
  const { page } = await open(context, browser);
  await answered(page);
  await ask(page, PRIZE);
  await page.waitForFunction(() => /spam: spam/.test(document.querySelector("#spoken")?.textContent ?? ""));
  const tree = await page.locator("body").ariaSnapshot();
  for (const line of tree.split("\n").filter((one) => /- (button|combobox|textbox|article|progressbar)/.test(one))) {
    assert.match(line, /- \w+ "/, line);
  }
});
