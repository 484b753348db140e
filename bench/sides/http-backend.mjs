// The reference of pushes and fetches: `git http-backend` as CGI behind a bare server, and nothing else.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { git, STOCK } from "../processes.mjs";

const BLANK_LINE = Buffer.from("\r\n\r\n");
const PREFIX = "/git";

/** Serves the repositories of a folder as `/git/<name>`; `url` returns where. */
export async function open({ folder }) {
  // The program itself, as web servers start it: by the word `git` it would be one process more.
  const program = join(git(["--exec-path"]).trim(), "git-http-backend");
  const server = createServer((request, response) => {
    const child = spawn(program, { env: environment(request, folder), stdio: ["pipe", "pipe", "ignore"] });
    // It need not read all that it is sent.
    child.stdin.on("error", () => undefined);
    child.on("error", (error) => response.destroy(error));
    request.pipe(child.stdin);
    answer(child.stdout, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: () => `http://127.0.0.1:${server.address().port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function environment({ method, url, headers }, folder) {
  const [path, query = ""] = url.split("?");
  const given = {
    CONTENT_TYPE: headers["content-type"],
    CONTENT_LENGTH: headers["content-length"],
    HTTP_CONTENT_ENCODING: headers["content-encoding"],
    GIT_PROTOCOL: headers["git-protocol"],
  };
  return {
    ...STOCK,
    GIT_PROJECT_ROOT: folder,
    GIT_HTTP_EXPORT_ALL: "1",
    PATH_INFO: path.slice(PREFIX.length),
    QUERY_STRING: query,
    REQUEST_METHOD: method,
    REMOTE_ADDR: "127.0.0.1",
    REMOTE_USER: "bench",
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  };
}

/** Passes on what CGI says: headers, an empty line, the body. */
function answer(output, response) {
  let head = Buffer.alloc(0);
  const read = (chunk) => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf(BLANK_LINE);
    if (end < 0) return;
    output.off("data", read);
    for (const line of head.toString("latin1", 0, end).split("\r\n")) {
      const colon = line.indexOf(":");
      const [name, value] = [line.slice(0, colon), line.slice(colon + 1).trim()];
      if (name === "Status") response.statusCode = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.write(head.subarray(end + BLANK_LINE.length));
    output.pipe(response);
  };
  output.on("data", read);
  output.on("end", () => {
    if (!response.headersSent) response.writeHead(500).end();
  });
}
