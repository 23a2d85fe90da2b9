/** What the page loads, and what it begins with. */

/**
 * A pack that the server has. `pair` is whether it compares two texts.
 * @typedef {{name: string, pair?: boolean}} Served
 */

export const BASE = "models/base/";

/** @type {Served[]} */
export const PACKS = [{ name: "sentiment" }, { name: "intents" }, { name: "spam" }, { name: "duplicates", pair: true }];

/** Texts to begin with, by what they are called on their buttons. */
export const EXAMPLES = {
  "A late parcel": "Your parcel is late again and nobody answers my calls, when will it be here?",
  "A good night": "What a lovely hotel, we slept like stones and the breakfast was a feast.",
  "A prize": "Congratulations! You have won a cruise. Text WIN to 80800 within the hour to claim it.",
  "A bill": "I was charged twice for one order, how do I get the money back?",
};

export const SECOND = "When does my order arrive?";

/**
 * @param {string} name
 * @returns {Promise<Uint8Array>}
 */
export async function fetchPack(name) {
  const response = await fetch(`models/${name}.safetensors`);
  if (!response.ok) throw new Error(`the server gave status ${response.status} for ${name}.safetensors`);
  return new Uint8Array(await response.arrayBuffer());
}
