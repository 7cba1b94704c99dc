/**
 * Readers of HTTP/1.1 that split a stream of requests in different ways, each as some server does. What leaves a gateway is
 * one stream to all of them; where two of them disagree, whoever wrote it has two requests read as one, or one as two.
 */

/** The ways in which one reader differs from others. */
interface ReaderRules {
  /** Ends of lines that it knows, the longest first. */
  readonly ends: readonly string[]
  /** Returns the name that it takes a header for. */
  readonly nameOf: (name: string) => string
  /** Says which framing header it believes where there are both. */
  readonly believes: 'chunks' | 'length'
  /** Tells whether a transfer coding means chunks to it. */
  readonly isChunked: (coding: string) => boolean
  /** Returns the number that a length is to it; undefined: it has no body. */
  readonly lengthOf: (text: string) => number | undefined
  /** The one that it takes of two headers of one name. */
  readonly takes: 'first' | 'last'
}

const STRICT: ReaderRules = {
  ends: ['\r\n'],
  nameOf: (name) => name.toLowerCase(),
  believes: 'chunks',
  isChunked: (coding) => coding.toLowerCase() === 'chunked',
  lengthOf: (text) => (/^\d+$/.test(text) ? Number(text) : undefined),
  takes: 'first',
}

/** Readers by what they are known for. */
const READERS: Readonly<Record<string, ReaderRules>> = {
  strict: STRICT,
  'ends lines at line feeds': { ...STRICT, ends: ['\r\n', '\n'] },
  'ends lines at carriage returns': { ...STRICT, ends: ['\r\n', '\n', '\r'] },
  'believes lengths before chunks': { ...STRICT, believes: 'length' },
  'finds chunks anywhere in a coding': { ...STRICT, isChunked: (coding) => /chunked/i.test(coding) },
  'knows no chunks': { ...STRICT, isChunked: () => false },
  'squeezes names of headers': { ...STRICT, nameOf: (name) => name.toLowerCase().replaceAll(/[^a-z]/g, '') },
  'takes the last of two': { ...STRICT, takes: 'last' },
  'reads lengths as far as they are numbers': { ...STRICT, lengthOf: (text) => Number.parseInt(text, 10) || undefined },
  'reads lengths in any base': { ...STRICT, lengthOf: (text) => Number(text.replaceAll('_', '')) || undefined },
}

/** A request as a reader splits it off. */
export interface SplitRequest {
  readonly method: string
  readonly target: string
  readonly host: string | undefined
  readonly body: string
}

/** The requests of a stream, and what is left that is no whole one. */
export interface Split {
  readonly requests: readonly SplitRequest[]
  readonly rest: string
}

/** Splits a stream, one byte a character, as a strict server does. */
export function splitStrictly(stream: string): Split {
  return split(stream, STRICT)
}

/** Returns which reader splits a stream in another way than a strict one, and how; undefined where all agree. */
export function disagreement(stream: string): string | undefined {
  const wanted = JSON.stringify(splitStrictly(stream))
  for (const [name, rules] of Object.entries(READERS)) {
    // Whoever knows no chunks refuses what has them.
    if (name === 'knows no chunks' && /^transfer-encoding: chunked\r$/im.test(stream)) continue
    const found = JSON.stringify(split(stream, rules))
    if (found !== wanted) return `one that ${name} reads ${found}, and a strict one ${wanted}`
  }
  return undefined
}

function split(stream: string, rules: ReaderRules): Split {
  const requests: SplitRequest[] = []
  let at = 0
  while (at < stream.length) {
    const head = headAt(stream, at, rules)
    if (head === undefined) break
    const body = bodyAt(stream, head.end, head.headers, rules)
    if (body === undefined) break
    const [method = '', target = ''] = head.line.split(' ')
    requests.push({ method, target, host: head.headers.get('host'), body: body.text })
    at = body.end
  }
  return { requests, rest: stream.slice(at) }
}

interface Head {
  readonly line: string
  readonly headers: ReadonlyMap<string, string>
  readonly end: number
}

function headAt(stream: string, from: number, { ends, nameOf, takes }: ReaderRules): Head | undefined {
  const lines: string[] = []
  for (let at = from; ; ) {
    const found = lineAt(stream, at, ends)
    if (found === undefined) return undefined
    at = found.end
    if (found.text !== '') {
      lines.push(found.text)
      continue
    }
    const [line = '', ...fields] = lines
    const headers = new Map<string, string>()
    for (const field of fields) {
      const colon = field.indexOf(':')
      const name = nameOf(field.slice(0, colon).trim())
      if (takes === 'last' || !headers.has(name)) headers.set(name, field.slice(colon + 1).trim())
    }
    return { line, headers, end: at }
  }
}

function lineAt(stream: string, from: number, ends: readonly string[]): { text: string; end: number } | undefined {
  let first: { text: string; end: number } | undefined
  for (const end of ends) {
    const found = stream.indexOf(end, from)
    // `\r\n` comes before `\r` at the same place.
    if (found >= 0 && (first === undefined || found < from + first.text.length))
      first = { text: stream.slice(from, found), end: found + end.length }
  }
  return first
}

function bodyAt(
  stream: string,
  from: number,
  headers: ReadonlyMap<string, string>,
  rules: ReaderRules,
): { text: string; end: number } | undefined {
  const named = (name: string) => headers.get(rules.nameOf(name))
  const coding = named('transfer-encoding')
  const written = named('content-length')
  const length = written === undefined ? undefined : rules.lengthOf(written)
  const isChunked = coding !== undefined && rules.isChunked(coding)
  if (isChunked && (rules.believes === 'chunks' || length === undefined)) return chunksAt(stream, from, rules)
  const end = from + (length ?? 0)
  return end > stream.length ? undefined : { text: stream.slice(from, end), end }
}

function chunksAt(stream: string, from: number, rules: ReaderRules): { text: string; end: number } | undefined {
  let text = ''
  for (let at = from; ; ) {
    const line = lineAt(stream, at, rules.ends)
    if (line === undefined) return undefined
    const size = Number.parseInt(line.text, 16)
    if (Number.isNaN(size)) return undefined
    at = line.end
    if (size > 0) {
      text += stream.slice(at, at + size)
      const after = lineAt(stream, at + size, rules.ends)
      if (after === undefined) return undefined
      at = after.end
      continue
    }
    for (;;) {
      const trailer = lineAt(stream, at, rules.ends)
      if (trailer === undefined) return undefined
      at = trailer.end
      if (trailer.text === '') return { text, end: at }
    }
  }
}
