import { type JsonObject, no, ok, type Result } from '../../../model/index.ts'
import type { Refusal } from '../../../policy/index.ts'
import type { EnvironmentContext } from '../../admission/environment-context.ts'
import type { ServedCell } from '../../admission/served-cell.ts'
import { type Room, TOO_MUCH } from '../../fairness/room.ts'
import type { Slots } from '../../fairness/slots.ts'
import type { Prepared } from '../../pipeline/line.ts'
import { refuseUnprepared } from '../../pipeline/refused.ts'
import { readTarget } from '../../web/request-target.ts'
import type { WebReply, WebRequest } from '../../web/web-request.ts'
import type { AnswerHead } from '../http/exchange.ts'
import { GatheringReply } from '../http/gathering-reply.ts'
import { type Reached, requestHead, sendRequest } from '../http/send-request.ts'
import { performWeb, refusalSentence, unshown, type WebAttempt } from '../http/web-attempt.ts'
import type { KnownRelease, PackageLine } from './line.ts'
import { type MarkedList, releaseAt } from './lists/marked-list.ts'
import { LIST_BYTES_MAX } from './lists/package-desk.ts'
import type { ListJob } from './lists/package-work.ts'
import { PinnedReply } from './pinned-reply.ts'
import { type PackageRequest, readPackageRequest } from './reading/package-request.ts'
import type { NameRules } from './rules/package-policy.ts'

/** One request that came in, its answer, and the bounds of its cell on lists that are read whole. */
export interface PackageServed {
  readonly request: WebRequest
  readonly reply: WebReply
  readonly room: Room
  readonly slots: Slots
}

/** The means by which all requests of a cell to a registry are served. */
interface Ground {
  readonly gate: EnvironmentContext
  readonly cell: ServedCell
  readonly line: PackageLine
}

/**
 * Serves one request of a cell to a registry.
 *
 * - PK1  A list is shown whole, and marked: a version that the owner's rules refuse says so, there or in the status of its file.
 * - PK2  A file is asked for only where its list, which is new enough, says that its version is allowed: by the rules that its
 *        gateway began with, at the time at which the list came.
 * - PK3  The file of a version that is pinned is shown to its end only if it has a pinned digest, whatever its list says; where
 *        it leads elsewhere it is refused.
 */
export async function servePackage(
  gate: EnvironmentContext,
  cell: ServedCell,
  line: PackageLine,
  { request, reply, room, slots }: PackageServed,
): Promise<void> {
  const ground: Ground = { gate, cell, line }
  request.body.resume()
  const refuse = async (problem: string, args: JsonObject, status = 403) => {
    const reasons: readonly Refusal[] = [{ kind: 'arguments', path: '$', problem }]
    const target = typeof args.file === 'string' ? 'file' : 'list'
    const attempt = { upstream: line.name, operation: 'package', target, args } as const
    const { action } = await refuseUnprepared(gate, cell, attempt, reasons)
    reply.refuse(status, refusalSentence(problem, action), action)
  }
  const target = readTarget(request.target)
  if (!target.ok) return refuse(target.reason, { what: request.target.slice(0, 200) })
  if (request.hasBody && request.method === 'GET') return refuse('a request for a package has no body', {})
  const read = readPackageRequest(line.registry, request.method, target.value)
  if (!read.ok) return refuse(read.reason, { what: `${request.method} ${target.value.path}`.slice(0, 200) })
  const asked = read.value
  const args = argumentsOf(asked)
  let pins: readonly (readonly string[])[] = []
  if (asked.kind !== 'keys') {
    // Nobody outside hears of a name that is refused.
    const rules = line.rules.about(asked.name)
    const [why] = rules.refused
    if (why !== undefined) return refuse(why, args)
    if (asked.kind === 'list' && request.method === 'GET') {
      if (!(await entered(slots, reply.gone))) return
      const gathered = new GatheringReply(reply.gone, room, LIST_BYTES_MAX)
      try {
        return await serveList(ground, asked, rules, { reply, gathered })
      } finally {
        gathered.leave()
        slots.give()
      }
    }
    if (asked.kind === 'file') {
      const release = await releaseOf(ground, asked, rules, { reply, room, slots })
      // Where the list itself was refused, or waits, that has been told.
      if (!release.ok) return reply.hasBegun || reply.gone.aborted ? undefined : refuse(release.reason, args, 502)
      if (release.value.refusal !== undefined) return refuse(withoutOurs(release.value.refusal), args)
      pins = pinsOf(asked, rules, release.value)
    }
  }
  const reached = line.reachedFor(asked.kind === 'file' ? 'file' : 'list')
  const { method } = request
  await send(ground, {
    asked,
    reached,
    method,
    target: asked.target,
    args,
    reply,
    sink: pins.length === 0 ? reply : new PinnedReply(reply, pins, method),
  })
}

/** Returns the digests that a file may have, by the version that its list says and by the one in its name. */
function pinsOf(
  asked: PackageRequest & { readonly kind: 'file' },
  { pins }: NameRules,
  { version }: KnownRelease,
): readonly (readonly string[])[] {
  if (asked.of === 'metadata') return []
  return [...new Set([asked.version, version])].flatMap((each) => {
    const pinned = pins.get(each)
    return pinned === undefined ? [] : [pinned]
  })
}

/** Resolves when there is a slot, which `give` gives back; false where whoever asked has gone meanwhile. */
function entered(slots: Slots, gone: AbortSignal): Promise<boolean> {
  return new Promise((resolve) =>
    slots.take(
      () => resolve(true),
      gone,
      () => resolve(false),
    ),
  )
}

/** An answer of the cell, and what is gathered for it. */
interface Gathering {
  readonly reply: WebReply
  readonly gathered: GatheringReply
}

/** Asks for a list, marks it, and shows it; resolves when the cell has read it, or has gone. */
async function serveList(
  ground: Ground,
  asked: PackageRequest & { readonly kind: 'list' },
  rules: NameRules,
  { reply, gathered }: Gathering,
): Promise<void> {
  const came = await listOf(ground, asked, rules, { reply, gathered })
  if (!came.ok || reply.hasBegun) {
    if (!came.ok && !reply.hasBegun && !reply.gone.aborted) reply.refuse(502, refusalSentence(came.reason, undefined))
    return
  }
  const { status, headers, list, bytes } = came.value
  const shown = list?.bytes ?? bytes
  const own = headers.filter(([name]) => !CHANGED.has(name.toLowerCase()))
  if (!gathered.holds(shown.length)) return reply.refuse(502, refusalSentence(TOO_MUCH, undefined))
  reply.begin(status, [...own, ['content-length', String(shown.length)], ['cache-control', 'no-store']])
  if (!reply.write(shown)) await new Promise<void>((resolve) => reply.drained(resolve))
  reply.end()
}

/** Headers of a list that are not those of the marked one. */
const CHANGED: ReadonlySet<string> = new Set([
  ...['content-length', 'etag', 'last-modified', 'cache-control', 'expires', 'age', 'content-md5', 'digest'],
  ...['content-digest', 'repr-digest'],
])

interface CameList {
  readonly status: number
  readonly headers: AnswerHead['headers']
  /** Absent where the registry has no such list. */
  readonly list: MarkedList | undefined
  readonly bytes: Uint8Array
}

/** Asks for a list and marks it. What it says is remembered, for the files that it names. */
async function listOf(
  ground: Ground,
  asked: PackageRequest & { readonly kind: 'list' },
  rules: NameRules,
  { reply, gathered }: Gathering,
): Promise<Result<CameList, string>> {
  const { gate, cell, line } = ground
  const reached = line.reachedFor('list')
  const args = argumentsOf(asked)
  const sent = await send(ground, {
    asked,
    reached,
    method: 'GET',
    target: asked.target,
    args,
    reply,
    sink: gathered,
  })
  const came = gathered.take()
  if (!sent) return no('it was refused')
  if (!came.ok) return came
  const { status, headers, bytes } = came.value
  if (status === 304 || status >= 400) return ok({ status, headers, list: undefined, bytes })
  // What leads to another list, or is a part of one, would be shown without a mark.
  if (status !== 200) return no(`the registry answered with HTTP ${status}, and a list comes with 200`)
  const form = formOf(line.registry, headers)
  if (form === undefined) return no('the registry answered with something that is no list')
  const marked = await line.desk.mark(cell.id, { form, bytes, rules, nowMs: gate.nowMs() })
  if (!marked.ok) return no(`the list of ${asked.name} cannot be shown: ${marked.reason}`)
  line.remember(asked.name, marked.value.releases, gate.nowMs())
  return ok({ status, headers, list: marked.value, bytes: new Uint8Array(0) })
}

function formOf(registry: PackageLine['registry'], headers: AnswerHead['headers']): ListJob['form'] | undefined {
  const type = headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? ''
  if (registry === 'npm') return /^application\/(?:[\w.-]+\+)?json\b/i.test(type) ? 'packument' : undefined
  if (/^application\/(?:[\w.-]+\+)?json\b/i.test(type)) return 'simple-json'
  return /^(?:text\/html|application\/vnd\.pypi\.simple\.v1\+html)\b/i.test(type) ? 'simple-html' : undefined
}

/** Returns what the list says of the version that a file is of; the list is asked for where it is not known. */
async function releaseOf(
  ground: Ground,
  asked: PackageRequest & { readonly kind: 'file' },
  rules: NameRules,
  { reply, room, slots }: Pick<PackageServed, 'reply' | 'room' | 'slots'>,
): Promise<Result<KnownRelease, string>> {
  const { gate, line } = ground
  const { name } = asked
  let releases = line.releasesOf(name, gate.nowMs())
  if (releases === undefined) {
    if (!(await entered(slots, reply.gone))) return no('whoever asked has gone')
    const gathered = new GatheringReply(reply.gone, room, LIST_BYTES_MAX)
    try {
      // Another request may have asked meanwhile.
      releases = line.releasesOf(name, gate.nowMs())
      if (releases === undefined) {
        const target = line.registry === 'npm' ? `/${name.replace('/', '%2f')}` : `/simple/${name}/`
        const came = await listOf(ground, { kind: 'list', name, target }, rules, { reply, gathered })
        if (!came.ok) return no(`what the list of ${name} says of it is not known: ${came.reason}`)
        releases = came.value.list?.releases ?? []
      }
    } finally {
      gathered.leave()
      slots.give()
    }
  }
  const target = asked.of === 'metadata' ? asked.target.slice(0, -'.metadata'.length) : asked.target
  const release = releaseAt(releases, target)
  return release === undefined ? no(`the list of ${name} has no such file`) : ok(release)
}

interface Sending {
  readonly asked: PackageRequest
  readonly reached: Reached
  readonly method: string
  readonly target: string
  readonly args: JsonObject
  /** Answer of the cell, for what is refused. */
  readonly reply: WebReply
  /** Takes what comes. */
  readonly sink: WebReply
}

/** Sends a request as an action; false where it was not sent, and the cell has been told why. */
async function send({ gate, cell, line }: Ground, sending: Sending): Promise<boolean> {
  const { asked, reply, sink, args } = sending
  const prepare: WebAttempt['prepare'] = (onHead) =>
    prepared(gate, sending, { onHead, accept: acceptOf(line.registry, asked) })
  const performed = await performWeb(gate, cell, {
    line,
    operation: 'package',
    target: asked.kind === 'file' ? 'file' : 'list',
    args,
    sink,
    gone: reply.gone,
    isStreamed: false,
    prepare,
    prepareApproved: prepare,
  })
  if (performed.kind === 'passed' && sink.hasBegun) return true
  if (reply.hasBegun || reply.gone.aborted) return false
  const { status, said, reference } = unshown(performed, line.name)
  // npm asks again for minutes where it is told 502.
  if (sink instanceof PinnedReply && sink.problem !== undefined)
    reply.refuse(403, refusalSentence(sink.problem, reference), reference)
  else reply.refuse(status, refusalSentence(said, reference), reference)
  return false
}

/** Puts a request into the bytes that leave: nothing of its head is the cell's. */
function prepared(
  gate: EnvironmentContext,
  { reached, method, target, sink }: Sending,
  { onHead, accept }: { readonly onHead: (head: AnswerHead) => void; readonly accept: string },
): Prepared {
  const headers = ['accept', accept, 'accept-encoding', 'identity', 'user-agent', 'firebreak']
  return {
    bytes: requestHead(method, target, reached.origin.authority, headers),
    send: (options) => {
      const request = { method: method === 'HEAD' ? 'HEAD' : 'GET', path: target, headers }
      const exchange = sendRequest(reached, request, { send: options, secrets: gate.secrets, reply: sink, onHead })
      if (sink instanceof PinnedReply) sink.onOther((why) => exchange.cut(why))
      return exchange.ended
    },
  }
}

/** Returns what is asked, by its names. */
function argumentsOf(asked: PackageRequest): JsonObject {
  switch (asked.kind) {
    case 'keys':
      return { what: 'keys' }
    case 'list':
      return { name: asked.name }
    case 'tags':
      return { name: asked.name, what: 'tags' }
    case 'version':
      return { name: asked.name, version: asked.version, what: 'version' }
    case 'file':
      return {
        ...{ name: asked.name, version: asked.version, file: asked.file },
        ...(asked.of === 'metadata' && { what: 'metadata' }),
      }
  }
}

function acceptOf(registry: PackageLine['registry'], { kind }: PackageRequest): string {
  if (kind === 'file') return '*/*'
  return kind === 'list' && registry === 'pypi' ? 'application/vnd.pypi.simple.v1+json' : 'application/json'
}

function withoutOurs(refusal: string): string {
  return refusal.replace(/^refused by Firebreak: /, '')
}
