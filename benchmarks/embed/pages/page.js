/** Starts the worker that the address names, and notes when its first answer came, in milliseconds after the page began. */
const worker = new Worker(new URL(`${new URL(location.href).searchParams.get("worker")}.js`, import.meta.url), {
  type: "module",
});
worker.addEventListener("message", ({ data }) => {
  document.body.dataset.took = String(performance.now());
  document.body.dataset.answer = data;
});
worker.addEventListener("error", ({ message }) => (document.body.dataset.took = `failed: ${message}`));
