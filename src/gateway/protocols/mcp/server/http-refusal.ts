import type { IncomingHttpHeaders } from 'node:http'

/** The request that a status is an answer to. */
export interface AnsweredRequest {
  /** URL of the request, absolute. */
  readonly url: string
  /** True where the request belongs to a revision with sessions, and is not the one that opens a session. */
  readonly inSession: boolean
  /** True where answers may come in a batch with other messages. */
  readonly batches: boolean
  /** The session that the request named. */
  readonly session: string | undefined
}

export interface HttpRefusal {
  /** One sentence for the owner: what came, and what to change. */
  readonly why: string
  /**
   * Set where the upstream did not look at the request. `session`: it knows no session of ours, or not this one.
   * `credential`: it does not take what it was sent.
   */
  readonly refused?: 'session' | 'credential'
}

/**
 * Says what an answer that is no success means: by its status, and by its body where servers say it there (a lost session
 * is 404 by the protocol, and 400 with words about it in the SDKs' own examples). Both were written by the upstream.
 */
export function refusalIn(
  { url, inSession, session }: AnsweredRequest,
  status: number,
  { location }: IncomingHttpHeaders,
  body: string,
): HttpRefusal {
  if (status === 401) return { why: 'its credential was refused (HTTP 401)', refused: 'credential' }
  if (status >= 300 && status < 400) return { why: redirectText(url, status, location) }
  const unknown = session !== undefined && (status === 404 || status === 410)
  if (unknown || (inSession && status >= 400 && status < 500 && NO_SESSION.test(body.slice(0, 4_096))))
    return { why: `the upstream forgot the session (HTTP ${status})`, refused: 'session' }
  return { why: `it answered with HTTP ${status}` }
}

/** "No valid session ID provided", "Session not found", "Server not initialized": words of five SDKs. */
const NO_SESSION = new RegExp(
  [
    /\b(?:no|invalid|unknown|missing|expired|bad|stale)\b[\w -]{0,24}\bsession\b/,
    /\bsession\b[\w' -]{0,32}\b(?:not found|unknown|invalid|expired|missing|required|terminated|closed|gone|exist)/,
    /\bnot (?:been |yet )?initiali[sz]ed|\bbefore initiali[sz]/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'i',
)

/** Characters of an address that is read to be shown; the platform takes the square of a host's letters. */
const LOCATION_CHARACTERS_MAX = 2_048

/** Says where a redirect leads. It is never followed: a credential would go where nobody has declared it. */
function redirectText(url: string, status: number, location: string | undefined): string {
  const isShort = location !== undefined && location.length <= LOCATION_CHARACTERS_MAX
  const to = isShort ? (URL.parse(location, url) ?? undefined) : undefined
  // Of a query nothing is shown: a credential may stand in it.
  const target = to && `${to.origin}${to.pathname}`
  const shown = target === undefined || target.length > 200 ? undefined : target
  if (shown === undefined) return `it answered with HTTP ${status}, a redirect, and Firebreak follows none`
  return `it answered with HTTP ${status}, a redirect to ${shown}, and Firebreak follows none: write url: ${shown} if that is the server that you mean`
}
