/** The service worker, by which the page works without a network from the second visit on. */
import { PACKS } from "./packs.js";

const PATIENCE = 5000; // milliseconds
const LOOKS = 20;
const LAST = ["onnxruntime-web/dist/ort-wasm-simd-threaded.wasm", `models/${PACKS[PACKS.length - 1].name}.safetensors`];
const BASE_FILES = 6;

/**
 * Wait until the service worker sees what the page loads from now on. Returns false where there is none: on http, in some
 * private windows, or if it takes too long; the page works all the same while there is a network.
 */
export async function keptForLater() {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return false;
  const registered = serviceWorker.register("service-worker.js"); // fails without a network, which is no harm
  if (serviceWorker.controller) {
    registered.catch(() => {});
    return true;
  }
  try {
    await registered;
  } catch {
    return false;
  }
  if (serviceWorker.controller) return true;
  return new Promise((resolve) => {
    serviceWorker.addEventListener("controllerchange", () => resolve(true), { once: true });
    setTimeout(() => resolve(false), PATIENCE);
  });
}

/** Whether all that the page needs is kept: a browser may have no room for it. */
export async function isKept() {
  for (let look = 0; look < LOOKS; look++) {
    const found = await Promise.all(
      LAST.map((path) => caches.match(new URL(path, location.href), { ignoreSearch: true })),
    );
    const base = await (await caches.open("bitfit-edge")).keys();
    if (found.every(Boolean) && base.length >= BASE_FILES) return true;
    await new Promise((resolve) => setTimeout(resolve, PATIENCE / LOOKS));
  }
  return false;
}
