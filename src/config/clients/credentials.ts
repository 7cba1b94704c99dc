import { parseJson } from '../../model/index.ts'
/**
 * Recognises credentials in a text by what they are, wherever they stand: userinfo of URLs, values of keys and flags that
 * name a credential, issuers' prefixes, tokens of HTTP's schemes, JSON within a text, and what only chance could have
 * written. It errs towards a credential: one too many is a secret that need not be one; one too few is written in clear.
 */
import { namesCredential, namesPlain } from './credential-names.ts'

/** A part of a text, by its UTF-16 offsets: `text.slice(from, to)`. */
export interface Span {
  readonly from: number
  readonly to: number
  /** Name for the credential: `password`, `api-key`, or the key that it stood under. */
  readonly called: string
}

/**
 * Finds the credentials in a text.
 *
 * @param text a whole value: of a variable, a header, an argument, or a URL.
 * @param key the name that it stands under, where it has one: `API_TOKEN`, `Authorization`, `--api-key`.
 * @returns spans in order that do not touch.
 */
export function credentialsIn(text: string, key = ''): readonly Span[] {
  const found = [
    ...ofKey(text, key),
    ...ofUserinfo(text),
    ...ofPairs(text),
    ...ofJson(text),
    ...ofHeader(text),
    ...ofLogin(text, key),
    ...ofSchemes(text),
    ...ofWebhooks(text, key),
    ...KNOWN.flatMap((pattern) => spansOf(text, pattern, 'token')),
    ...ofChance(text),
  ]
  return merged(found)
}

function merged(spans: readonly Span[]): readonly Span[] {
  const all: Span[] = []
  for (const span of spans.toSorted((a, b) => a.from - b.from || b.to - a.to)) {
    const last = all.at(-1)
    if (last === undefined || span.from > last.to) all.push(span)
    else all[all.length - 1] = { ...last, to: Math.max(last.to, span.to) }
  }
  return all
}

/** Returns the span of each match's last group, or of the whole match where it has no group. */
function spansOf(text: string, pattern: RegExp, called: string): readonly Span[] {
  return [...text.matchAll(pattern)].flatMap((match) => {
    const value = match.length > 1 ? match.at(-1) : match[0]
    if (value === undefined || value === '') return []
    const from = match.index + match[0].lastIndexOf(value)
    return [{ from, to: from + value.length, called }]
  })
}

/** The words in front of a token in a header: of RFC 9110 and what services made of it. */
const SCHEME = /^(?:bearer|basic|token|apikey|api-key|bot|key|digest|negotiate|oauth|ghost|splunk)[ :=]+/i

function ofKey(text: string, key: string): readonly Span[] {
  if (!namesCredential(key) || namesPlain(text)) return []
  const from = SCHEME.exec(text)?.[0].length ?? 0
  // What a person does not know yet, and what is put in elsewhere.
  if (/^\$\{[^}]*\}$/.test(text.slice(from)) || text.length === from) return []
  // Of a URL or of JSON its parts say more.
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || /^\s*[{[]/.test(text)) return []
  return [{ from, to: text.length, called: key }]
}

/** Finds the credential of a URL: `scheme://user:password@`, and `scheme://token@`. RFC 3986, 3.2.1 */
function ofUserinfo(text: string): readonly Span[] {
  const passwords = spansOf(text, /[a-z][a-z0-9+.-]*:\/\/[^\s/?#@:"']*:([^\s/?#"']+)@/gi, 'password')
  const tokens = [...text.matchAll(/[a-z][a-z0-9+.-]*:\/\/([^\s/?#@:"']{16,})@/gi)]
    .filter(([, user = '']) => looksRandom(user) || /^(?=.*\d)[A-Za-z0-9_-]{20,}$/.test(user))
    .map((match): Span => {
      const from = match.index + match[0].indexOf('://') + 3
      return { from, to: from + (match[1]?.length ?? 0), called: 'token' }
    })
  return [...passwords, ...tokens]
}

/**
 * Finds credentials in pairs: `?api_key=…`, `;Password=…`, `TOKEN=…`, `--token=…`: a name, an equals sign, and what
 * goes up to the next.
 */
function ofPairs(text: string): readonly Span[] {
  const pairs = [
    ...text.matchAll(/(^|[?&;#,\s'"{])(-{0,2}[A-Za-z][\w. -]{0,63}?)\s*=\s*("[^"]*"|'[^']*'|[^&;\s'"#,]+)/g),
  ]
  return pairs.flatMap((match) => {
    const [whole, , name = '', written = ''] = match
    if (!namesCredential(name)) return []
    const value = /^["'].*["']$/.test(written) ? written.slice(1, -1) : written
    if (namesPlain(value) || value.startsWith('${')) return []
    const from = match.index + whole.lastIndexOf(value)
    return [{ from, to: from + value.length, called: name }]
  })
}

/** Finds credentials in JSON that is itself a text: each text under its key; as they stand, escapes and all. */
function ofJson(text: string): readonly Span[] {
  if (!/^\s*[{[]/.test(text)) return []
  return [...text.matchAll(isJsonText(text) ? PAIRS : ESCAPED_PAIRS)].flatMap((match) => {
    const [whole, key = '', value = ''] = match
    const offset = match.index + whole.lastIndexOf(value)
    if (value === '') return []
    return credentialsIn(value, key).map(({ from, to, called }) => ({ from: from + offset, to: to + offset, called }))
  })
}

const PAIRS = /"((?:[^"\\]|\\.)*)"\s*:\s*"((?:[^"\\]|\\.)*)"/g
/** JSON within a text of JSON, whose quotes have backslashes. */
const ESCAPED_PAIRS = /\\+"([^"\\]*)\\+"\s*:\s*\\+"((?:[^"\\]|\\(?!\\*")[\s\S])*)\\+"/g

function isJsonText(text: string): boolean {
  try {
    parseJson(text)
    return true
  } catch {
    return false
  }
}

/**
 * Finds the token of a header: `Authorization: Bearer …`, as curl and mcp-remote take it in one argument, also in a
 * line for a shell.
 */
function ofHeader(text: string): readonly Span[] {
  return [...text.matchAll(/(?:^|["'\s])([A-Za-z][A-Za-z0-9-]*):\s*([^/"'\s][^"'\n]*)/g)].flatMap((match) => {
    const [whole, name = '', value = ''] = match
    if (!namesCredential(name)) return []
    const offset = match.index + whole.length - value.length
    return ofKey(value, name).map(({ from, to, called }) => ({ from: from + offset, to: to + offset, called }))
  })
}

/** Finds the password of `-u user:password`, as curl and others have it. */
function ofLogin(text: string, key: string): readonly Span[] {
  return /^(?:-u|--?(?:user|auth|login|userpass|basic-auth))$|^auth$/i.test(key)
    ? spansOf(text, /^[^:\s/]+:([^\s/].*)$/g, 'password')
    : []
}

function ofSchemes(text: string): readonly Span[] {
  return spansOf(text, /\b(?:bearer|basic)[ ]+([A-Za-z0-9._~+/=-]{8,})/gi, 'authorization').filter(
    ({ from, to }) => !namesPlain(text.slice(from, to)) && /\d|[A-Z].*[a-z]|=$/.test(text.slice(from, to)),
  )
}

/**
 * Returns the secret parts of webhook addresses, which let anyone post there: all of the path behind what is the same
 * for everybody.
 */
function ofWebhooks(text: string, key: string): readonly Span[] {
  const known = spansOf(text, /https?:\/\/[^\s/"']+\/(?:[^\s"']*\/)?(?:web)?hooks?\/([^\s"']+)/gi, 'webhook')
  const slack = spansOf(
    text,
    /https?:\/\/hooks\.slack[^\s/]*\/(?:services|workflows|triggers)\/([^\s"']+)/gi,
    'webhook',
  )
  const named = /webhook/i.test(key) ? spansOf(text, /https?:\/\/[^\s/"']+\/([^\s"']+)/gi, 'webhook') : []
  return [...known, ...slack, ...named]
}

/** Prefixes that issuers chose so that scanners find their tokens, and forms that nothing else has. */
const KNOWN: readonly RegExp[] = [
  /\b(?:gh[pousr]_|github_pat_|glpat-|gldt-|glrt-|gloas-)[A-Za-z0-9_-]{10,}/g,
  /\b(?:sk|rk|whsec|ek)[-_](?=[\w-]*\d)[A-Za-z0-9_-]{8,}/g,
  /\bxox[a-z]-[A-Za-z0-9-]{8,}|\bxapp-[A-Za-z0-9-]{8,}/g,
  /\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}/g,
  /\bAIza[A-Za-z0-9_-]{30,}|\bya29\.[A-Za-z0-9_-]{10,}|\bGOCSPX-[A-Za-z0-9_-]{10,}/g,
  /\b(?:hf|npm|ntn|figd|lin_api|lin_oauth|sbp|gsk|r8|dop_v1|doo_v1|shpat|shpss|shpca|secret|apify_api|rnd|tskey|PMAK|sq0\w{3}|sntry[su]|fc|tvly|pplx|nvapi|dapi|hvs|hvb|pul|tfp|rubygems|pypi|dckr_pat|ctx7sk|ATATT3|phx|napi|rdme|vercel)[-_](?=[\w.-]*\d)[A-Za-z0-9_.=-]{16,}/g,
  /\bATATT3[A-Za-z0-9_=-]{16,}|\bpypi-[A-Za-z0-9_-]{16,}|\bSG\.[\w-]{10,}\.[\w-]{10,}|\bEAA[A-Za-z0-9]{30,}/g,
  /\bpat[A-Za-z0-9]{14}\.[a-f0-9]{32,}|\b\d{8,10}:AA[A-Za-z0-9_-]{30,}|\bAGE-SECRET-KEY-[A-Z0-9]+/g,
  /\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)?/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
]

/** Finds runs of letters and digits that nobody would choose. Paths, digests that say so, and UUIDs are none. */
function ofChance(text: string): readonly Span[] {
  if (/^(?:~|\.{0,2})\/[\w.@+-]+(?:[/.]|$)/.test(text)) return []
  return [...text.matchAll(/[A-Za-z0-9_+=~-]{20,}(?:[/.][A-Za-z0-9_+=~-]{20,})*/g)].flatMap((match) => {
    const [run] = match
    const before = text.slice(Math.max(0, match.index - 10), match.index)
    if (/(?:sha\d{1,3}[:-]|@|\$\{[^}]*)$/.test(before) || !looksRandom(run)) return []
    return [{ from: match.index, to: match.index + run.length, called: 'token' }]
  })
}

/** Tells whether letters and digits change kind more often than words do: a random run does in two of three places. */
function looksRandom(run: string): boolean {
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(run)) return false
  const plain = run.replaceAll(/[^A-Za-z0-9]/g, '')
  if (plain.length < 20 || !/\d/.test(plain) || !/[A-Za-z]/.test(plain)) return false
  const kinds = [...plain].map((each) => (/\d/.test(each) ? 0 : /[a-z]/.test(each) ? 1 : 2))
  const changes = kinds.filter((kind, i) => i > 0 && kind !== kinds[i - 1]).length
  return changes / (plain.length - 1) >= 0.27
}
