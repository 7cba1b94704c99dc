import { isJsonObject, type Json, type JsonObject, no, ok, type Result } from '../../../../model/index.ts'
import { cutShown } from '../../../content/cut-shown.ts'
import {
  isSessionRevision,
  MODERN,
  type Revision,
  SESSION_REVISIONS,
  type SessionRevision,
  SPOKEN,
} from '../revision.ts'
import { RPC } from '../rpc.ts'
import type { McpSent } from './connection.ts'
import { IMPLEMENTATION } from './upstream-request.ts'

/** The reason why no connection to an upstream came to be. */
export interface ConnectFault {
  readonly why: string
  /**
   * Set where the question for 2026-07-28 came first, and the process behind the pipes did not survive it, did not
   * answer it, or is of no use since: another process, asked to `initialize`, may be.
   */
  readonly anew?: true
  /** Set where the upstream did not take the credential that it was sent (HTTP 401). */
  readonly credential?: true
}

/** The revision, capabilities and instructions that an upstream names when a connection opens. */
export interface Opened {
  readonly revision: Revision
  readonly capabilities: JsonObject
  readonly instructions: string | undefined
}

/** Asks the upstream in this revision; resolves with the answer, or why there is none within `msMax`. */
export type Ask = (revision: Revision, method: string, params: JsonObject, msMax: number) => Promise<McpSent>

export interface Negotiation {
  readonly ask: Ask
  /** The revision that the upstream was found to speak before; absent where that is not known. */
  readonly known?: Revision
  /** Milliseconds that the question for 2026-07-28 may go unanswered where nothing is known; and any other one. */
  readonly probeMsMax: number
  readonly answerMsMax: number
  /**
   * Tells whether an upstream that gave this answer to the question for 2026-07-28 may be asked to `initialize` in its
   * place.
   */
  readonly mayGoOn: (sent: McpSent) => boolean
}

/**
 * Finds out which revision an upstream speaks. What is not known is asked `server/discover` first, and whatever is no good
 * answer to that means an earlier revision (2026-07-28, "Versioning"); one that is known to speak an earlier one is asked
 * to `initialize` at once, and `server/discover` only where it refuses that.
 */
export async function negotiate(negotiation: Negotiation): Promise<Result<Opened, ConnectFault>> {
  const { known } = negotiation
  if (known !== undefined && known !== MODERN) {
    const session = await openSession(negotiation)
    if (session.ok || !session.reason.answered) return session
    const discovered = await discover(negotiation, negotiation.answerMsMax)
    return discovered.opened === undefined ? session : ok(discovered.opened)
  }
  const discovered = await discover(negotiation, known === MODERN ? negotiation.answerMsMax : negotiation.probeMsMax)
  if (discovered.opened !== undefined) return ok(discovered.opened)
  const { sent } = discovered
  if (!negotiation.mayGoOn(sent)) {
    const why = sent.kind === 'answered' ? 'it says nothing of what it speaks' : sent.why
    return no({ why, anew: true, ...credentialIn(sent) })
  }
  const session = await openSession(negotiation)
  return session.ok ? session : no({ ...session.reason, anew: true })
}

async function discover(
  { ask }: Negotiation,
  msMax: number,
): Promise<{ readonly opened?: Opened; readonly sent: McpSent }> {
  let sent = await ask(MODERN, 'server/discover', {}, msMax)
  // A server that refuses the version and names it as supported is asked once more.
  if (supportedIn(sent).includes(MODERN)) sent = await ask(MODERN, 'server/discover', {}, msMax)
  const result = sent.kind === 'answered' ? sent.answer.said.result : undefined
  if (!isJsonObject(result) || !Array.isArray(result.supportedVersions)) return { sent }
  return result.supportedVersions.includes(MODERN) ? { sent, opened: openedFrom(MODERN, result) } : { sent }
}

/**
 * Opens a session of a revision before 2026-07-28. The newest is asked for; a server that refuses it, where it should have
 * named another, is asked once more: for the newest that its refusal names, or for the oldest.
 */
async function openSession({
  ask,
  answerMsMax,
}: Negotiation): Promise<Result<Opened, ConnectFault & { readonly answered?: true }>> {
  const [newest] = SESSION_REVISIONS
  let sent = await initialize(ask, newest, answerMsMax)
  const other = otherRevision(sent)
  if (other !== undefined) sent = await initialize(ask, other, answerMsMax)
  if (sent.kind !== 'answered') return no({ why: sent.why, ...credentialIn(sent) })
  const { result, error } = sent.answer.said
  if (!isJsonObject(result)) return no({ why: refusalOf(error), answered: true })
  const { protocolVersion } = result
  if (!isSessionRevision(protocolVersion)) return no({ why: strangerText(protocolVersion) })
  return ok(openedFrom(protocolVersion, result))
}

function initialize(ask: Ask, revision: SessionRevision, msMax: number): Promise<McpSent> {
  const params = { protocolVersion: revision, capabilities: {}, clientInfo: IMPLEMENTATION }
  return ask(revision, 'initialize', params, msMax)
}

/** Returns the revision to ask for instead; undefined where the answer is no refusal of a version. */
function otherRevision(sent: McpSent): SessionRevision | undefined {
  const error = sent.kind === 'answered' ? sent.answer.said.error : undefined
  if (!isJsonObject(error)) return undefined
  const named = SESSION_REVISIONS.find((revision) => supportedIn(sent).includes(revision))
  if (named !== undefined) return named
  return /version/i.test(String(error.message)) ? SESSION_REVISIONS.at(-1) : undefined
}

/** Returns the revisions that a refusal names as supported. */
function supportedIn(sent: McpSent): readonly Json[] {
  const error = sent.kind === 'answered' ? sent.answer.said.error : undefined
  if (!isJsonObject(error) || !isJsonObject(error.data)) return []
  if (error.code !== RPC.unsupportedVersion && error.code !== RPC.invalidParams) return []
  return Array.isArray(error.data.supported) ? error.data.supported : []
}

function openedFrom(revision: Revision, { capabilities, instructions }: JsonObject): Opened {
  return {
    revision,
    capabilities: isJsonObject(capabilities) ? capabilities : {},
    instructions: typeof instructions === 'string' ? instructions : undefined,
  }
}

function refusalOf(error: Json | undefined): string {
  return `initialize: it refuses: ${cutShown(JSON.stringify(error ?? null), 200)}`
}

/** Names both sides' versions, and what helps. */
function strangerText(version: Json | undefined): string {
  const theirs = cutShown(JSON.stringify(version ?? null), 64)
  const older = typeof version === 'string' && /^\d{4}-/.test(version) && version < '2024-11-05'
  const help = older ? 'take a newer release of the server' : 'take another release of the server, or a newer Firebreak'
  return `it speaks ${theirs}, and Firebreak speaks ${SPOKEN}: ${help}`
}

function credentialIn(sent: McpSent): Pick<ConnectFault, 'credential'> {
  return sent.kind === 'unreadable' && sent.refused === 'credential' ? { credential: true } : {}
}
