/** Windows of a text that is longer than one: what each of them holds, and which of them speaks for a token. */
import { TokenizedText } from "./tokenized-text.js";

/** @typedef {import("./windows.js").WindowedText} WindowedText */

/**
 * Return the windows of a text of several, in order.
 * @param {WindowedText} windowed
 */
export const windowsOf = (windowed) => windowed.slices.map((_, index) => windowOf(windowed, index));

/** @param {WindowedText} windowed @param {number} index */
function windowOf(windowed, index) {
  const { text, side, slices } = windowed;
  const tokens = positionsOf(windowed, index);
  const [own, other] = [text.sides[side], text.sides[1 - side]];
  const kept = { start: own.start, stop: own.start + slices[index].stop - slices[index].start };
  const shift = other.stop <= own.start ? 0 : kept.stop - own.stop;
  const moved = { start: other.start + shift, stop: other.stop + shift };
  return new TokenizedText(
    Int32Array.from(tokens, (token) => text.ids[token]),
    Uint8Array.from(tokens, (token) => text.typeIds[token]),
    Int32Array.from(tokens.flatMap((token) => [text.offsets[2 * token], text.offsets[2 * token + 1]])),
    side === 0 ? [kept, moved] : [moved, kept],
    text.cut,
  );
}

/**
 * Return where in `text` each token of a window is.
 * @param {WindowedText} windowed
 * @param {number} index
 */
export function positionsOf({ text, side, slices }, index) {
  const own = text.sides[side];
  const { start, stop } = slices[index];
  const found = [];
  for (let token = 0; token < text.length; token++) {
    if (token < own.start || token >= own.stop || (token >= start && token < stop)) found.push(token);
  }
  return found;
}

/**
 * Return for each token of `text` the window in which it is farthest from an edge, of several the first.
 * @param {WindowedText} windowed
 */
export function speakersOf({ text, slices }) {
  const found = new Int32Array(text.length);
  const best = new Int32Array(text.length).fill(-1);
  slices.forEach(({ start, stop }, index) => {
    for (let token = start; token < stop; token++) {
      const distance = Math.min(token - start, stop - 1 - token);
      if (distance > best[token]) [best[token], found[token]] = [distance, index];
    }
  });
  return found;
}
