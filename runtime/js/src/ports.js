/** Ports of messages, of browsers and of Node. */

/** @typedef {any} Port a worker, a worker's global scope, or a port of messages */

/** @param {Port} port @param {string} event @param {(data: any) => void} handle */
export function listen(port, event, handle) {
  if (port.addEventListener) {
    port.addEventListener(event, (/** @type {any} */ own) => handle(event === "message" ? own.data : own));
    port.start?.();
  } else port.on(event, handle);
}
