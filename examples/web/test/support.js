/** What tests share: a server, Chromium, and pages whose complaints count. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { serve } from "../serve.js";

/** @typedef {import("playwright-core").Page} Page */

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
export const VECTORS = join(ROOT, "tests", "vectors");
export const DEMO = process.env.DEMO ?? join(ROOT, "demo-output");
export const PYTHON = process.env.PYTHON ?? join(ROOT, ".venv", "bin", "python");

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = ["--disable-quic", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const PATIENCE = 120_000; // milliseconds, of a busy machine

/**
 * Return a folder of models, whose base and packs lie elsewhere.
 * @param {import("node:test").TestContext | undefined} test after which it goes
 * @param {Record<string, string>} links paths by their names there
 */
export function models(test, links) {
  const folder = mkdtempSync(join(tmpdir(), "bitfit-web-"));
  for (const [name, path] of Object.entries(links)) symlinkSync(path, join(folder, name));
  test?.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Start Chromium with a profile of its own. */
export function launch() {
  assert.ok(existsSync(CHROMIUM), `no Chromium at ${CHROMIUM}; install it, or set CHROMIUM to its path`);
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/**
 * Serve the demo, and open its page in a context of its own, in which `before` runs first. What the page complains of is in `complaints`.
 * @param {import("node:test").TestContext} test
 * @param {import("playwright-core").Browser} browser
 * @param {{folder?: string, context?: import("playwright-core").BrowserContextOptions, before?: () => void}} [options]
 */
export async function open(test, browser, { folder = DEMO, context: given = {}, before } = {}) {
  assert.ok(existsSync(join(folder, "base", "bitfit.json")), `no base in ${folder}; run 'make demo' first`);
  const server = await serve({ models: folder });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...given });
  const page = await context.newPage();
  /** @type {string[]} */
  const complaints = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  test.after(async () => {
    await context.close();
    await server.close();
  });
  if (before) await page.addInitScript(before);
  await page.goto(server.url);
  return { page, context, server, complaints };
}

/**
 * Wait until the base is loaded, and what is in the page is answered.
 * @param {Page} page
 */
export async function answered(page) {
  await page.waitForFunction(
    () => {
      const { ready, answered: text } = document.body.dataset;
      return ready && text === /** @type {any} */ (document.querySelector("#text")).value;
    },
    undefined,
    { timeout: PATIENCE },
  );
}

/**
 * Type a text, and return the answer of each card, by its name.
 * @param {Page} page
 * @param {string} text
 * @returns {Promise<Record<string, string>>}
 */
export async function ask(page, text) {
  await page.fill("#text", text);
  await answered(page);
  return answers(page);
}

/** @param {Page} page @returns {Promise<Record<string, string>>} the answer of each card, by its slot */
export function answers(page) {
  return page.$$eval("article", (cards) =>
    Object.fromEntries(
      cards.map((card) => [card.id.slice(5), card.querySelector(".answer")?.firstChild?.textContent?.trim() ?? ""]),
    ),
  );
}
