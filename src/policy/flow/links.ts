import { withoutEnd } from '../../model/text/text.ts'

/**
 * Finds the addresses in a text that a reader, or a reader's program, could follow: of the web and of mail, by their
 * common forms. It is a net and no wall: what is spelled out, encoded or split is not found (LIMITATIONS.md).
 *
 * It takes time in proportion to the text, whatever the text is: each form is found by what no other text has (`://`,
 * `www.`, `@`, a dot between names), and from there it is looked a bounded way back.
 */
export function linksIn(text: string): readonly string[] {
  if (!/[.:@/]/.test(text)) return []
  const found = new Set<string>()
  for (const { 0: piece } of text.matchAll(PIECE)) {
    if (!/\.|@|:\/\//.test(piece)) continue
    for (const link of linksOf(piece)) {
      if (found.size >= LINKS_MAX) return [...found, 'more links than are judged']
      found.add(withoutEnd(link, '.,:;!?\'"”’»)]}>'))
    }
  }
  return [...found]
}

/** More than anybody sends; the text waits for a person, whatever stands behind them. */
const LINKS_MAX = 500

/** A stretch of text in which no link ends: links hold neither spaces nor quotes. */
const PIECE = /[^\s<>"'`]+/gu

interface Span {
  readonly start: number
  readonly end: number
  /** The last place from which it is still a link: what stands before `@` or `://` may be shorter. */
  readonly latest: number
}

/** Returns the links of one piece, from left to right: of two that begin at one place the first, and none inside another. */
function linksOf(piece: string): readonly string[] {
  const spans = [...addresses(piece), ...mailboxes(piece), ...hosts(piece)].sort((a, b) => a.start - b.start)
  const links: string[] = []
  let from = 0
  for (const { start, end, latest } of spans) {
    if (latest < from) continue
    links.push(piece.slice(Math.max(start, from), end))
    from = end
  }
  return links
}

const SCHEME = /:\/\/(?<=([a-z][a-z0-9+.-]{1,20}):\/\/)/giu
const WWW = /www\./giu

/** Finds addresses with a scheme, or beginning with `www.`: both go on to the end of the piece. */
function* addresses(piece: string): Generator<Span> {
  for (const { index, 1: scheme = '' } of piece.includes('://') ? piece.matchAll(SCHEME) : []) {
    const start = index - scheme.length
    if (index + 3 < piece.length) yield { start, end: piece.length, latest: index - 2 }
  }
  for (const { index: start } of piece.matchAll(WWW)) {
    if (start + 4 < piece.length) yield { start, end: piece.length, latest: start }
  }
}

const MAIL = /@(?<=([\p{L}\p{N}._%+-]{1,64})@)[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/giu

function* mailboxes(piece: string): Generator<Span> {
  for (const match of piece.includes('@') ? piece.matchAll(MAIL) : []) {
    const { index, 0: whole, 1: local = '' } = match
    yield { start: index - local.length, end: index + whole.length, latest: index - 1 }
  }
}

/** Names with dots between them, from where the first begins: none of them is looked at from within. */
const HOST = /(?<![\p{L}\p{N}-])[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/gu
const PATH = /(?::\d+)?\//y
const LARGE_DOMAIN =
  /(?:com|net|org|io|co|dev|app|info|biz|me|xyz|ai|cloud|online|site|ru|cn|de|uk|eu|fr|it|es|pt|nl|pl|ch|at|be|se|us|ca|br|in|jp)\b/iuy

/** A name with a path, or in one of the largest domains. */
function* hosts(piece: string): Generator<Span> {
  for (const { 0: host, index: start } of piece.includes('.') ? piece.matchAll(HOST) : []) {
    const end = start + host.length
    if (/^\p{L}{2,24}$/u.test(host.slice(host.lastIndexOf('.') + 1)) && matchesAt(PATH, piece, end)) {
      yield { start, end: piece.length, latest: start }
      return
    }
    for (let dot = host.lastIndexOf('.'); dot > 0; dot = host.lastIndexOf('.', dot - 1)) {
      if (!matchesAt(LARGE_DOMAIN, piece, start + dot + 1)) continue
      yield { start, end: LARGE_DOMAIN.lastIndex, latest: start }
      break
    }
  }
}

/** Tells whether a sticky expression matches at a place; its `lastIndex` is then the end. */
function matchesAt(sticky: RegExp, text: string, at: number): boolean {
  sticky.lastIndex = at
  return sticky.test(text)
}
