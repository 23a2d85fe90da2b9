/** Tokens, words and kinds of characters are those of the shared vectors. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import test from "node:test";

import { BaseFormatError, UnsupportedError } from "../src/errors.js";
import { codePoints } from "../src/text.js";
import { wordsOf } from "../src/token-words.js";
import { wordPieceOf } from "../src/tokenizer-file.js";
import { kinds } from "../src/kinds.js";
import { Limit } from "../src/windows.js";
import { textOf, tokenizerFile, tokenizers, vectors } from "./support.js";

const library = createRequire(import.meta.url)("tokenizers");
const SURROGATES = [0xd800, 0xe000];

/** Check the first 8 hexadecimal digits of the digest of each block of code points. */
function assertBlocks(digests, block, bytesOf, name) {
  const wrong = [];
  for (let start = 0; start < 0x110000; start += block) {
    const codes = Array.from({ length: block }, (_, index) => start + index);
    const real = codes.filter((code) => code < SURROGATES[0] || code >= SURROGATES[1]);
    const hash = createHash("sha256")
      .update(Buffer.concat(real.map(bytesOf)))
      .digest("hex");
    const place = (start / block) * 8;
    if (digests.slice(place, place + 8) !== hash.slice(0, 8)) wrong.push(start.toString(16));
  }
  assert.deepEqual(wrong, [], `blocks of ${name}`);
}

for (const [kind, found] of [
  ["tables", undefined],
  ["the library", library],
]) {
  test(`texts have the tokens, offsets and words of the vectors, by ${kind}`, async () => {
    const known = await tokenizers(found);
    const { cases } = vectors("tokens");
    for (const one of cases) {
      const [text, pair] = [textOf(one.text), one.pair === null ? undefined : textOf(one.pair)];
      const { text: tokens } = await known[one.tokenizer].tokenize(text, pair, new Limit(one.max_length));
      const message = `${one.tokenizer} ${JSON.stringify(text.slice(0, 60))}`;
      assert.deepEqual([...tokens.ids], one.ids, message);
      assert.deepEqual([...tokens.typeIds], one.type_ids, message);
      assert.deepEqual([...tokens.offsets], one.offsets.flat(), message);
      assert.deepEqual(
        tokens.sides.map(({ start, stop }) => [start, stop]),
        one.sides,
        message,
      );
      assert.deepEqual(tokens.cut, one.cut, message);
      const words = wordsOf(tokens, codePoints(text)).map(({ token, start, end }) => [token, start, end]);
      assert.deepEqual(words, one.words, message);
    }
  });
}

test("every code point has the tokens and the kind of the vectors", async () => {
  const { block, template, kinds: ofKinds, tokenizers: digests } = vectors("codepoints");
  const [before, after] = template.split("{}");
  for (const [name, expected] of Object.entries(digests)) {
    const { model } = await wordPieceOf(tokenizerFile(name));
    const bytesOf = (code) => {
      const { ids, offsets } = model.encode(codePoints(before + String.fromCodePoint(code) + after));
      const numbers = ids.flatMap((id, token) => [id, offsets[2 * token], offsets[2 * token + 1]]);
      return Buffer.from(Int32Array.of(...numbers, -1).buffer);
    };
    assertBlocks(expected, block, bytesOf, name);
  }
  assertBlocks(ofKinds, block, (code) => Buffer.from(kinds(Uint32Array.of(code))), "kinds");
});

test("tokenizers of which the tables know too little are refused", async () => {
  const whole = JSON.parse(new TextDecoder().decode(tokenizerFile("uncased")));
  for (const { name, replace, model } of vectors("unsupported").cases) {
    const changed = { ...whole, ...replace, model: { ...whole.model, ...model } };
    const refused = wordPieceOf(new TextEncoder().encode(JSON.stringify(changed)));
    await assert.rejects(
      refused,
      (error) => error instanceof UnsupportedError || error instanceof BaseFormatError,
      name,
    );
  }
});
