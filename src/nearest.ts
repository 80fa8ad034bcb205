/** The number of single-character edits (insert, delete, replace, swap of neighbours) between two words, case apart. */
export function editDistance(from: string, to: string): number {
  const a = from.toLowerCase();
  const b = to.toLowerCase();
  let twoBack: number[] = [];
  let back = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const line = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let best = Math.min(line[column - 1]! + 1, back[column]! + 1, back[column - 1]! + (same ? 0 : 1));
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        best = Math.min(best, twoBack[column - 2]! + 1);
      }
      line.push(best);
    }
    twoBack = back;
    back = line;
  }
  return back[b.length]!;
}

/**
 * The known word that a mistyped one most likely meant, or undefined when none is close.
 * Close is at most a third of the letters wrong, or one word being the beginning of the other.
 */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  // A longer word is no typing error of ours, and the comparison grows with the product of the lengths.
  if (word.length > 64) {
    return undefined;
  }
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = editDistance(word, candidate);
    const limit = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    if (distance < bestDistance && (distance <= limit || isBeginning(word, candidate))) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function isBeginning(word: string, candidate: string): boolean {
  const shorter = Math.min(word.length, candidate.length);
  return shorter >= 3 && word.slice(0, shorter).toLowerCase() === candidate.slice(0, shorter).toLowerCase();
}
