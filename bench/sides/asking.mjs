// The clients of a server that has workflows invoked: each asks for one again and again.
import { Clients } from "../clients.mjs";

export async function open({ url, connections, job }) {
  const clients = new Clients(url, connections);
  return {
    jobs: clients.repeatedly(async (number) => {
      const made = JSON.parse((await clients.request(number, "POST", "/jobs", job)).toString("utf8"));
      if (made.invocation_id === null) throw new Error(`job ${made.job_id} has no invocation`);
    }),
  };
}
