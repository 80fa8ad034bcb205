import type { Flow } from "./flow.ts";

/** Names for the connections over which clients have to be reached again (RFC 5626 §5.1: flow tokens). */
export class FlowRegistry {
  private readonly flows = new Map<string, Flow>();
  private readonly ids = new Map<Flow, string>();
  private readonly prefix: string;
  private readonly mark: string;
  private counter = 0;

  /**
   * @param prefix sets the names of this gateway apart from those of another one
   * @param mark of this process among those of the gateway, or ""
   */
  constructor(prefix: string, mark = "") {
    this.prefix = prefix;
    this.mark = mark;
  }

  get size(): number {
    return this.flows.size;
  }

  /** The name of a connection. That of one which has closed meanwhile leads nowhere. */
  idOf(flow: Flow): string {
    let id = this.ids.get(flow);
    if (id === undefined) {
      id = `${this.prefix}.${(this.counter++).toString(36)}${this.mark}`;
      // Nobody would tell to forget it again.
      if (!flow.open) return id;
      this.ids.set(flow, id);
      this.flows.set(id, flow);
    }
    return id;
  }

  /** The connection of that name while it is open. */
  find(id: string): Flow | undefined {
    const flow = this.flows.get(id);
    return flow?.open ? flow : undefined;
  }

  /** Forgets a closed connection. */
  forget(flow: Flow): void {
    const id = this.ids.get(flow);
    if (id === undefined) return;
    this.ids.delete(flow);
    this.flows.delete(id);
  }
}
