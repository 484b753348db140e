// Clients that follow a server's events, each counting the merges it hears of.
import { once } from "node:events";
import { connect } from "node:net";

const MERGED = Buffer.from("event: merge.merged\n");

/** How long (ms) after the last merge everybody has heard of it, or something is lost. */
const HEARD_MS = 5000;

export async function open({ url, followers }) {
  const { hostname, port, host } = new URL(url);
  const counts = new Uint32Array(followers);
  let heard = () => undefined;
  const follow = async (number) => {
    const socket = connect({ host: hostname, port: Number(port) });
    await once(socket, "connect");
    let tail = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      const bytes = Buffer.concat([tail, chunk]);
      let at = 0;
      for (let found = bytes.indexOf(MERGED); found >= 0; found = bytes.indexOf(MERGED, at)) {
        counts[number]++;
        at = found + MERGED.length;
      }
      tail = bytes.subarray(Math.max(at, bytes.length - MERGED.length + 1));
      heard();
    });
    socket.write(`GET /events HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    await once(socket, "data");
    return socket;
  };
  const sockets = [];
  for (let number = 0; number < followers; number++) sockets.push(await follow(number));
  return {
    begin: () => void counts.fill(0),
    /** Resolves when everybody has heard of so many merges; throws when somebody heard of more, or has not after a while. */
    heard: (merges) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!counts.every((count) => count === merges)) return;
          clearTimeout(late);
          resolve();
        };
        const words = () => `of ${merges} merges, followers heard of ${Math.min(...counts)} to ${Math.max(...counts)}`;
        const late = setTimeout(() => reject(new Error(words())), HEARD_MS);
        heard = look;
        look();
      }),
    close: () => sockets.forEach((socket) => socket.destroy()),
  };
}
