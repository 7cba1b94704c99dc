import type { UpstreamName } from '../../../../model/index.ts'
import type { ReachedServer, UpstreamSetup } from '../../../link/setup.ts'
import type { DialOptions } from '../../protocol.ts'
import { isRevision, type Revision, SESSION_REVISIONS } from '../revision.ts'
import { CredentialRefused, type UpstreamConnection } from './connection.ts'
import { connectHttpUpstream } from './http-upstream.ts'
import type { ConnectFault } from './negotiation.ts'
import { connectStdioUpstream } from './stdio-upstream.ts'

/**
 * Makes the connections of one gateway to its upstreams, and remembers what each was found to speak, so that one which
 * does not survive the question for 2026-07-28 is asked it once.
 */
export class Connector {
  readonly #options: DialOptions
  readonly #spoken = new Map<UpstreamName, Revision>()

  constructor(options: DialOptions) {
    this.#options = options
  }

  /**
   * Connects to an upstream. Rejects with what the owner should read; `CredentialRefused` where that is the credential.
   */
  async connect(setup: UpstreamSetup, number: number | null, signal: AbortSignal): Promise<UpstreamConnection> {
    const { name, server } = setup
    if (setup.down !== undefined) throw new Error(`${name}: ${setup.down}`)
    const connection =
      server.kind === 'http'
        ? await this.#overHttp(setup, server, signal)
        : await this.#overPipes(setup, number, signal)
    if (!connection.ok) throw faultOf(name, connection.reason)
    const { revision } = connection.value
    if (isRevision(revision)) this.#spoken.set(name, revision)
    return connection.value
  }

  /** Connects over HTTP; where the credential is refused, once more with another one, if there is one. */
  async #overHttp(setup: UpstreamSetup, { url, headers, ca, secrets: named }: ReachedServer, signal: AbortSignal) {
    const { secrets, credentials, elsewhere, turn } = this.#options
    const connect = () =>
      connectHttpUpstream({
        name: setup.name,
        url: new URL(secrets.inject(url, named, 'url')),
        headers: new Map(headers.map(([header, value]) => [header, secrets.inject(value, named)])),
        ...(ca !== undefined && { ca }),
        ...this.#known(setup),
        elsewhere,
        signal,
        turn: turn(),
      })
    const first = await connect()
    if (first.ok || first.reason.credential !== true || signal.aborted) return first
    return (await credentials.renew(setup.name)) && !signal.aborted ? connect() : first
  }

  /**
   * Connects over pipes; where the question for 2026-07-28 has spoiled the process, the warden starts another, which is
   * asked to initialize.
   */
  async #overPipes(setup: UpstreamSetup, number: number | null, signal: AbortSignal) {
    const first = await this.#onPipes(setup, number, signal, this.#known(setup).known)
    if (first.ok || first.reason.anew !== true || signal.aborted) return first
    return this.#onPipes(setup, number, signal, SESSION_REVISIONS[0])
  }

  async #onPipes({ name }: UpstreamSetup, number: number | null, signal: AbortSignal, known: Revision | undefined) {
    const { pipes, turn, onGivenUp } = this.#options
    const { server, stdin, stdout } = await pipes.take(name, number)
    // If it does not end of that, the warden ends it, and starts another.
    const onClosed = () => onGivenUp(server)
    const shared = number === null
    const options = { name, stdin, stdout, shared, onClosed, signal, turn: turn() }
    return connectStdioUpstream({ ...options, ...(known !== undefined && { known }) })
  }

  #known({ name, known }: UpstreamSetup): { readonly known?: Revision } {
    const spoken = this.#spoken.get(name) ?? known
    return isRevision(spoken) ? { known: spoken } : {}
  }
}

function faultOf(name: UpstreamName, { why, credential }: ConnectFault): Error {
  const text = `${name}: ${why}`
  return credential === true ? new CredentialRefused(text) : new Error(text)
}
