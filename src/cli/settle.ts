import { actor } from "./actor.ts";
import type { ChangeOptions } from "./commit.ts";
import { type Session, withTable } from "./session.ts";
import { tellChange } from "./told.ts";

/** `waypost table accept|restore`: a person's word about a table that looks like a loss. */
export async function settle(session: Session, decision: "accept" | "restore", options: ChangeOptions): Promise<void> {
  await withTable(session, async (opened) => {
    const result = await opened.store.settle(decision, actor(session.env, options.reason));
    await tellChange(session, opened, result, options);
  });
}
