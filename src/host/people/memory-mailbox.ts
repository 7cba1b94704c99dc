import { isDeepStrictEqual } from 'node:util'
import { type ActionId, no, ok } from '../../model/index.ts'
import type { HoldAnswer, Mailbox } from './mailbox.ts'

/** Returns a mailbox that lives as long as this process, for tests whose subject is not the disk. */
export function memoryMailbox(): Mailbox {
  const waiting = new Map<ActionId, HoldAnswer>()
  const refused = new Set<ActionId>()
  return {
    async put(answer) {
      const given = waiting.get(answer.hold)
      if (given !== undefined && (answer.approved || !given.approved))
        return no(`${answer.hold} is ${given.approved ? 'approved' : 'denied'} by ${given.by} already`)
      waiting.set(answer.hold, answer)
      refused.delete(answer.hold)
      return ok(undefined)
    },
    get: async (hold) => waiting.get(hold),
    list: async (environment) => [...waiting.values()].filter((answer) => answer.environment === environment),
    async take(answer, isAccepted) {
      const there = waiting.get(answer.hold)
      if (there !== undefined && !isDeepStrictEqual(there, answer)) return false
      waiting.delete(answer.hold)
      if (!isAccepted) refused.add(answer.hold)
      return true
    },
    wasRefused: async (hold) => refused.has(hold),
    async withdraw(hold) {
      if (waiting.get(hold)?.approved) waiting.delete(hold)
    },
  }
}
