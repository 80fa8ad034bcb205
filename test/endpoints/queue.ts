/** Hands over values in their order, to whoever waits for the next one. */
export interface Queue<T> {
  readonly put: (value: T) => void;
  next(): Promise<T>;
  /** How many values nobody has asked for yet. */
  readonly size: number;
}

export function queue<T>(): Queue<T> {
  const ready: T[] = [];
  const waiting: ((value: T) => void)[] = [];
  return {
    put: (value) => {
      const next = waiting.shift();
      next === undefined ? ready.push(value) : next(value);
    },
    next: () =>
      new Promise((resolve) => {
        // A store's own watch keeps no process alive, so the waiting test has to.
        const alive = setInterval(() => undefined, 1000);
        const done = (value: T): void => {
          clearInterval(alive);
          resolve(value);
        };
        ready.length > 0 ? done(ready.shift()!) : waiting.push(done);
      }),
    get size() {
      return ready.length;
    },
  };
}
