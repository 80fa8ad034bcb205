// Texts are put together from left to right.

/**
 * Copies `[from, end)` to `to`, sixteen bytes at a time. Behind what is copied up to fifteen bytes of anything are
 * written as well, over which the next piece goes; the two places do not overlap.
 * @returns where the copy ends
 */
export function copyTo(to: usize, from: usize, end: usize): usize {
  const size = end - from;
  for (let i: usize = 0; i < size; i += 16) v128.store(to + i, v128.load(from + i));
  return to + size;
}
