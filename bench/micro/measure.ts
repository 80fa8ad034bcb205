/** CPU nanoseconds per call of `work`, the least of several rounds: the one that others disturbed least. */
export function measure(work: (i: number) => unknown, { rounds = 7, roundMs = 150, warmMs = 1500 } = {}): number {
  let i = 0;
  const run = (count: number): number => {
    const before = process.cpuUsage();
    for (let n = 0; n < count; n++) work(i++);
    const { user, system } = process.cpuUsage(before);
    return ((user + system) * 1000) / count;
  };
  let count = 100;
  // Warms up until the just-in-time compiler is through, and finds how many calls fill a round.
  for (let spent = 0; spent < warmMs; ) {
    const each = run(count);
    spent += (each * count) / 1e6;
    count = Math.max(100, Math.ceil((roundMs * 1e6) / Math.max(1, each)));
    if (spent === 0) count *= 10;
  }
  return Math.min(...Array.from({ length: rounds }, () => run(count)));
}
