import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { type JsonObject, no, ok, type Result, type ToolName } from '../../../../model/index.ts'
import { openSecrets } from '../../../content/secrets.ts'
import { FROM_CELL, FROM_UPSTREAM, jsonFaultText, parseStrictJson } from '../../../content/strict-json.ts'
import { placeText } from '../../../web/web-request.ts'
import { readWhole } from '../../http/body.ts'
import type { Reached } from '../../http/send-request.ts'
import { GatheringReply } from '../../package/marking-reply.ts'
import { BodyPieces } from '../body-pieces.ts'
import type { NamedPattern } from '../line.ts'
import { changesRefs, coversRef } from '../repository-pattern.ts'
import {
  answerGit,
  answerUnshown,
  type GitGround,
  patternsOf,
  performGit,
  type RequestOf,
  refuseAsked,
  sendGit,
} from '../sending.ts'
import { type LfsBatch, readLfsAnswer, readLfsBatch, writeLfsBatch } from './lfs-batch.ts'

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
 * - LF3  What is sent needs a pattern that changes refs of the repository, beside the one for files of LFS.
 */
export async function serveLfsBatch(ground: GitGround, asked: RequestOf<'lfs'>): Promise<void> {
  const { request, reply, room } = ground
  const whole = await readWhole(request.body, { length: request.length, room, bytesMax: BATCH_BYTES_MAX })
  if (reply.gone.aborted) return whole.ok ? room.give(whole.value.length) : undefined
  if (!whole.ok) return refuseAsked(ground, asked, whole.reason)
  const read = batchIn(whole.value)
  room.give(whole.value.length)
  if (!read.ok) return refuseAsked(ground, asked, read.reason)
  const batch = read.value
  const may = mayBy(ground, asked.repository, batch)
  if (!may.ok) return refuseAsked(ground, asked, may.reason)
  const gathered = new GatheringReply(reply.gone, room)
  try {
    await answerBatch(ground, asked, { batch, may: may.value, gathered })
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

/** Returns the patterns by which files are had or sent; the error says what is missing. */
function mayBy(
  ground: GitGround,
  repository: string,
  { operation, ref }: Pick<LfsBatch, 'operation' | 'ref'>,
): Result<May, string> {
  const patterns = patternsOf(ground, repository)
  const by = patterns.find(({ verbs }) => verbs.has('lfs'))
  if (by === undefined) return no(`${repository} is none of the repositories whose files of LFS it may have`)
  if (operation === 'download') return ok({ by: by.tool })
  const sends = (pattern: NamedPattern) => changesRefs(pattern) && (ref === undefined || coversRef(pattern, ref))
  const change = patterns.find(sends)
  if (change === undefined)
    return no(`it may not push to ${ref ?? 'any ref'} of ${repository}, and sends no files there`)
  return ok({ by: by.tool, alongside: [change.tool] })
}

interface Batching {
  readonly batch: LfsBatch
  readonly may: May
  readonly gathered: GatheringReply
}

async function answerBatch(
  ground: GitGround,
  asked: RequestOf<'lfs'>,
  { batch, may, gathered }: Batching,
): Promise<void> {
  const { reply, gate } = ground
  const { repository } = asked
  const { operation, objects } = batch
  const performed = await performGit(ground, {
    ...may,
    args: {
      ...{ repository, what: `lfs ${operation}`, objects: objects.length },
      bytes: objects.reduce((sum, { size }) => sum + size, 0),
    },
    method: 'POST',
    path: `/${repository}.git/info/lfs/objects/batch`,
    headers: ['accept', LFS_TYPE, 'content-type', LFS_TYPE],
    body: { kind: 'whole', bytes: Buffer.from(JSON.stringify(writeLfsBatch(batch))) },
    sink: gathered,
    // Servers repeat in it what the gateway has asked with; nothing of it is shown as it came.
    secrets: NOTHING_SECRET,
  })
  if (reply.gone.aborted) return
  if (performed.kind !== 'passed' || !gathered.hasBegun) return answerUnshown(ground, asked, performed)
  const came = gathered.take()
  if (!came.ok) return refuseAsked(ground, asked, came.reason)
  const { status, bytes } = came.value
  if (bytes.length > ANSWER_BYTES_MAX)
    return refuseAsked(ground, asked, `its answer has more than ${ANSWER_BYTES_MAX} bytes`)
  if (status !== 200) return answerLfs(ground, status, { message: `the server answers with ${status}` })
  const json = parseStrictJson(bytes, FROM_UPSTREAM)
  const answer = json.ok ? readLfsAnswer(json.value, batch) : no(jsonFaultText(json.reason))
  if (!answer.ok) return refuseAsked(ground, asked, `the server’s answer cannot be used: ${answer.reason}`)
  const shown = answer.value.map(({ oid, size, places, error }): JsonObject => {
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
  answerLfs(ground, 200, { transfer: 'basic', objects: shown })
}

function placeOf({ request }: GitGround, repository: string, action: string, oid: string): string {
  const { place } = request
  const way = action === 'verify' ? 'verify' : 'objects'
  return `${place.scheme}://${placeText(place)}/${repository}.git/info/lfs/${way}/${oid}`
}

function answerLfs(ground: GitGround, status: number, said: JsonObject): void {
  const body = Buffer.from(JSON.stringify(said))
  const headers = [
    ['content-type', LFS_TYPE],
    ['content-length', String(body.length)],
    ['cache-control', 'no-store'],
  ] as const
  answerGit(ground, { status, headers, body }, undefined)
}

/** Returns an origin to which requests go with the headers that its server has signed, beside those of its owner. */
function signedFor(reached: Reached, signed: ReadonlyMap<string, string>): Reached {
  return {
    origin: reached.origin,
    get pool() {
      return reached.pool
    },
    get headers() {
      return new Map([...reached.headers, ...signed])
    },
  }
}

/** Serves one file of LFS at the place of this gateway. */
export async function serveLfsObject(ground: GitGround, asked: RequestOf<'lfs-object'>): Promise<void> {
  const { line, request, reply } = ground
  const { repository, oid, action } = asked
  const place = line.lfs.of(repository, oid, action)
  const reached = place && line.reached(place.origin)
  if (place === undefined || reached === undefined) {
    request.body.resume()
    return refuseAsked(ground, asked, 'no place of this file is known: it is asked for in a batch first')
  }
  const may = mayBy(ground, repository, { operation: action === 'download' ? 'download' : 'upload', ref: undefined })
  if (!may.ok) {
    request.body.resume()
    return refuseAsked(ground, asked, may.reason)
  }
  const sending = {
    ...may.value,
    args: { repository, what: `lfs ${action}`, object: oid, bytes: place.size, place: place.origin },
    path: place.path,
    reached: signedFor(reached, place.headers),
    sink: reply,
  }
  if (action === 'download') return sendGit(ground, asked, { ...sending, method: 'GET', headers: [], body: undefined })
  if (action === 'verify') {
    request.body.resume()
    const bytes = Buffer.from(JSON.stringify({ oid, size: place.size }))
    const headers = ['accept', LFS_TYPE, 'content-type', LFS_TYPE]
    return sendGit(ground, asked, { ...sending, method: 'POST', headers, body: { kind: 'whole', bytes } })
  }
  if (request.length !== place.size) {
    request.body.resume()
    return refuseAsked(ground, asked, `it does not have the ${place.size} bytes that were announced`)
  }
  const body = new BodyPieces(request.body)
  try {
    await sendGit(ground, asked, {
      ...sending,
      method: 'PUT',
      headers: place.headers.has('content-type') ? [] : ['content-type', 'application/octet-stream'],
      body: { kind: 'streamed', head: new Uint8Array(), pieces: fileOf(body, oid), length: place.size },
    })
  } finally {
    void body.leave()
  }
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
