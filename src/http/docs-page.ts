import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { RuntreeError } from "../domain/errors.ts";

/** A file of the page that shows the API. */
interface Asset {
  readonly type: string;
  readonly etag: string;
  readonly bytes: Buffer;
}

/** What begins the page: policies forbid scripts in the page itself. */
const START = `const { document: url } = document.currentScript.dataset;
SwaggerUIBundle({ url, dom_id: "#docs", deepLinking: true, defaultModelsExpandDepth: -1, validatorUrl: null });
`;

/** Where the bytes of each file come from; there are no others. The package's are read when they are first asked for. */
const ASSETS: Readonly<Record<string, { readonly type: string; readonly bytes: () => Buffer }>> = {
  "swagger-ui.css": { type: "text/css", bytes: () => packaged("swagger-ui.css") },
  "swagger-ui-bundle.js": { type: "text/javascript", bytes: () => packaged("swagger-ui-bundle.js") },
  "start.js": { type: "text/javascript", bytes: () => Buffer.from(START) },
};

/**
 * What the page may do: load its own scripts and styles, ask this server, and show the images that the style sheet holds
 * as data. Nothing of another origin, nothing written into the page, no framing.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const NOSNIFF = { "X-Content-Type-Options": "nosniff" };

/** Headers of the page. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  ...NOSNIFF,
  "Content-Security-Policy": POLICY,
  "Referrer-Policy": "no-referrer",
};

/** Headers of its files: they change only with the program, and then by their tags. */
export const ASSET_HEADERS: Readonly<Record<string, string>> = {
  ...NOSNIFF,
  "Cache-Control": "public, max-age=86400",
};

const read = new Map<string, Asset>();

function packaged(name: string): Buffer {
  return readFileSync(new URL(name, import.meta.resolve("swagger-ui-dist/package.json")));
}

/** The page that shows the API; `prefix` is what stands before the paths of its files, empty or `/api/v2`. */
export function docsPage(prefix: string): Buffer {
  return Buffer.from(`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Runtree: the API</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="${prefix}/docs/swagger-ui.css">
  </head>
  <body>
    <noscript>This page needs JavaScript; <a href="${prefix}/openapi.json">openapi.json</a> says the same.</noscript>
    <div id="docs"></div>
    <script src="${prefix}/docs/swagger-ui-bundle.js"></script>
    <script src="${prefix}/docs/start.js" data-document="${prefix}/openapi.json"></script>
  </body>
</html>
`);
}

/** One of the page's files. Throws `not_found` for any other name. */
export function docsAsset(name: string): Asset {
  const known = read.get(name);
  if (known !== undefined) return known;
  const source = Object.hasOwn(ASSETS, name) ? ASSETS[name] : undefined;
  if (source === undefined)
    throw new RuntreeError("not_found", `The page has no file ${name.slice(0, 100)}; it is at /docs.`, { name });
  const bytes = source.bytes();
  const asset = { type: source.type, etag: createHash("sha256").update(bytes).digest("base64url"), bytes };
  read.set(name, asset);
  return asset;
}
