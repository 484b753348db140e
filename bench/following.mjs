// Follows a server's events.
import { once } from "node:events";
import { connect } from "node:net";

/** Follows the events of a server; `hear` gets how many more there were whose names are or begin like `name`. Returns the socket. */
export async function follow(url, name, hear) {
  const { hostname, port, host } = new URL(url);
  const wanted = Buffer.from(`event: ${name}`);
  const socket = connect({ host: hostname, port: Number(port) });
  await once(socket, "connect");
  let tail = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    const bytes = Buffer.concat([tail, chunk]);
    let count = 0;
    let at = 0;
    for (let found = bytes.indexOf(wanted); found >= 0; found = bytes.indexOf(wanted, at)) {
      count++;
      at = found + wanted.length;
    }
    tail = bytes.subarray(Math.max(at, bytes.length - wanted.length + 1));
    hear(count);
  });
  socket.write(`GET /events HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await once(socket, "data");
  return socket;
}
