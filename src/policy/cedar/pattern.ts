/**
 * Returns a function that tells whether a text matches a `like` pattern, in which `undefined` stands for any text.
 * Compares code points: no folding.
 *
 * Both sides are well formed, so a piece can never match in the middle of a surrogate pair. Taking the leftmost match of
 * each piece is enough: what is left for the others is then the longest.
 */
export function matcher(pattern: readonly (string | undefined)[]): (text: string) => boolean {
  const pieces: string[] = ['']
  for (const part of pattern) {
    if (part === undefined) pieces.push('')
    else pieces.push((pieces.pop() ?? '') + part)
  }
  const [head = '', ...rest] = pieces
  const tail = rest.pop()
  if (tail === undefined) return (text) => text === head
  return (text) => {
    if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) return false
    const end = text.length - tail.length
    let at = head.length
    for (const piece of rest) {
      const found = text.indexOf(piece, at)
      if (found < 0 || found + piece.length > end) return false
      at = found + piece.length
    }
    return true
  }
}
