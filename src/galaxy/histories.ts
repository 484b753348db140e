import type { History } from "../domain/workflow-server.ts";
import type { GalaxyCalls } from "./galaxy-calls.ts";
import { id, list, members, text, time } from "./read.ts";

/** What is read of a history. */
export interface HistoryAnswer {
  readonly id: string;
  readonly name: string;
  readonly update_time: string;
}

/** What is sent to make one. */
export interface HistoryPayload {
  readonly name: string;
}

function readHistory(answer: unknown): History {
  const history = members<HistoryAnswer>(answer);
  return { id: id(history.id), name: text(history.name), updated_at: time(history.update_time) };
}

export function createHistory(galaxy: GalaxyCalls, name: string): Promise<History> {
  const body: HistoryPayload = { name };
  return galaxy.ask({ call: "create_history", method: "POST", path: "/histories", body, read: readHistory });
}

/** All histories of exactly this name, but deleted ones. */
export function historiesNamed(galaxy: GalaxyCalls, name: string): Promise<readonly History[]> {
  return galaxy.ask({
    call: "list_histories",
    path: "/histories",
    query: { q: "name", qv: name },
    read: (answer) =>
      list(answer)
        .map(readHistory)
        .filter((history) => history.name === name),
  });
}
