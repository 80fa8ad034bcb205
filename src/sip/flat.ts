/** Read by nobody; without it the compiler would leave out the look that makes a text flat. */
export let lastLook = 0;

/**
 * The same text, in one piece. V8 puts texts together by reference: one made of a few characters of a message keeps the
 * whole message in memory, and one made of twenty pieces is twenty objects. Whatever is kept for seconds is made flat
 * first, and so is what is sent, since it is then copied at once and not piece by piece.
 */
export function flat(text: string): string {
  // Looking at one character of a text in pieces makes V8 put it together.
  if (text.length > 0) lastLook = text.charCodeAt(0);
  return text;
}
