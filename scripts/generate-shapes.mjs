// Writes src/contract/shapes.ts from schemas/: one TypeScript type for each definition of a stored or wire shape.
// `--check` writes nothing and fails when the file is not what the schemas give.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { compile } from "json-schema-to-typescript";

const folder = new URL("../schemas/", import.meta.url);
const target = new URL("../src/contract/shapes.ts", import.meta.url);

/** @type {Record<string, unknown>} */
const definitions = {};
const names = [];
for (const name of readdirSync(folder).sort()) {
  const file = name.replace(".schema.json", "");
  const text = readFileSync(new URL(name, folder), "utf8").replace(/"[a-z-]*\.schema\.json#\/\$defs\//g, '"#/$defs/');
  for (const [definition, schema] of Object.entries(JSON.parse(text).$defs ?? {})) {
    if (definition in definitions) throw new Error(`two shapes are called ${definition}`);
    definitions[definition] = schema;
    names.push([`${file}#${definition}`, definition]);
  }
}
const source = await compile({ title: "AllShapes", type: "object", $defs: definitions }, "AllShapes", {
  additionalProperties: true,
  bannerComment:
    '// Made by scripts/generate-shapes.mjs from schemas/. Do not edit.\nimport type { Json } from "../domain/json.ts";\n',
  unreachableDefinitions: true,
  unknownAny: true,
  ignoreMinAndMaxItems: true,
  style: { printWidth: 120 },
});
const table = names.map(([name, type]) => `  "${name}": ${type};`).join("\n");
const text = `${source
  .replace(/export interface AllShapes \{[^}]*\}\n/s, "")
  .replace(/\n?\/\*\*\n(?: \*[^\n]*\n)*? \* This interface was referenced by(?:.|\n)*?\*\/\n/g, "\n")
  .replace(/export interface \w+ \{\n.*?\n\}/gs, (shape) =>
    // A member that may be absent has to fit the members that may have any name.
    /^ {2}\w+\?:/m.test(shape) ? shape.replace(/^( {2}\[k: string\]: )unknown;/m, "$1Json | undefined;") : shape,
  )
  .replaceAll(": unknown", ": Json")
  .trim()}

/** Every shape by the name that \`src/schema/shapes.ts\` knows it by. */
export interface Shapes {
${table}
}
`;
if (process.argv.includes("--check")) {
  if (readFileSync(target, "utf8") !== text) {
    console.error("src/contract/shapes.ts is not what schemas/ give; run `npm run shapes`.");
    process.exitCode = 1;
  }
} else writeFileSync(target, text);
