import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { cutText, type JsonObject, no, ok, type Result, shortDigest, type ToolName } from '../../../../model/index.ts'
import { openSecrets } from '../../../content/secrets.ts'
import { FROM_CELL, FROM_UPSTREAM, jsonFaultText, parseStrictJson } from '../../../content/strict-json.ts'
import { placeText } from '../../../web/web-request.ts'
import { readWhole } from '../../http/body.ts'
import { GatheringReply } from '../../http/gathering-reply.ts'
import type { Reached } from '../../http/send-request.ts'
import { BodyPieces } from '../body-pieces.ts'
import { bestOf, decidedBy, patternsOf } from '../granted-patterns.ts'
import type { NamedPattern } from '../line.ts'
import { changesRefs, coversRef } from '../repository-pattern.ts'
import {
  answerGit,
  answerUnshown,
  type GitGround,
  type GitSending,
  performGit,
  type RequestOf,
  refuseAsked,
} from '../sending.ts'
import { FileReply, type NoFile } from './file-reply.ts'
import { type LfsBatch, type LfsPlace, readLfsAnswer, readLfsBatch, readPlace, writeLfsBatch } from './lfs-batch.ts'

/** Bytes of a batch, and of its answer: for 1,000 files, with addresses that are signed. */
export const BATCH_BYTES_MAX = 1_048_576
export const ANSWER_BYTES_MAX = 4_194_304
export const LFS_TYPE = 'application/vnd.git-lfs+json'

/**
 * Serves a request for places of files of LFS. The places that the server names are remembered, and the cell is told of
 * others, below the repository, at which this gateway asks for it.
 *
 * - LF1  A cell is shown neither the addresses nor the headers with which a server lets a file be had or sent.
 * - LF2  A file is asked for at the server itself, or where its owner has declared that files of it lie; nowhere else.
 * - LF3  What is sent needs a pattern that changes refs of the repository, beside the one for files of LFS. A file is sent by
 *        nobody's yes: that it is the one that was announced is known when all but its last piece has left.
 */
export async function serveLfsBatch(ground: GitGround, asked: RequestOf<'lfs'>): Promise<void> {
  const { gate, cell, request, reply, room } = ground
  const whole = await readWhole(request.body, { length: request.length, room, bytesMax: BATCH_BYTES_MAX })
  if (reply.gone.aborted) return whole.ok ? room.give(whole.value.length) : undefined
  if (!whole.ok) return refuseAsked(ground, asked, whole.reason)
  await gate.slices.take(cell, whole.value.length)
  const read = batchIn(whole.value)
  room.give(whole.value.length)
  if (!read.ok) return refuseAsked(ground, asked, read.reason)
  const batch = read.value
  const gathered = new GatheringReply(reply.gone, room, ANSWER_BYTES_MAX)
  try {
    await answerBatch(ground, asked, batch, gathered)
  } finally {
    gathered.leave()
  }
}

function batchIn(bytes: Uint8Array): Result<LfsBatch, string> {
  const json = parseStrictJson(bytes, FROM_CELL)
  return json.ok ? readLfsBatch(json.value) : no(jsonFaultText(json.reason))
}

interface May {
  readonly by: ToolName
  readonly alongside?: readonly ToolName[]
}

/** Returns the patterns by which files are had or sent now, as an action of these arguments; the error says what is missing. */
function mayBy(
  ground: GitGround,
  args: JsonObject & { readonly repository: string },
  { operation, ref, leaving = 0 }: Pick<LfsBatch, 'operation' | 'ref'> & { readonly leaving?: number },
): Result<May, string> {
  const { repository } = args
  const patterns = patternsOf(ground, repository)
  const files = patterns.filter(({ verbs }) => verbs.has('lfs'))
  if (files.length === 0) return no(`${repository} is none of the repositories whose files of LFS it may have`)
  const best = bestOf(ground, args, leaving)
  const by = best(files).patterns
  if (operation === 'download') return ok(decidedBy(by))
  const sends = (pattern: NamedPattern) => changesRefs(pattern) && (ref === undefined || coversRef(pattern, ref))
  const [change] = best(patterns.filter(sends)).patterns
  if (change === undefined)
    return no(`it may not push to ${ref ?? 'any ref'} of ${repository}, and sends no files there`)
  return ok(decidedBy([...by, change]))
}

async function answerBatch(
  ground: GitGround,
  asked: RequestOf<'lfs'>,
  batch: LfsBatch,
  gathered: GatheringReply,
): Promise<void> {
  const { reply, gate, cell } = ground
  const { repository } = asked
  const { operation, objects } = batch
  const body = Buffer.from(JSON.stringify(writeLfsBatch(batch)))
  const args = {
    ...{ repository, what: `lfs ${operation}`, objects: objects.length },
    bytes: objects.reduce((sum, { size }) => sum + size, 0),
    // Whoever approves it has not seen the names of its files.
    digest: shortDigest(body),
  }
  const may = mayBy(ground, args, { ...batch, leaving: body.length })
  if (!may.ok) return refuseAsked(ground, asked, may.reason)
  const performed = await performGit(ground, {
    ...may.value,
    args,
    method: 'POST',
    path: `/${repository}.git/info/lfs/objects/batch`,
    headers: ['accept', LFS_TYPE, 'content-type', LFS_TYPE],
    body: { kind: 'whole', bytes: body },
    sink: gathered,
    // Servers repeat in it what the gateway has asked with; nothing of it is shown as it came.
    secrets: NOTHING_SECRET,
  })
  if (reply.gone.aborted) return
  if (performed.kind !== 'passed' || !gathered.hasBegun) return answerUnshown(ground, asked, performed)
  const came = gathered.take()
  if (!came.ok) return refuseAsked(ground, asked, came.reason)
  const { status, bytes } = came.value
  if (status !== 200) return answerNoFile(ground, asked, { status, location: undefined, headers: [] })
  await gate.slices.take(cell, bytes.length)
  const json = parseStrictJson(bytes, FROM_UPSTREAM)
  const answer = json.ok ? readLfsAnswer(json.value, batch) : no(jsonFaultText(json.reason))
  if (!answer.ok) return refuseAsked(ground, asked, `the server’s answer cannot be used: ${answer.reason}`)
  const shown = answer.value.map(({ oid, size, places, error }): AnsweredFile => {
    const elsewhere = [...places.values()].find(({ origin }) => ground.line.reached(origin) === undefined)
    if (error !== undefined) return { oid, size, error: { code: error.code, message: error.message } }
    if (elsewhere !== undefined) {
      const message = `refused by Firebreak: its files lie at ${elsewhere.origin}, which is not declared under lfs:`
      return { oid, size, error: { code: 403, message } }
    }
    for (const [action, place] of places) ground.line.lfs.add(repository, oid, action, place)
    const own = [...places.keys()].map(
      (action) => [action, { href: placeOf(ground, repository, action, oid) }] as const,
    )
    return { oid, size, ...(own.length > 0 && { authenticated: true, actions: Object.fromEntries(own) }) }
  })
  const leaked = gate.secrets.leak(JSON.stringify(shown))
  if (leaked !== undefined) return refuseAsked(ground, asked, `the server’s answer holds the secret "${leaked}"`)
  answerLfs(ground, 200, { transfer: 'basic', objects: shown.map(inShort) })
}

/** Characters of an error of the server's that a cell is shown. */
const ERROR_CHARACTERS_MAX = 500

/** Returns a file of an answer with no more of its error than is shown: what was cut before could not be searched for secrets. */
function inShort({ error, ...file }: AnsweredFile): JsonObject {
  return { ...file, ...(error && { error: { ...error, message: cutText(error.message, ERROR_CHARACTERS_MAX) } }) }
}

/** A file in an answer to a cell's batch. */
type AnsweredFile = JsonObject & { readonly error?: { readonly code: number; readonly message: string } }

function placeOf({ request }: GitGround, repository: string, action: string, oid: string): string {
  const { place } = request
  const way = action === 'verify' ? 'verify' : 'objects'
  return `${place.scheme}://${placeText(place)}/${repository}.git/info/lfs/${way}/${oid}`
}

/** Answers with the status of an answer that is no file, and none of its words. */
async function answerNoFile(
  ground: GitGround,
  asked: RequestOf<'lfs' | 'lfs-object'>,
  { status, headers }: NoFile,
): Promise<void> {
  if (status < 400)
    return refuseAsked(ground, asked, `its server answers with ${status}, which is followed for no more than a file`)
  // At 401 git-lfs asks a person for a password.
  answerLfs(ground, status === 401 ? 403 : status, { message: `the server answers with ${status}` }, headers)
}

function answerLfs(ground: GitGround, status: number, said: JsonObject, more: NoFile['headers'] = []): void {
  const body = Buffer.from(JSON.stringify(said))
  const headers = [
    ['content-type', LFS_TYPE],
    ['content-length', String(body.length)],
    ['cache-control', 'no-store'],
    ...more,
  ] as const
  answerGit(ground, { status, headers, body }, undefined)
}

/** A place that is asked for a file. `isOwners`: the headers of its origin's owner go with it. */
interface AskedPlace extends LfsPlace {
  readonly isOwners: boolean
}

/** Returns how a place is reached: with the headers that its server has signed, beside those of its owner. */
function signedFor(reached: Reached, { headers, isOwners }: AskedPlace): Reached {
  return {
    origin: reached.origin,
    get pool() {
      return reached.pool
    },
    get headers() {
      return new Map([...(isOwners ? reached.headers : []), ...headers])
    },
  }
}

/** Serves one file of LFS at the place of this gateway. */
export async function serveLfsObject(ground: GitGround, asked: RequestOf<'lfs-object'>): Promise<void> {
  const { line, request } = ground
  const { repository, oid, action } = asked
  const known = line.lfs.of(repository, oid, action)
  if (action !== 'upload') request.body.resume()
  if (known === undefined) return refuseAsked(ground, asked, UNKNOWN_PLACE)
  const place = { ...known, isOwners: true }
  if (action === 'download') return serveDownload(ground, asked, place)
  if (action === 'verify') {
    const bytes = Buffer.from(JSON.stringify({ oid, size: place.size }))
    const headers = ['accept', LFS_TYPE, 'content-type', LFS_TYPE]
    return serveAt(ground, asked, place, { method: 'POST', headers, body: { kind: 'whole', bytes } })
  }
  if (request.length !== place.size)
    return refuseAsked(ground, asked, `it does not have the ${place.size} bytes that were announced`)
  const body = new BodyPieces(request.body)
  try {
    await serveAt(ground, asked, place, {
      method: 'PUT',
      headers: place.headers.has('content-type') ? [] : ['content-type', 'application/octet-stream'],
      body: { kind: 'streamed', head: new Uint8Array(), pieces: fileOf(body, oid), length: place.size },
    })
  } finally {
    void body.leave()
  }
}

const UNKNOWN_PLACE = 'no place of this file is known: it is asked for in a batch first'
/** Times that a server may send whoever asks for a file on: storage with signed addresses does so once. */
const LFS_SENT_ON_MAX = 3

/** Serves a file from its place, or from where that sends whoever asks: each is a place of its own, and decided as one. */
async function serveDownload(ground: GitGround, asked: RequestOf<'lfs-object'>, first: AskedPlace): Promise<void> {
  let place = first
  for (let sentOn = 0; sentOn <= LFS_SENT_ON_MAX; sentOn++) {
    const noFile = await askedAt(ground, asked, place, { method: 'GET', headers: [], body: undefined })
    if (noFile === undefined) return
    if (!SENDS_ON.has(noFile.status)) return answerNoFile(ground, asked, noFile)
    const { href } = URL.parse(noFile.location ?? '', `${place.origin}${place.path}`) ?? {}
    const next = readPlace(href ?? null, place.size)
    if (next === undefined || noFile.location === undefined)
      return refuseAsked(ground, asked, 'its server sends it on, and names no place that could be asked')
    if (ground.line.reached(next.origin) === undefined)
      return refuseAsked(ground, asked, `its server sends it on to ${next.origin}, which is not declared under lfs:`)
    // What was signed for one place is told to no other; and whoever is not the server itself has nothing asked in its owner's name.
    place = { ...next, isOwners: place.isOwners && next.origin === place.origin }
  }
  return refuseAsked(ground, asked, `its server sends it on more than ${LFS_SENT_ON_MAX} times`)
}

/** Statuses with which a server names another place for what was asked (RFC 9110, 15.4). */
const SENDS_ON: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

async function serveAt(
  ground: GitGround,
  asked: RequestOf<'lfs-object'>,
  place: AskedPlace,
  sending: SentToPlace,
): Promise<void> {
  const noFile = await askedAt(ground, asked, place, sending)
  if (noFile !== undefined) await answerNoFile(ground, asked, noFile)
}

type SentToPlace = Pick<GitSending, 'method' | 'headers' | 'body'>

/** Asks for a file at a place, as an action; returns an answer that is no file. A file, or what is refused, is told to the cell. */
async function askedAt(
  ground: GitGround,
  asked: RequestOf<'lfs-object'>,
  place: AskedPlace,
  sending: SentToPlace,
): Promise<NoFile | undefined> {
  const { repository, oid, action } = asked
  const reached = ground.line.reached(place.origin)
  const args = { repository, what: `lfs ${action}`, object: oid, bytes: place.size, place: place.origin }
  const operation = action === 'download' ? 'download' : 'upload'
  const may = mayBy(ground, args, { operation, ref: undefined, ...(action === 'upload' && { leaving: place.size }) })
  if (reached === undefined || !may.ok) {
    await refuseAsked(ground, asked, may.ok ? UNKNOWN_PLACE : may.reason)
    return undefined
  }
  const sink = new FileReply(ground.reply)
  const performed = await performGit(ground, {
    ...sending,
    ...may.value,
    args,
    path: place.path,
    reached: signedFor(reached, place),
    sink,
  })
  if (performed.kind === 'passed' && sink.noFile !== undefined) return sink.noFile
  answerUnshown(ground, asked, performed)
  return undefined
}

/** Yields a file that is sent; its last piece only where it is the one that it is said to be. */
async function* fileOf(body: BodyPieces, oid: string): AsyncGenerator<Uint8Array, void> {
  const hash = createHash('sha256')
  let last: Uint8Array = new Uint8Array()
  for (;;) {
    const next = await body.next()
    // It ends the exchange, of which a part has left.
    if (!next.ok) throw new Error(next.reason)
    if (next.value === undefined) break
    hash.update(next.value)
    if (last.length > 0) yield last
    last = next.value
  }
  if (hash.digest('hex') !== oid) throw new Error('it is another file than the one that was announced')
  if (last.length > 0) yield last
}

/** Answers a question about locks of LFS, which are not served; git-lfs goes on without them. */
export function answerLfsLocks(ground: GitGround): void {
  ground.request.body.resume()
  answerLfs(ground, 404, { message: 'locks of LFS are not served' })
}

const NOTHING_SECRET = nothingSecret()

function nothingSecret() {
  const opened = openSecrets(new Map<string, string>())
  if (!opened.ok) throw new Error(opened.reason)
  return opened.value
}
