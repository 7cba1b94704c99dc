/** The words between a host that is up and a command of the state's owner, a line of JSON each. */
import type { Socket } from 'node:net'
import type { CellSpec } from '../../cells/spec.ts'
import type { TaskSetup } from '../../gateway/link/setup.ts'
import { parseJson, type Result } from '../../model/index.ts'
import type { Applied, ApplyAsk, ApplyFault, Planned } from '../apply/apply-words.ts'
import type { SecretDigests } from '../prepare/own-secrets.ts'
import type { RunEnd, RunEvent } from '../runs/agent-run.ts'
import type { Unwritten } from '../stop/fence-again.ts'

/** A run that is asked of a host; its three standard streams come with the words, as descriptors. */
export interface HostRunAsk {
  readonly kind: 'run'
  readonly agent: string
  readonly command: CellSpec['command']
  readonly task?: TaskSetup
  /** The stop mark from before the person's configuration was read. */
  readonly stopMark: string
  readonly stdio: CellSpec['stdio']
  /** The digest of the configuration that the person has read it by. */
  readonly configuration: string
  /** The secrets of its environment that the person's own process has, by `env:`. */
  readonly secrets: SecretDigests
  /** Somebody may have written what is read on its standard input. */
  readonly piped: boolean
  /** The process that asks, which shows what the cell writes. */
  readonly pid: number
}

/** The first words of whoever comes to a host. */
export type HostAsk =
  | HostRunAsk
  | { readonly kind: 'down' }
  | { readonly kind: 'about' }
  /** The difference between its configuration and what its file says now. */
  | { readonly kind: 'plan' }
  | { readonly kind: 'apply'; readonly ask: ApplyAsk }

/** Later words of one whose run goes on. */
export interface HostSignal {
  readonly kind: 'signal'
  readonly signal: NodeJS.Signals
}

/** The words of a host. The connection of a run ends with `end`, or with `refused`. */
export type HostReply =
  | { readonly kind: 'event'; readonly event: RunEvent }
  | { readonly kind: 'end'; readonly end: RunEnd }
  | { readonly kind: 'refused'; readonly why: string }
  /** The host’s last word to whoever ended it: the orders that no fence has. */
  | { readonly kind: 'down'; readonly unwritten: readonly Unwritten[] }
  | { readonly kind: 'planned'; readonly planned: Result<Planned, ApplyFault> }
  | { readonly kind: 'applied'; readonly applied: Result<Applied, ApplyFault> }
  | { readonly kind: 'about'; readonly pid: number; readonly sinceMs: number; readonly configuration: string }

/** Bytes of one line: a command with its task, or the end of a run. */
export const HOST_LINE_BYTES_MAX = 1_048_576

/** Splits what a socket says into lines of JSON; ends the socket where one is longer than `HOST_LINE_BYTES_MAX`, or none. */
export function hearLines<T>(socket: Socket, hear: (value: T) => void): void {
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (text + chunk).split('\n')
    text = lines.pop() ?? ''
    try {
      if (text.length > HOST_LINE_BYTES_MAX) throw new RangeError('a line is too long')
      for (const line of lines) hear(parseJson(line) as T) // by the state's owner alone: nobody else reaches the socket
    } catch {
      socket.destroy()
    }
  })
}
