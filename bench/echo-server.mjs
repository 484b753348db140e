// A bare Koa server that answers every request with the bytes of a file.
import { readFileSync } from "node:fs";
import Koa from "koa";

const bytes = readFileSync(process.argv[2]);
const app = new Koa();
app.use((context) => {
  context.type = "application/json; charset=utf-8";
  context.body = bytes;
});
const server = app.listen(0, "127.0.0.1", () =>
  process.stdout.write(`listening on http://127.0.0.1:${server.address().port}\n`),
);
process.on("SIGTERM", () => process.exit(0));
