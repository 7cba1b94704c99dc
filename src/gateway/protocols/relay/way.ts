import type { ConnectOperation, Result } from '../../../model/index.ts'
import type { PassOptions } from '../../origins/passing.ts'
import type { Passage, Sent } from '../../pipeline/line.ts'
import type { Place } from './egress-place.ts'

/** One connection that a relay asks for. */
export interface Wanted {
  readonly operation: ConnectOperation
  /** The origin that is meant; absent where the environment declares none such. */
  readonly place?: Place
  /** The text that the relay wrote for it. */
  readonly asked: string
  /** Method of a request that is not encrypted. */
  readonly method?: string
  /** The reason why what was asked cannot be passed on, whoever asks. */
  readonly unfit?: string
  /** Resolves with an address of the place to be used once, or with why there is none. */
  readonly resolve: () => Promise<Result<string, string>>
  /** Returns the bytes that the ledger commits to: by which it begins, or where it goes. */
  readonly head: (address: string) => Uint8Array
  /** Makes the connection, and resolves when it has ended. */
  readonly pass: (address: string, options: PassOptions) => Promise<Extract<Sent, { kind: 'not-sent' }> | Passage>
}

/** Decides over the connections of a relay, and records them. */
export interface Way {
  /** Has a connection made where it may be; resolves when it has ended, or with why it was not made. */
  readonly go: (wanted: Wanted) => Promise<Went>
}

/** `refused`: nothing was sent. `reference`: the id under which the ledger says why. */
export type Went = { readonly kind: 'went' } | { readonly kind: 'refused'; readonly reference?: string }

export const WENT: Went = { kind: 'went' }

/** Returns the way of a relay that serves no cell: declared places are reached, and all are told. */
export function tellingWay(onTried: (place: string, problem: string | undefined) => void = () => undefined): Way {
  return {
    go: async ({ place, asked, unfit, resolve, pass }) => {
      const undeclared = place === undefined ? 'it is not in the environment’s egress' : undefined
      const problem = undeclared ?? unfit
      const found = problem === undefined ? await resolve() : { ok: false as const, reason: problem }
      onTried(place?.name ?? asked, found.ok ? undefined : found.reason)
      if (!found.ok) return { kind: 'refused' }
      await pass(found.value, { lastCheck: () => undefined, signal: new AbortController().signal })
      return WENT
    },
  }
}
