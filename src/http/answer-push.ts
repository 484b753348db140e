import { type AskedPush, checkPush, type PushLimits } from "../actions/check-push.ts";
import { judgePush } from "../actions/judge-push.ts";
import { LOCAL, type Principal } from "../domain/roles.ts";
import type { KeyRing } from "../store/key-ring.ts";
import type { Store } from "../store/store.ts";

/** What the hooks of the repository ask about a push. */
export interface PushQuestion extends AskedPush {
  readonly kind: "check" | "judge";
  readonly pusher: string;
  readonly key: string;
  readonly way: string;
}

/** Whether it is let in, and what whoever pushes is told. */
export interface PushAnswer {
  readonly ok: boolean;
  readonly lines: readonly string[];
}

/** Who pushes. A name that no key has is vouched for by this machine, which may have its own ways of knowing people (ssh). */
function pusherOf(ring: KeyRing, { pusher, key }: PushQuestion): Principal {
  if (pusher === LOCAL.name) return LOCAL;
  return ring.actingAs(pusher, key) ?? { name: pusher, role: "agent", key: null };
}

/** Answers the hooks of the repository: whether a push may come in, and then what became of it. */
export async function answerPush(
  store: Store,
  ring: KeyRing,
  limits: PushLimits,
  asked: PushQuestion,
): Promise<PushAnswer> {
  if (asked.kind === "judge") {
    const lines = await judgePush(store, asked.moves);
    // Whoever has the repository at hand looks into it next.
    if (asked.way !== "http") await store.repository.settle();
    return { ok: true, lines };
  }
  const lines = await checkPush(store, pusherOf(ring, asked), asked, limits);
  return { ok: lines.length === 0, lines };
}
