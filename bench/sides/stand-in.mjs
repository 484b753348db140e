// A stand-in Galaxy.
import { startStandIn } from "../galaxies.mjs";

export async function open(options) {
  const { url, key, close } = await startStandIn(options);
  return { where: () => ({ url, key }), close };
}
