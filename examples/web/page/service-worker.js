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
  const keeping = cache.match(event.request);
  const isVersioned = event.request.url.includes("?v="); // what it holds never changes: the browser keeps its compiled code
  if (isVersioned && (await keeping)) return keeping;
  try {
    const response = await fetch(event.request);
    const tag = response.headers.get("etag");
    const isKept = tag && tag === (await keeping)?.headers.get("etag");
    if (response.ok && !isKept) event.waitUntil(keep(cache, event.request, response.clone()));
    return response;
  } catch {
    return (await keeping) ?? Response.error();
  }
}

async function keep(cache, request, response) {
  await cache.delete(request, { ignoreSearch: true }); // other versions
  await cache.put(request, response);
}
