import { no, ok, type Result } from '../../../../model/index.ts'
import { normalName, pypiFile } from '../reading/package-name.ts'
import { decideRelease, type NameRules, type ReleaseVerdict } from '../rules/package-policy.ts'
import { edited, type JsonMember, JsonWalk, type TextEdit } from './json-walk.ts'
import { type DecidedRelease, type MarkedList, refusalOf, timeIn } from './marked-list.ts'

/**
 * Marks a page of PyPI's simple index in JSON (PEP 691): files that are refused are `yanked` with the reason (PEP 592), so that
 * ranges take others, and who names a version is told. Each file is decided by itself: one that is added to an old version is
 * new. The error says why the whole page cannot be shown.
 */
export function markSimpleJson(text: string, rules: NameRules, nowMs: number): Result<MarkedList, string> {
  const read = JsonWalk.reading(text, (walk, root): Result<MarkedList, string> => {
    const top = named(walk.members(root))
    if (normalName('pypi', walk.string(top.get('name')) ?? '') !== rules.name)
      return no(`it is not the list of ${rules.name}`)
    const files = top.get('files')
    if (files === undefined) return no('it has no files')
    const edits: TextEdit[] = []
    const releases: DecidedRelease[] = []
    for (const item of walk.items(files)) {
      const parts = named(walk.members(item))
      const file = walk.string(parts.get('filename')) ?? ''
      const hashes = parts.get('hashes')
      const integrity = (hashes === undefined ? [] : walk.members(hashes)).map(
        (hash) => `${hash.key}=${walk.string(hash) ?? ''}`,
      )
      const publishedMs = timeIn(walk.string(parts.get('upload-time')))
      const release = decided({ file, url: walk.string(parts.get('url')) ?? '', integrity, publishedMs }, rules, nowMs)
      releases.push(release)
      if (release.refusal === undefined || walk.text[item.from] !== '{') continue
      const why = JSON.stringify(release.refusal)
      const said = parts.get('yanked')
      if (said !== undefined) edits.push({ from: said.from, to: said.to, text: why })
      else {
        const text = `"yanked":${why}${parts.size === 0 ? '' : ','}`
        edits.push({ from: item.from + 1, to: item.from + 1, text })
      }
    }
    return ok({ bytes: new TextEncoder().encode(edited(walk.text, edits)), releases })
  })
  return read.ok ? read.value : read
}

/**
 * Marks a page of the simple index in HTML (PEP 503), which says no times: only what may be of any age is not refused. For
 * clients that read no JSON. A page with anything but links is not shown, since parsers read it in different ways.
 */
export function markSimpleHtml(text: string, rules: NameRules, nowMs: number): Result<MarkedList, string> {
  const edits: TextEdit[] = []
  const releases: DecidedRelease[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex
    const [token, tag, attributes] = TOKEN.exec(text) ?? []
    if (token === undefined) return no(`it has more than links at character ${at}`)
    if (tag?.toLowerCase() !== 'a') {
      if (tag !== undefined && !PLAIN_TAGS.has(tag.toLowerCase())) return no(`it has more than links: ${tag}`)
      continue
    }
    const said = attributesIn(attributes ?? '')
    if (said === undefined) return no(`a link at character ${at} names an attribute twice`)
    const [url = '', fragment = ''] = unescaped(said.get('href')?.value ?? '').split('#')
    const integrity = fragment === '' ? [] : [fragment]
    const file = decodedName(url.slice(url.lastIndexOf('/') + 1))
    const release = decided({ file, url, integrity, publishedMs: undefined }, rules, nowMs)
    releases.push(release)
    if (release.refusal === undefined) continue
    const why = `data-yanked="${escaped(release.refusal)}"`
    const before = said.get('data-yanked')
    const start = at + '<a'.length
    edits.push({ from: start + (before?.from ?? 0), to: start + (before?.to ?? 0), text: ` ${why}` })
  }
  return ok({ bytes: new TextEncoder().encode(edited(text, edits)), releases })
}

interface ListedFile {
  readonly file: string
  readonly url: string
  readonly integrity: readonly string[]
  readonly publishedMs: number | undefined
}

function decided({ file, url, integrity, publishedMs }: ListedFile, rules: NameRules, nowMs: number): DecidedRelease {
  const read = pypiFile(file, rules.name)
  const ends = url.split(/[?#]/)[0]?.split('/').at(-1)
  const named = url.length <= 2_048 && decodedName(ends ?? '') === file
  let verdict: ReleaseVerdict
  if (read === undefined)
    verdict = { allowed: false, why: 'its name is that of no file of this package', because: ['entry'] }
  else if (!named) verdict = { allowed: false, why: 'its address is that of another file', because: ['entry'] }
  else {
    // What is no wheel is built where it is installed, by a program of its own.
    const scripts = read.builds ? ['its build'] : []
    verdict = decideRelease({ version: read.version, publishedMs, integrity, scripts }, rules, nowMs)
  }
  const refusal = verdict.allowed ? undefined : refusalOf(file, verdict.why)
  return { version: read?.version ?? '', url: url.length > 2_048 ? '' : url, integrity, verdict, refusal }
}

function decodedName(text: string): string {
  return text.replaceAll(/%2b/gi, '+').replaceAll('%21', '!')
}

/** A comment, a doctype, a tag whose attributes stand in double quotes or have no value, or text. */
const TOKEN =
  /<!--[^<>]*?-->|<!doctype html[^<>"]*>|<\/[a-z][a-z0-9]*\s*>|<([a-z][a-z0-9]*)((?:\s+[a-z][a-z-]*(?:="[^"<>]*")?)*)\s*\/?>|[^<>]+/iy
const PLAIN_TAGS: ReadonlySet<string> = new Set(['html', 'head', 'title', 'meta', 'body', 'h1', 'br', 'p', 'pre'])

interface Attribute {
  readonly value: string
  /** Offsets in the text of all attributes, with the space before its name. */
  readonly from: number
  readonly to: number
}

/** Returns the attributes of a tag by their names in small letters; undefined where one stands there twice. */
function attributesIn(text: string): ReadonlyMap<string, Attribute> | undefined {
  const found = new Map<string, Attribute>()
  for (const match of text.matchAll(/\s+([a-z][a-z-]*)(?:="([^"]*)")?/gi)) {
    const [all, name = '', value = ''] = match
    if (found.has(name.toLowerCase())) return undefined
    found.set(name.toLowerCase(), { value, from: match.index, to: match.index + all.length })
  }
  return found
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", '#x27': "'" }

function unescaped(text: string): string {
  return text.replaceAll(/&(amp|lt|gt|quot|#39|#x27);/g, (_, name: string) => ENTITIES[name] ?? '')
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

function named(members: readonly JsonMember[]): ReadonlyMap<string, JsonMember> {
  return new Map(members.map((member) => [member.key, member]))
}
