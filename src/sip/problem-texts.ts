import * as problems from "../grammar/problems.ts";

/** What is wrong with a message, for people. */
export const PROBLEM_TEXTS: readonly string[] = ((): string[] => {
  const texts: string[] = [];
  texts[problems.NO_END] = "no empty line ends the headers";
  texts[problems.URI_HAS_SPACE] = "the request line holds white space or brackets where none may be";
  texts[problems.URI_MALFORMED] = "the Request-URI is not a URI";
  // The next server might end a line there.
  texts[problems.STRAY] = "a header holds NUL, or a CR or LF that ends no line";
  texts[problems.NO_COLON] = "a header line has no name and colon";
  texts[problems.LENGTH_MALFORMED] = "Content-Length is not a number of bytes";
  texts[problems.LENGTH_TOO_LONG] = "Content-Length says more than what arrived";
  texts[problems.VIA_MISSING] = "there is no Via";
  texts[problems.VIA_MALFORMED] = "the topmost Via is malformed";
  texts[problems.FROM_MALFORMED] = "From is missing or malformed";
  texts[problems.TO_MALFORMED] = "To is missing or malformed";
  texts[problems.FROM_OR_TO_MISSING] = "From or To is missing";
  texts[problems.CALL_ID_MALFORMED] = "Call-ID is missing or malformed";
  texts[problems.CSEQ_MALFORMED] = "CSeq is missing or malformed";
  texts[problems.CSEQ_OTHER_METHOD] = "CSeq names another method than the request line";
  return texts;
})();
