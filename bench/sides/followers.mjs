// Clients that follow a server's events, each counting the merges it hears of.
import { follow } from "../following.mjs";

/** How long (ms) after the last merge everybody has heard of it, or something is lost. */
const HEARD_MS = 5000;

export async function open({ url, followers }) {
  const counts = new Uint32Array(followers);
  let heard = () => undefined;
  const sockets = [];
  for (let number = 0; number < followers; number++) {
    const hear = (merges) => {
      counts[number] += merges;
      heard();
    };
    sockets.push(await follow(url, "merge.merged\n", hear));
  }
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
