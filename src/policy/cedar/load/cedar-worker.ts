import { createRequire } from 'node:module'
import { parentPort } from 'node:worker_threads'

/**
 * Runs Cedar's own library, alone in a thread that may die of it: a few hundred nested operators overflow its stack, and
 * an instance that has thrown leaks until it stops answering. Takes `{ calls: [name, argument][] }`, answers one outcome
 * for each call up to the first that threw.
 */
type Cedar = typeof import('@cedar-policy/cedar-wasm/nodejs')
export type CedarFunction = Exclude<keyof Cedar, 'default'>
export type CedarCall = readonly [name: CedarFunction, ...args: unknown[]]
export type CedarOutcome = { readonly answer: unknown } | { readonly died: string }

// A script cannot import it: the package's ES modules import WebAssembly, which Node does not yet without a warning.
const cedar: Record<string, (...args: unknown[]) => unknown> = createRequire(import.meta.url)(
  '@cedar-policy/cedar-wasm/nodejs',
)

parentPort?.on('message', ({ calls }: { readonly calls: readonly CedarCall[] }) => {
  parentPort?.postMessage(outcomes(calls))
})

function outcomes(calls: readonly CedarCall[]): CedarOutcome[] {
  const all: CedarOutcome[] = []
  for (const [name, ...args] of calls) {
    try {
      all.push({ answer: cedar[name]?.(...args) })
    } catch (error) {
      all.push({ died: String(error) })
      return all
    }
  }
  return all
}
