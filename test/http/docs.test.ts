import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { type Browser, chromium, type Page } from "playwright-core";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { OPERATIONS, operation, type OperationId } from "../../src/contract/operations.ts";
import { call } from "../support/http.ts";
import { oneIn } from "../support/sample.ts";
import { startServerForFile, type TestServer } from "../support/server.ts";

/** Where Debian puts it. */
const CHROMIUM = "/usr/bin/chromium";
const NO_BROWSER = !existsSync(CHROMIUM);
const WHY = `there is no browser at ${CHROMIUM}; the page is looked at over HTTP only`;

// A browser takes its time to start where others are at work.
vi.setConfig({ testTimeout: 60_000 });

let server: TestServer;
beforeAll(() => startServerForFile((started) => void (server = started)));

/** The files that a page speaks of. */
const filesOf = (html: string): string[] =>
  [...html.matchAll(/(?:src|href)="(\/[^"]*)"/g)].map(([, path]) => path ?? "");

describe("over HTTP", () => {
  test.each(["", "/api/v2"])("the page at %s/docs is there at once and speaks of this server only", async (prefix) => {
    const { status, headers, body } = await call(server, "getDocs", { prefix });
    expect(status).toBe(200);
    expect(filesOf(body)).toHaveLength(4);
    for (const path of filesOf(body)) {
      expect(path.startsWith(`${prefix}/`)).toBe(true);
      expect([path, (await fetch(`${server.url}${path}`)).status]).toEqual([path, 200]);
    }
    expect(body).not.toMatch(/https?:/);
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    const slash = await fetch(`${server.url}${prefix}/docs/`, { redirect: "manual" });
    expect([slash.status, await slash.text()]).toEqual([200, body]);
  });

  test("its files may be kept, and are not sent again while they are the same", async () => {
    for (const [asset, type] of [
      ["swagger-ui.css", "text/css"],
      ["swagger-ui-bundle.js", "text/javascript"],
      ["start.js", "text/javascript"],
    ] as const) {
      const params = { asset };
      const { headers, body } = await call(server, "getDocsAsset", { params });
      expect(headers.get("content-type")).toBe(`${type}; charset=utf-8`);
      expect(headers.get("cache-control")).toMatch(/max-age=\d{5}/);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(body.length).toBeGreaterThan(100);
      const again = await call(server, "getDocsAsset", {
        params,
        headers: { "if-none-match": headers.get("etag") ?? "" },
      });
      expect(again.status).toBe(304);
    }
  });

  test.each([
    "package.json",
    "../package.json",
    "%2e%2e",
    "..\\package.json",
    "swagger-ui.css\0",
    "toString",
    "__proto__",
    "swagger-ui.css/",
    "/etc/passwd",
    "swagger-ui-bundle.js.map",
    "SWAGGER-UI.CSS",
  ])("%o is none of its files", async (asset) => {
    const { status, body } = await call(server, "getDocsAsset", { params: { asset } });
    expect([status, body.code]).toEqual([404, "not_found"]);
  });

  test("nothing is read by a path that climbs", async () => {
    const { hostname, port } = new URL(server.url);
    for (const path of [
      "/docs/../package.json",
      "/docs/..",
      "/docs/.",
      "/docs/..%2fpackage.json",
      "/docs/%2e%2e%2f%2e%2e%2fpackage.json",
      "/docs//etc/passwd",
    ]) {
      // Sent as it is, where fetch would put it straight.
      const reply = request({ hostname, port, path }).end();
      const [{ statusCode }] = (await once(reply, "response")) as [{ statusCode: number }];
      expect([path, statusCode]).toEqual([path, 404]);
    }
  });
});

/** What a browser has to say of a page. */
interface Seen {
  readonly page: Page;
  readonly complaints: string[];
  readonly requests: string[];
}

async function openPage(url: string): Promise<Seen> {
  const browser: Browser = await chromium.launch({ executablePath: CHROMIUM });
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  const [complaints, requests]: [string[], string[]] = [[], []];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (sent) => requests.push(sent.url()));
  await page.goto(url);
  return { page, complaints, requests };
}

describe("in a browser", () => {
  test.for(oneIn(2, ["", "/api/v2"]))(
    "%s/docs shows every operation, keeps to its policy and to this server",
    async (prefix, { skip }) => {
      skip(NO_BROWSER, WHY);
      const { page, complaints, requests } = await openPage(`${server.url}${prefix}/docs`);
      await page.locator(".opblock").first().waitFor();
      // Some browsers break long paths by characters of no width.
      const shown = (await page.locator(".opblock-summary-path").allInnerTexts()).map((text) =>
        text.replace(/\u200b/g, ""),
      );
      const methods = await page.locator(".opblock-summary-method").allInnerTexts();
      const ids = Object.keys(OPERATIONS) as OperationId[];
      const wanted = ids.map((id) => `${operation(id).method} ${operation(id).path}`);
      expect(shown.map((path, index) => `${methods[index]} ${path}`).toSorted()).toEqual(wanted.toSorted());

      // Open one, and try it: the answer comes from this server.
      await page.locator("#operations-version-getVersion .opblock-summary-control").click();
      await page.getByRole("button", { name: "Try it out" }).click();
      await page.getByRole("button", { name: "Execute" }).click();
      await page.locator("#operations-version-getVersion .live-responses-table").waitFor();
      expect(await page.locator("#operations-version-getVersion .live-responses-table").innerText()).toContain(
        '"runtree"',
      );

      expect(complaints).toEqual([]);
      expect(requests.length).toBeGreaterThan(4);
      expect(requests.filter((url) => !url.startsWith(`${server.url}/`) && !url.startsWith("data:"))).toEqual([]);
    },
  );

  test("a page that loads something else, or has a script in it, is found out", async ({ skip }) => {
    skip(NO_BROWSER, WHY);
    const { page, complaints, requests } = await openPage(`${server.url}/docs`);
    await page.evaluate(`
      const image = document.createElement("img");
      image.src = "http://127.0.0.1:1/beacon.png";
      const script = document.createElement("script");
      script.textContent = "document.title = 'written in'";
      document.body.append(image, script);
    `);
    await page.locator(".opblock").first().waitFor();
    for (const directive of ["img-src", "script-src"])
      expect(complaints.filter((text) => text.includes(directive))).toHaveLength(1);
    expect(requests).toContain("http://127.0.0.1:1/beacon.png");
    expect(await page.title()).toBe("Runtree: the API");
  });
});

test("nothing that is installed reports home", () => {
  expect(readFileSync("package-lock.json", "utf8")).not.toContain("@scarf/");
});
