import { no, ok, type Result } from '../../../../model/index.ts'
import { compareReleases, isPrerelease, readRelease } from '../reading/release-version.ts'
import { decideRelease, type ListedRelease, type NameRules, type ReleaseVerdict } from '../rules/package-policy.ts'
import { edited, type JsonMember, JsonWalk, type TextEdit } from './json-walk.ts'
import { type DecidedRelease, type MarkedList, refusalOf, timeIn } from './marked-list.ts'

/**
 * Marks a full document of npm (`Accept: application/json`; the short one says no times): versions that are refused are
 * `deprecated` with the reason (but those that are refused for their scripts alone, whose files say so), and `dist-tags.latest` is the newest that is allowed. Ranges then take an older version, and
 * who names one is told why it is refused. The error says why the whole document cannot be shown.
 */
export function markPackument(text: string, rules: NameRules, nowMs: number): Result<MarkedList, string> {
  const read = JsonWalk.reading(text, (walk, root) => markedIn(walk, root, rules, nowMs))
  return read.ok ? read.value : read
}

/** One version of a document: what is decided, and what its publisher says of it. */
interface Entry {
  readonly key: string
  readonly release: DecidedRelease
  readonly deprecated: boolean
}

function markedIn(walk: JsonWalk, root: JsonMember, rules: NameRules, nowMs: number): Result<MarkedList, string> {
  const top = named(walk.members(root))
  if (walk.string(top.get('name')) !== rules.name) return no(`it is not the list of ${rules.name}`)
  const versions = top.get('versions')
  if (versions === undefined) return no('it has no versions')
  const times = named(top.get('time') === undefined ? [] : walk.members(top.get('time') ?? root))
  const edits: TextEdit[] = []
  const entries: Entry[] = []
  for (const member of walk.members(versions)) {
    const { key } = member
    const { listed, url, parts, agrees } = versionIn(walk, member, rules, timeIn(walk.string(times.get(key))))
    const verdict = agrees
      ? decideRelease(listed, rules, nowMs)
      : ({ allowed: false, why: 'its entry is not that of this version', because: ['entry'] } as const)
    const refusal = verdict.allowed ? undefined : refusalOf(`${rules.name} ${key}`, verdict.why)
    const said = parts.get('deprecated')
    entries.push({
      key,
      release: { version: key, url, integrity: listed.integrity, verdict, refusal },
      deprecated: said !== undefined && !FALSY.has(walk.text.slice(said.from, said.to)),
    })
    // One that is refused for its scripts alone is not marked: npm would take one from before they were there, years ago.
    if (refusal === undefined || isForScriptsAlone(verdict)) continue
    const why = JSON.stringify(refusal)
    if (said !== undefined) edits.push({ from: said.from, to: said.to, text: why })
    else if (walk.text[member.from] === '{')
      edits.push({
        from: member.from + 1,
        to: member.from + 1,
        text: `"deprecated":${why}${parts.size === 0 ? '' : ','}`,
      })
    else edits.push({ from: member.from, to: member.to, text: `{"deprecated":${why}}` })
  }
  const tag = tags(walk, top).get('latest')
  const was = walk.string(tag)
  const is = was === undefined ? undefined : latestOf(entries, was)
  const moved = tag !== undefined && was !== undefined && is !== undefined && is !== was
  if (moved) edits.push({ from: tag.from, to: tag.to, text: JSON.stringify(is) })
  edits.sort((a, b) => a.from - b.from)
  const bytes = new TextEncoder().encode(edited(walk.text, edits))
  return ok({ bytes, releases: entries.map(({ release }) => release), ...(moved && { latest: { was, is } }) })
}

function tags(walk: JsonWalk, top: ReadonlyMap<string, JsonMember>): ReadonlyMap<string, JsonMember> {
  const found = top.get('dist-tags')
  return found === undefined ? new Map() : named(walk.members(found))
}

const FALSY: ReadonlySet<string> = new Set(['false', 'null', '""', '0'])

/** Programs that npm runs when it installs a package from its registry. */
const SCRIPTS = ['preinstall', 'install', 'postinstall'] as const

interface ReadVersion {
  readonly listed: ListedRelease
  readonly url: string
  readonly parts: ReadonlyMap<string, JsonMember>
  /** False where the entry says that it is another package or version, or is none. */
  readonly agrees: boolean
}

function versionIn(walk: JsonWalk, member: JsonMember, rules: NameRules, publishedMs: number | undefined): ReadVersion {
  const parts = named(walk.members(member))
  const [dist, given] = [parts.get('dist'), parts.get('scripts')]
  const files = named(dist === undefined ? [] : walk.members(dist))
  const scripts: string[] = SCRIPTS.filter((each) =>
    (given === undefined ? [] : walk.members(given)).some(({ key }) => key === each),
  )
  // Said by short documents, and by those of packages that are built by node-gyp.
  for (const flag of ['hasInstallScript', 'gypfile']) {
    const said = parts.get(flag)
    if (said !== undefined && scripts.length === 0 && !FALSY.has(walk.text.slice(said.from, said.to)))
      scripts.push('install')
  }
  const url = walk.string(files.get('tarball')) ?? ''
  const name = walk.string(parts.get('name'))
  const version = walk.string(parts.get('version'))
  return {
    listed: {
      version: member.key,
      publishedMs,
      integrity: (walk.string(files.get('integrity')) ?? '').split(/\s+/).filter((each) => each !== ''),
      scripts,
    },
    url: url.length > 2_048 ? '' : url,
    parts,
    agrees: name === rules.name && version === member.key && readRelease('npm', member.key) !== undefined,
  }
}

/**
 * Returns the version that `latest` is to be: the one it was, where that may be; else the newest that may be and is no newer,
 * rather one that its publisher has not deprecated and that is no prerelease. Undefined where none may be. Versions may be it
 * that are allowed, or refused for their scripts alone: who has not allowed those is told so by the status of the file.
 */
function latestOf(entries: readonly Entry[], was: string): string | undefined {
  const may = entries.filter(({ release: { verdict } }) => verdict.allowed || isForScriptsAlone(verdict))
  if (may.some(({ key }) => key === was)) return was
  const byRank = may.toSorted(
    (a, b) =>
      Number(isPrerelease(a.key)) - Number(isPrerelease(b.key)) ||
      Number(a.deprecated) - Number(b.deprecated) ||
      compareReleases(b.key, a.key),
  )
  return (byRank.find(({ key }) => compareReleases(key, was) < 0) ?? byRank[0])?.key
}

function isForScriptsAlone(verdict: ReleaseVerdict): boolean {
  return !verdict.allowed && verdict.because.every((reason) => reason === 'scripts')
}

function named(members: readonly JsonMember[]): ReadonlyMap<string, JsonMember> {
  return new Map(members.map((member) => [member.key, member]))
}
