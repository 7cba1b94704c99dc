/**
 * What in a text a reader, or a reader's program, could follow: addresses of the web and of mail, by their common forms.
 * It is a net and no wall: what is spelled out, encoded or split is not found (LIMITATIONS.md).
 */
export function linksIn(text: string): readonly string[] {
  if (!/[.:@/]/.test(text)) return []
  const found = new Set<string>()
  for (const [match] of text.matchAll(LINK)) {
    if (found.size >= LINKS_MAX) return [...found, 'more links than are judged']
    found.add(match.replace(/[.,:;!?'"”’»)\]}>]+$/, ''))
  }
  return [...found]
}

/** More than anybody sends; the text waits for a person, whatever stands behind them. */
const LINKS_MAX = 500

/** With a scheme; beginning with `www.`; an address of mail; a name with a path, or in one of the largest domains. */
const LINK =
  /[a-z][a-z0-9+.-]{1,20}:\/\/[^\s<>"'`]+|www\.[^\s<>"'`]+|[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+|(?:[\p{L}\p{N}-]+\.)+\p{L}{2,24}(?::\d+)?\/[^\s<>"'`]*|(?:[\p{L}\p{N}-]+\.)+(?:com|net|org|io|co|dev|app|info|biz|me|xyz|ai|cloud|online|site|ru|cn|de|uk|eu|fr|it|es|pt|nl|pl|ch|at|be|se|us|ca|br|in|jp)\b/giu
