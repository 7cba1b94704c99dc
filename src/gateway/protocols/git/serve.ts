import type { EnvironmentContext } from '../../admission/environment-context.ts'
import type { ServedCell } from '../../admission/served-cell.ts'
import { readWhole } from '../http/body.ts'
import { refusalSentence } from '../http/web-attempt.ts'
import { FETCH_BYTES_MAX, plainFetch, readFetch } from './fetch.ts'
import { refuseNoRepository } from './git-refusal.ts'
import { readGitRequest } from './git-request.ts'
import { answerLfsLocks, serveLfsBatch, serveLfsObject } from './lfs/serve-lfs.ts'
import type { GitLine } from './line.ts'
import { ChangingReply } from './passing-reply.ts'
import { changesRefs, coversRef, fetchedRefs } from './repository-pattern.ts'
import {
  answerGit,
  type GitGround,
  type GitServed,
  patternsOf,
  type RequestOf,
  recordRefusal,
  refuseAsked,
  sendGit,
} from './sending.ts'
import { ATOMIC, servePush } from './serve-push.ts'
import { ShownRefs, unshownWants } from './shown/shown-refs.ts'

/**
 * Serves one request of a cell's git.
 *
 * - GS1  A cell learns of no ref, and fetches no object, that its patterns do not show it.
 * - GS2  Every change of a push is known by its kind, and let through, before a byte of its pack leaves.
 */
export async function serveGit(
  gate: EnvironmentContext,
  cell: ServedCell,
  line: GitLine,
  served: GitServed,
): Promise<void> {
  const ground: GitGround = { gate, cell, line, ...served }
  const { request } = served
  const read = readGitRequest(request)
  if (!read.ok) {
    const { problem, status } = read.reason
    const reference = await recordRefusal(ground, problem, {
      what: `${request.method} ${request.target}`.slice(0, 200),
    })
    return answerGit(ground, refuseNoRepository(refusalSentence(problem, reference), status), reference)
  }
  const asked = read.value
  if (asked.kind === 'refs') return serveRefs(ground, asked)
  if (asked.kind === 'fetch') return serveFetch(ground, asked)
  if (asked.kind === 'push') return servePush(ground, asked)
  if (asked.kind === 'lfs') return serveLfsBatch(ground, asked)
  return asked.kind === 'lfs-object' ? serveLfsObject(ground, asked) : answerLfsLocks(ground)
}

/** Serves a list of refs, from which those are taken that no pattern shows. */
async function serveRefs(ground: GitGround, asked: RequestOf<'refs'>): Promise<void> {
  const { repository, service } = asked
  const patterns = patternsOf(ground, repository)
  const fetched = fetchedRefs(patterns, repository)
  const fetching = patterns.find(({ verbs }) => verbs.has('fetch'))
  const changing = patterns.filter(changesRefs)
  const by = service === 'receive-pack' ? (fetching ?? changing[0]) : fetching
  if (by === undefined || (service === 'receive-pack' && changing.length === 0))
    return refuseAsked(
      ground,
      asked,
      `${repository} is none of the repositories that it may ${service === 'upload-pack' ? 'fetch' : 'push to'}`,
    )
  const shows = (ref: string) =>
    fetched?.shows(ref) === true || (service === 'receive-pack' && changing.some((each) => coversRef(each, ref)))
  const change = new ShownRefs({
    list: service,
    shows,
    showsAll: fetched?.showsAll === true,
    fetches: (ref) => fetched?.shows(ref) === true,
    meanings: ATOMIC,
  })
  await sendGit(ground, asked, {
    by: by.tool,
    args: { repository, what: `refs of ${service}` },
    method: 'GET',
    path: `/${repository}.git/info/refs?service=git-${service}`,
    headers: ['git-protocol', `version=${service === 'upload-pack' ? asked.version : 0}`],
    body: undefined,
    sink: new ChangingReply(ground.reply, change),
  })
  if (fetched !== undefined) ground.line.shown.add(repository, fetched.by, change.objects)
}

/** Serves a fetch, or in version 2 a question for refs. */
async function serveFetch(ground: GitGround, asked: RequestOf<'fetch'>): Promise<void> {
  const { line, room, request, reply } = ground
  const { repository, version } = asked
  const patterns = patternsOf(ground, repository)
  const fetched = fetchedRefs(patterns, repository)
  const by = patterns.find(({ verbs }) => verbs.has('fetch'))
  if (fetched === undefined || by === undefined) {
    request.body.resume()
    return refuseAsked(ground, asked, `${repository} is none of the repositories that it may fetch`)
  }
  const whole = await readWhole(request.body, { length: request.length, room, bytesMax: FETCH_BYTES_MAX })
  if (reply.gone.aborted) return whole.ok ? room.give(whole.value.length) : undefined
  if (!whole.ok) return refuseAsked(ground, asked, whole.reason)
  try {
    const plain = plainFetch(whole.value, asked.gzip)
    const read = plain.ok ? readFetch(plain.value, version) : plain
    if (!plain.ok || !read.ok) return await refuseAsked(ground, asked, read.ok ? 'it cannot be read' : read.reason)
    const isList = read.value.kind === 'ls-refs'
    if (read.value.kind === 'fetch' && !fetched.showsAll) {
      const { wants, wantedRefs, unwantedRefs } = read.value
      const [hidden] = unshownWants(wants, line.shown.of(repository, fetched.by))
      // Where a history is cut at a ref tells of that ref, too.
      const unnamed = [...wantedRefs, ...unwantedRefs].find((ref) => !fetched.shows(ref))
      if (hidden !== undefined || unnamed !== undefined)
        return await refuseAsked(ground, asked, `${hidden ?? unnamed} is nothing that it was shown of ${repository}`)
    }
    const change = new ShownRefs({ list: 'ls-refs', ...fetched, meanings: ATOMIC })
    const wants = read.value.kind === 'fetch' ? { wants: read.value.wants.length + read.value.wantedRefs.length } : {}
    await sendGit(ground, asked, {
      by: by.tool,
      args: { repository, what: isList ? 'refs' : 'objects', ...wants },
      method: 'POST',
      path: `/${repository}.git/git-upload-pack`,
      headers: ['content-type', 'application/x-git-upload-pack-request', 'git-protocol', `version=${version}`],
      body: { kind: 'whole', bytes: plain.value },
      sink: isList ? new ChangingReply(reply, change) : reply,
    })
    if (isList) line.shown.add(repository, fetched.by, change.objects)
  } finally {
    room.give(whole.value.length)
  }
}
