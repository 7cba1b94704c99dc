import { no, ok, type Result } from '../../../model/index.ts'
import type { EnvironmentContext } from '../../admission/environment-context.ts'
import type { ServedCell } from '../../admission/served-cell.ts'
import { TOO_MUCH } from '../../fairness/room.ts'
import { readWhole } from '../http/body.ts'
import { decodeBody } from '../http/decode.ts'
import { refusalSentence } from '../http/web-attempt.ts'
import { FETCH_BYTES_MAX, type GitFetch, type GitRefsQuestion, readFetch, withoutTags, withSymrefs } from './fetch.ts'
import { refuseNoRepository } from './git-refusal.ts'
import { readGitRequest } from './git-request.ts'
import {
  bestOf,
  type DecidedAlike,
  decidedBy,
  type FindBest,
  isBetter,
  labelsOf,
  patternsOf,
  usableOf,
  whyOtherwise,
} from './granted-patterns.ts'
import { inTurns } from './in-turns.ts'
import { answerLfsLocks, serveLfsBatch, serveLfsObject } from './lfs/serve-lfs.ts'
import type { GitLine, NamedPattern } from './line.ts'
import { ChangingReply } from './passing-reply.ts'
import { changesRefs, coversRef, fetchedRefs } from './repository-pattern.ts'
import {
  answerGit,
  type GitGround,
  type GitServed,
  type RequestOf,
  recordRefusal,
  refuseAsked,
  sendGit,
} from './sending.ts'
import { ATOMIC, servePush } from './serve-push.ts'
import { fetchedBy, listedBy } from './shown/fetched-by.ts'
import { ShownRefs } from './shown/shown-refs.ts'

/**
 * Serves one request of a cell's git.
 *
 * - GS1  A cell learns of no ref, and fetches no object, that its patterns do not show it.
 * - GS2  Every change of a push is known by its kind, and let through, before a byte of its pack leaves.
 * - GS3  A list or a fetch is decided, charged and labelled by each pattern of which it shows something, as the cell may use it
 *        now; by one that may not be used nothing is shown.
 * - GS4  A repository has one spelling: that in which a pattern or a policy names it.
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
  const otherwise = whyOtherwise(ground, asked.repository)
  if (otherwise !== undefined) return refuseAsked(ground, asked, otherwise)
  if (asked.kind === 'refs') return serveRefs(ground, asked)
  if (asked.kind === 'fetch') return serveFetch(ground, asked)
  if (asked.kind === 'push') return servePush(ground, asked)
  if (asked.kind === 'lfs') return serveLfsBatch(ground, asked)
  return asked.kind === 'lfs-object' ? serveLfsObject(ground, asked) : answerLfsLocks(ground)
}

/** Serves a list of refs, from which those are taken that no pattern shows. */
async function serveRefs(ground: GitGround, asked: RequestOf<'refs'>): Promise<void> {
  const { repository, service } = asked
  const args = { repository, what: `refs of ${service}` }
  const patterns = patternsOf(ground, repository)
  const best = bestOf(ground, args)
  const fetching = patterns.filter(({ verbs }) => verbs.has('fetch'))
  const changing = service === 'receive-pack' ? patterns.filter(changesRefs) : []
  if ((service === 'receive-pack' ? changing : fetching).length === 0)
    return refuseAsked(
      ground,
      asked,
      `${repository} is none of the repositories that it may ${service === 'upload-pack' ? 'fetch' : 'push to'}`,
    )
  const { by, told } =
    service === 'upload-pack'
      ? { by: best(fetching).patterns, told: [] }
      : toldForPush(ground, { fetching, changing, best })
  const fetched = fetchedRefs(by.filter(({ verbs }) => verbs.has('fetch')))
  const change = new ShownRefs({
    ...{ list: service, meanings: ATOMIC },
    ...fetched,
    shows: (ref) => fetched.shows(ref) || told.some((each) => coversRef(each, ref)),
  })
  await sendGit(ground, asked, {
    ...decidedBy(by),
    args,
    method: 'GET',
    path: `/${repository}.git/info/refs?service=git-${service}`,
    headers: ['git-protocol', `version=${service === 'upload-pack' ? asked.version : 0}`],
    body: undefined,
    sink: new ChangingReply(ground.reply, change),
  })
  ground.line.shown.add(repository, change.objects)
}

/**
 * Returns the patterns that a list for a push is decided by, and those whose refs it tells beside, so that git knows what is
 * there. That the cell may push to a ref is charged with the push, and waits for a person there; but where what is told of a
 * ref has labels that the list has not, its pattern decides of the list, too, or its refs are left out.
 */
function toldForPush(
  ground: GitGround,
  {
    fetching,
    changing,
    best,
  }: { readonly [Name in 'fetching' | 'changing']: readonly NamedPattern[] } & { readonly best: FindBest },
): { readonly by: readonly NamedPattern[]; readonly told: readonly NamedPattern[] } {
  const [fetches, changes] = [best(fetching), best(changing)]
  const first: DecidedAlike = { ...changes, patterns: changes.patterns.slice(0, 1) }
  const { patterns } = fetching.length === 0 || isBetter(first, fetches) ? first : fetches
  const known = new Set([
    ...ground.cell.authority.exposure.labels.keys(),
    ...patterns.flatMap((each) => labelsOf(ground, each)),
  ])
  const told = usableOf(ground, changing).filter((each) => !patterns.includes(each))
  const further = told.filter((each) => !labelsOf(ground, each).every((label) => known.has(label)))
  const refused = further.filter((each) => best([each]).verdict === 'deny')
  return {
    by: [...patterns, ...further.filter((each) => !refused.includes(each))],
    told: [...changing.filter((each) => patterns.includes(each)), ...told.filter((each) => !refused.includes(each))],
  }
}

/** Serves a fetch, or in version 2 a question for refs. */
async function serveFetch(ground: GitGround, asked: RequestOf<'fetch'>): Promise<void> {
  const { room, request, reply } = ground
  const { repository } = asked
  const fetching = patternsOf(ground, repository).filter(({ verbs }) => verbs.has('fetch'))
  if (fetching.length === 0) {
    request.body.resume()
    return refuseAsked(ground, asked, `${repository} is none of the repositories that it may fetch`)
  }
  const body = await plainBody(ground, asked)
  try {
    if (reply.gone.aborted) return
    const read = body.ok ? await inTurns(ground, readFetch(body.value, asked.version)) : body
    if (reply.gone.aborted) return
    if (!body.ok || !read.ok) return await refuseAsked(ground, asked, read.ok ? 'it cannot be read' : read.reason)
    const { asked: question, digest } = read.value
    const reading = { fetching, bytes: body.value, digest }
    await (question.kind === 'ls-refs'
      ? serveList(ground, asked, { ...reading, question })
      : serveObjects(ground, asked, { ...reading, question }))
  } finally {
    if (body.ok) room.give(body.value.length)
  }
}

/** Reads the body of a fetch, unpacked. What it returns is taken of the room; the error says what is wrong with it. */
async function plainBody(
  { request, room }: GitGround,
  { gzip }: RequestOf<'fetch'>,
): Promise<Result<Uint8Array, string>> {
  const whole = await readWhole(request.body, { length: request.length, room, bytesMax: FETCH_BYTES_MAX })
  if (!whole.ok || !gzip) return whole
  try {
    return await decodeBody(whole.value, { coding: 'gzip', room, bytesMax: FETCH_BYTES_MAX })
  } finally {
    room.give(whole.value.length)
  }
}

/** A body of a fetch as it was read, and the patterns that may show what it asks for. */
interface Reading<Question> {
  readonly fetching: readonly NamedPattern[]
  readonly bytes: Uint8Array
  readonly digest: string
  readonly question: Question
}

async function serveList(
  ground: GitGround,
  asked: RequestOf<'fetch'>,
  { fetching, bytes, digest, question }: Reading<GitRefsQuestion>,
): Promise<void> {
  const { repository } = asked
  const args = { repository, what: 'refs', digest }
  const best = bestOf(ground, args, bytes.length)
  const by = await inTurns(ground, listedBy({ fetching, best }, question.prefixes))
  if (ground.reply.gone.aborted) return
  const change = new ShownRefs({ list: 'ls-refs', meanings: ATOMIC, ...fetchedRefs(by) })
  await sendGit(ground, asked, {
    ...{ ...decidedBy(by), args },
    ...posted(asked, withSymrefs(bytes, question)),
    sink: new ChangingReply(ground.reply, change),
  })
  ground.line.shown.add(repository, change.objects)
}

async function serveObjects(
  ground: GitGround,
  asked: RequestOf<'fetch'>,
  { fetching, bytes, digest, question }: Reading<GitFetch>,
): Promise<void> {
  const { line, room, reply } = ground
  const { repository } = asked
  const { wants, wantedRefs, haves } = question
  const args = {
    ...{ repository, what: 'objects', wants: wants.length + wantedRefs.length },
    ...(haves.length > 0 && { haves: haves.length }),
    digest,
  }
  const best = bestOf(ground, args, bytes.length)
  const by = await inTurns(ground, fetchedBy({ repository, fetching, shown: line.shown, best }, question))
  if (reply.gone.aborted) return
  if (!by.ok) return refuseAsked(ground, asked, `${by.reason} is nothing that it was shown of ${repository}`)
  const sent = fetchedRefs(by.value).showsAll ? ok(bytes) : untagged(ground, bytes, question)
  if (!sent.ok) return refuseAsked(ground, asked, sent.reason)
  try {
    await sendGit(ground, asked, { ...{ ...decidedBy(by.value), args }, ...posted(asked, sent.value), sink: reply })
  } finally {
    if (sent.value !== bytes) room.give(sent.value.length)
  }
}

/** Returns the body of a fetch without what brings tags that no list has shown; what is made anew is taken of the room. */
function untagged({ room }: GitGround, bytes: Uint8Array, question: GitFetch): Result<Uint8Array, string> {
  if (question.tagsWord === undefined) return ok(bytes)
  const sent = withoutTags(bytes, question)
  return room.take(sent.length) ? ok(sent) : no(TOO_MUCH)
}

function posted({ repository, version }: RequestOf<'fetch'>, bytes: Uint8Array) {
  return {
    method: 'POST',
    path: `/${repository}.git/git-upload-pack`,
    headers: ['content-type', 'application/x-git-upload-pack-request', 'git-protocol', `version=${version}`],
    body: { kind: 'whole', bytes },
  } as const
}
