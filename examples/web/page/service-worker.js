/**
 * Keeps the page for the next visit without a network. What is on the server now goes first, what was kept serves if it
 * cannot be reached, so that no version has to be counted. The base is not kept here: bitfit-edge keeps it, by its digests.
 */
const CACHE = "bitfit-edge-demo";
const PAGE = [
  "./",
  ...["style.css", "icon.svg", "app.js", "cards.js", "answers.js", "offline.js", "packs.js", "words.js"],
];
const BASE = new URL("models/base/", self.registration.scope).href;

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(PAGE)));
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method !== "GET" || !url.startsWith(self.registration.scope) || url.startsWith(BASE)) return;
  event.respondWith(answer(event));
});

async function answer(event) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(event.request);
    if (response.ok) event.waitUntil(keep(cache, event.request, response.clone()));
    return response;
  } catch {
    return (await cache.match(event.request)) ?? Response.error();
  }
}

async function keep(cache, request, response) {
  const kept = await cache.match(request);
  const tag = response.headers.get("etag");
  if (!tag || kept?.headers.get("etag") !== tag) await cache.put(request, response);
}
