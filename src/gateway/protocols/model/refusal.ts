import { Buffer } from 'node:buffer'
import type { ModelFault } from './judge.ts'
import type { ModelProvider } from './provider.ts'

/** An answer to a request that is not sent, in the words of its provider: clients show its sentence and stop. */
export interface ModelRefusal {
  readonly status: 400
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Uint8Array
}

/**
 * Puts a sentence into the shape in which a provider refuses. Always with status 400: it is the one after which no client
 * asks again.
 */
export function modelRefusal({ shape }: Pick<ModelProvider, 'shape'>, sentence: string): ModelRefusal {
  const body = Buffer.from(JSON.stringify(SHAPES[shape](sentence)))
  return {
    status: 400,
    headers: [
      ['content-type', 'application/json'],
      ['content-length', String(body.length)],
      ['cache-control', 'no-store'],
      // Read by the clients of two of the three.
      ['x-should-retry', 'false'],
    ],
    body,
  }
}

const SHAPES: Readonly<Record<ModelProvider['shape'], (message: string) => object>> = {
  anthropic: (message) => ({ type: 'error', error: { type: 'invalid_request_error', message } }),
  openai: (message) => ({
    error: { message, type: 'invalid_request_error', param: null, code: 'refused_by_firebreak' },
  }),
  google: (message) => ({ error: { code: 400, message, status: 'INVALID_ARGUMENT' } }),
}

/** Returns what is wrong with a request, for whoever reads the client's output. */
export function modelFaultText({ path, problem }: ModelFault): string {
  return `${path} ${problem}`
}
