import { grantedName } from '../../../model/index.ts'
import type { EnvironmentContext } from '../../admission/environment-context.ts'
import type { ServedCell } from '../../admission/served-cell.ts'
import { cutShown } from '../../content/cut-shown.ts'
import { type Attempt, isName, NAME_FAULT, type Performed } from '../../pipeline/attempt.ts'
import type { Contract, Prepared } from '../../pipeline/line.ts'
import { perform } from '../../pipeline/pipeline.ts'
import { refuseUnprepared } from '../../pipeline/refused.ts'
import type { Unreachable } from '../protocol.ts'
import { requestFor } from './contract/payload.ts'
import type { McpUpstream } from './contract/upstream.ts'
import { CredentialRefused, type UpstreamConnection } from './server/connection.ts'

/** One request of MCP to an upstream, on its way through the pipeline. */
export interface McpCall
  extends Pick<Attempt, 'operation' | 'target' | 'args' | 'signal' | 'calledOff' | 'onPart' | 'hears' | 'about'> {
  /** Name in the configuration, where that is not the target: the template of a resource. */
  readonly template?: string
  readonly logLevel?: string
}

/**
 * Performs a call. What the upstream did not look at, since it had forgotten the session or the credential had expired, is
 * sent once more in a new session, or with a new credential: as an action of its own, which is decided, reserved and
 * recorded as every other. The first stays spent: that it was not looked at is the upstream's own word.
 */
export async function performCall(
  gate: EnvironmentContext,
  cell: ServedCell,
  upstream: McpUpstream,
  call: McpCall,
): Promise<Performed | Unreachable> {
  const first = await performOnce(gate, cell, upstream, call)
  if (first.kind !== 'unanswered' || first.refused === undefined || isOver(call)) return first
  if (first.refused === 'credential' && !(await gate.renewCredential(upstream.name))) return first
  return performOnce(gate, cell, upstream, call)
}

function isOver({ signal, calledOff }: McpCall): boolean {
  return signal.aborted || calledOff?.aborted === true
}

/** Performs, connects for it where there is no connection and it may leave, and gives up a connection that broke. */
export async function performOnce(
  gate: EnvironmentContext,
  cell: ServedCell,
  upstream: McpUpstream,
  call: McpCall,
): Promise<Performed | Unreachable> {
  const { operation, target, args, template = target, signal, calledOff, onPart, hears, logLevel, about } = call
  const asked = { upstream: upstream.name, operation, target, args, ...about }
  if (!isName(template)) return refuseUnprepared(gate, cell, asked, [NAME_FAULT])
  const tool = grantedName(operation, template)
  let connection: UpstreamConnection | undefined
  let unreachable: { readonly refused?: 'credential' } | undefined
  let broken = false
  const prepared = (known: Contract, level?: string): Prepared => {
    if (connection === undefined) throw new Error('an action was allowed that could not leave')
    const { bytes, send } = connection.prepare(...requestFor({ operation, target, args }), {
      paramHeaders: upstream.contract(tool)?.paramHeaders ?? [],
      ...(known.declared.timeoutMs !== undefined && { silenceMsMax: known.declared.timeoutMs }),
      ...(level && { logLevel: level }),
    })
    return {
      bytes,
      send: async (options) => {
        const sent = await send(options)
        const isCut = (sent.kind === 'not-sent' || sent.kind === 'unknown') && sent.lives !== true
        // What was called off says nothing of the connection, and other calls are under way on it.
        if (isCut && !options.signal.aborted) broken = true
        return sent
      },
    }
  }
  const performed = await perform(gate, cell, {
    upstream,
    operation,
    target,
    tool,
    args,
    signal,
    ...(calledOff && { calledOff }),
    connect: (mayLeave) => {
      connection = upstream.live
      if (connection !== undefined || !mayLeave()) return undefined
      return upstream.connection(calledOff === undefined ? signal : AbortSignal.any([signal, calledOff])).then(
        (made) => {
          connection = made
          return undefined
        },
        (error) => {
          unreachable = error instanceof CredentialRefused ? { refused: 'credential' } : {}
          const problem = error instanceof Error ? cutShown(error.message, 500) : 'no connection'
          return { kind: 'unavailable', what: 'upstream', problem } as const
        },
      )
    },
    isStreamed: false,
    prepare: (known) => prepared(known, logLevel),
    prepareApproved: (known) => prepared(known),
    ...(onPart && { onPart }),
    ...(hears && { hears }),
    ...(about && { about }),
  })
  if (performed.kind === 'passed') throw new Error('a call has passed as a connection')
  if (unreachable !== undefined) return { kind: 'unreachable', action: performed.action, ...unreachable }
  if (broken) upstream.disconnected(connection)
  return performed
}
