import { Buffer } from 'node:buffer'
import type { GitRequest } from './git-request.ts'
import { FLUSH, pkt, sideband } from './pkt-line.ts'
import type { GitPush } from './push.ts'

/** An answer in git's own words. */
export interface GitAnswer {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Uint8Array
}

/** Characters of a sentence in an answer; git prints it on one line. */
export const SENTENCE_CHARACTERS_MAX = 500

/**
 * Refuses a request for refs or a fetch: git prints `remote error:` and the sentence. A push whose head was read is refused
 * by `refusePush`.
 */
export function refuseGit(request: GitRequest, sentence: string): GitAnswer {
  const words = plain(sentence)
  if (request.kind === 'refs') {
    const { service } = request
    const body = [pkt(`# service=git-${service}\n`), FLUSH, pkt(`ERR ${words}\n`)]
    return answer(`application/x-git-${service}-advertisement`, Buffer.concat(body))
  }
  if (request.kind === 'fetch') return answer('application/x-git-upload-pack-result', pkt(`ERR ${words}\n`))
  if (request.kind === 'lfs' || request.kind === 'lfs-object') {
    const body = Buffer.from(JSON.stringify({ message: words }))
    return { ...answer('application/vnd.git-lfs+json', body), status: 403 }
  }
  // Nobody knows yet how an answer to this push is to be written.
  return { ...answer('text/plain; charset=utf-8', Buffer.from(`${words}\n`)), status: 403 }
}

/** Refuses what is no request to a repository. 403 and never 401, at which git asks a person for a password. */
export function refuseNoRepository(sentence: string, status: 400 | 403 | 413 | 415 = 403): GitAnswer {
  return { ...answer('text/plain; charset=utf-8', Buffer.from(`${plain(sentence)}\n`)), status }
}

/**
 * Refuses a push: git prints the sentence as `remote:` and, for each ref, `remote rejected` with its reason. Nothing of it was
 * done, so a ref without a reason of its own is said to go with the others.
 */
export function refusePush(push: GitPush, sentence: string, reasons: ReadonlyMap<string, string>): GitAnswer {
  const lines = push.updates.map(({ ref }) =>
    pkt(`ng ${ref} ${plain(reasons.get(ref) ?? 'refused with the others of this push')}\n`),
  )
  const report = Buffer.concat([pkt('unpack ok\n'), ...lines, FLUSH])
  const body = push.capabilities.includes('side-band-64k')
    ? Buffer.concat([sideband(2, Buffer.from(`${plain(sentence)}\n`)), sideband(1, report), FLUSH])
    : report
  return answer('application/x-git-receive-pack-result', body)
}

/** Answers the lone flush with which git asks whether it may push in pieces. */
export function answerProbe(): GitAnswer {
  return answer('application/x-git-receive-pack-result', new Uint8Array())
}

function answer(type: string, body: Uint8Array): GitAnswer {
  return {
    status: 200,
    headers: [
      ['content-type', type],
      ['content-length', String(body.length)],
      ['cache-control', 'no-cache, max-age=0, must-revalidate'],
    ],
    body,
  }
}

/** Returns a sentence on one line, without what a terminal takes for an order. */
function plain(sentence: string): string {
  const words = sentence.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return [...words].slice(0, SENTENCE_CHARACTERS_MAX).join('').toWellFormed()
}
