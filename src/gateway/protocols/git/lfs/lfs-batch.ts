import { isJsonObject, type Json, type JsonObject, no, ok, type Result } from '../../../../model/index.ts'
import { readUrl } from '../../../../model/text/web-address.ts'
import { isRefName } from '../ref-name.ts'

/** A request for places from which files of LFS are fetched, or to which they are sent (git-lfs, docs/api/batch.md). */
export interface LfsBatch {
  readonly operation: 'download' | 'upload'
  /** The ref that it is for, where it says. */
  readonly ref: string | undefined
  readonly objects: readonly { readonly oid: string; readonly size: number }[]
}

/**
 * Returns the body of a batch as it leaves: what was read of it, and nothing else. Its files stand there by their names: git-lfs
 * asks for the same ones in any order, and an approval is for one body.
 */
export function writeLfsBatch({ operation, ref, objects }: LfsBatch): JsonObject {
  const asked = objects
    .map(({ oid, size }) => ({ oid, size }))
    .sort((a, b) => (a.oid < b.oid ? -1 : a.oid > b.oid ? 1 : a.size - b.size))
  return { operation, transfers: ['basic'], ...(ref !== undefined && { ref: { name: ref } }), objects: asked }
}

/** Objects of one batch; git-lfs asks for a hundred. */
export const LFS_OBJECTS_MAX = 1_000

/** Reads a batch; the error says what is wrong with it. */
export function readLfsBatch(body: Json): Result<LfsBatch, string> {
  if (!isJsonObject(body)) return no('it is no object')
  const { operation, ref, objects, transfers = ['basic'], hash_algo: algorithm = 'sha256' } = body
  if (operation !== 'download' && operation !== 'upload') return no('its operation is none of download, upload')
  if (algorithm !== 'sha256') return no('its objects are not named by sha256')
  if (!Array.isArray(transfers) || !transfers.includes('basic')) return no('it does not take the basic transfer')
  const name = isJsonObject(ref) ? ref.name : undefined
  if (ref !== undefined && (typeof name !== 'string' || !isRefName(name))) return no('its ref has no full name')
  if (!Array.isArray(objects) || objects.length === 0) return no('it names no objects')
  if (objects.length > LFS_OBJECTS_MAX) return no(`it names more than ${LFS_OBJECTS_MAX} objects`)
  const read: { readonly oid: string; readonly size: number }[] = []
  for (const each of objects) {
    const { oid, size } = isJsonObject(each) ? each : {}
    const isSize = typeof size === 'number' && Number.isSafeInteger(size) && size >= 0
    if (typeof oid !== 'string' || !/^[0-9a-f]{64}$/.test(oid) || !isSize) return no('it names what is no object')
    read.push({ oid, size })
  }
  return ok({ operation, ref: typeof name === 'string' ? name : undefined, objects: read })
}

/** The ways in which a file is had, sent, and looked at once it was sent. */
export const LFS_ACTIONS = ['download', 'upload', 'verify'] as const
export type LfsAction = (typeof LFS_ACTIONS)[number]

/** The place at which a file is to be had or sent, as the server's answer to a batch names it. */
export interface LfsPlace {
  readonly origin: string
  /** With its query, in which servers sign what may be done there. */
  readonly path: string
  readonly headers: ReadonlyMap<string, string>
  readonly size: number
}

/** One file of the server's answer to a batch. */
export interface AnsweredObject {
  readonly oid: string
  readonly size: number
  readonly places: ReadonlyMap<LfsAction, LfsPlace>
  /** The server's reason why there is no place, in its words, which may be as long as its answer. */
  readonly error?: { readonly code: number; readonly message: string }
}

/** Characters of an address in an answer, and of a header of it; those of S3 have some 1,500. */
export const LFS_PLACE_CHARACTERS_MAX = 4_096
const LFS_HEADERS_MAX = 16

/** Reads a server's answer to a batch: of the files that were asked for, each once. The error says what is wrong with it. */
export function readLfsAnswer(body: Json, asked: LfsBatch): Result<readonly AnsweredObject[], string> {
  const { objects, transfer = 'basic' } = isJsonObject(body) ? body : {}
  if (!Array.isArray(objects) || transfer !== 'basic') return no('it answers with no files')
  const left = new Map(asked.objects.map(({ oid, size }) => [oid, size]))
  const read: AnsweredObject[] = []
  for (const each of objects) {
    const { oid, size, actions, error } = isJsonObject(each) ? each : {}
    const known = typeof oid === 'string' ? left.get(oid) : undefined
    if (typeof oid !== 'string' || known === undefined) return no('it answers with a file that was not asked for')
    left.delete(oid)
    const own = typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? size : known
    const places = new Map<LfsAction, LfsPlace>()
    for (const action of LFS_ACTIONS) {
      if ((action === 'download') !== (asked.operation === 'download')) continue
      const said = isJsonObject(actions) ? actions[action] : undefined
      if (said === undefined) continue
      const place = isJsonObject(said) ? readPlace(said.href ?? null, own, said.header) : undefined
      if (place === undefined) return no(`it names no place that could be asked for the ${action} of a file`)
      places.set(action, place)
    }
    read.push({ oid, size: own, places, ...(isJsonObject(error) && { error: errorIn(error) }) })
  }
  return ok(read)
}

/** Reads a place that a server names for a file of some bytes; undefined where it is none that could be asked for. */
export function readPlace(href: Json, size: number, header: Json = {}): LfsPlace | undefined {
  if (typeof href !== 'string' || href.length > LFS_PLACE_CHARACTERS_MAX || !isJsonObject(header)) return undefined
  const url = readUrl(href)
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    return undefined
  const headers = new Map<string, string>()
  for (const [name, value] of Object.entries(header)) {
    const isOne = /^[A-Za-z0-9-]{1,64}$/.test(name) && typeof value === 'string' && /^[ -~]*$/.test(value)
    if (!isOne || value.length > LFS_PLACE_CHARACTERS_MAX || headers.size >= LFS_HEADERS_MAX) return undefined
    if (!FRAMING.has(name.toLowerCase())) headers.set(name.toLowerCase(), value)
  }
  return { origin: url.origin, path: `${url.pathname}${url.search}`, headers, size }
}

/** Headers that say how a request is framed, or who is asked: they are written by whoever sends it. */
const FRAMING: ReadonlySet<string> = new Set([
  ...['connection', 'content-length', 'expect', 'host', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  ...['accept-encoding', 'proxy-authorization', 'proxy-connection'],
])

function errorIn({ code, message }: JsonObject): { readonly code: number; readonly message: string } {
  const known = typeof code === 'number' && Number.isSafeInteger(code) ? code : 500
  return { code: known, message: typeof message === 'string' ? message : 'no reason was given' }
}
