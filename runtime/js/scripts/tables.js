/** Writes the tables of WordPiece as modules, which pages and bundlers load like any other code. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const FROM = new URL("../../tables/", import.meta.url);
const TO = new URL("../src/tables/", import.meta.url);

mkdirSync(TO, { recursive: true });
for (const name of ["wordpiece-uncased", "wordpiece-cased"]) {
  const base64 = readFileSync(new URL(`${name}.bin`, FROM)).toString("base64");
  const text = `// Made by scripts/tables.js from runtime/tables/${name}.bin.\nexport default "${base64}";\n`;
  writeFileSync(new URL(`${name}.js`, TO), text);
}
