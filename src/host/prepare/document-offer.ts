import { readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { parse } from 'yaml'
import { type DocumentedOperation, readOpenApi } from '../../config/openapi/document.ts'
import type { Offered } from '../../gateway/inspect-main.ts'
import { type DescribedOperation, definitionOf } from '../../gateway/protocols/mcp/contract/definition.ts'
import { type Json, parseJson } from '../../model/index.ts'

/** The operations of a document as an upstream's offer, or why there are none. */
export type DocumentOffer =
  | (Exclude<Offered, { readonly problem: string }> & { readonly asRequests: true })
  | { readonly problem: string; readonly said: readonly string[] }

/** Bytes of a document: the largest that are published have ten million. */
const DOCUMENT_BYTES_MAX = 33_554_432

/**
 * Returns what an origin's OpenAPI document says that may be asked of it, each operation as a definition that a person can
 * accept; or why it cannot be read. What of it cannot be held is told with its place.
 */
export function documentOffer(path: string, origin: string): DocumentOffer {
  const read = textOf(path)
  if ('problem' in read) return { problem: `${basename(path)}: ${read.problem}`, said: [] }
  const { operations, problems } = readOpenApi(read.document, origin)
  const whole = problems.get('')
  if (whole !== undefined && operations.size === 0)
    return { problem: `${basename(path)}: ${whole.place} ${whole.problem}`, said: [] }
  return {
    tools: [...operations.values()].map((operation) => {
      const { name, input, answer, summary } = operation
      return definitionOf({
        ...{ name, input, hint: hintOf(operation) },
        ...(answer && { output: answer }),
        ...(summary !== undefined && { description: summary }),
      })
    }),
    prompts: [],
    revision: 'openapi',
    leaking: [],
    lost: [...problems].map(([name, { place, problem }]) => ({ name, why: `${place} ${problem}` })),
    notes: [],
    asRequests: true,
  }
}

function textOf(path: string): { readonly document: Json } | { readonly problem: string } {
  try {
    const { size } = statSync(path)
    if (size > DOCUMENT_BYTES_MAX) return { problem: `it has ${size} bytes; at most ${DOCUMENT_BYTES_MAX} are read` }
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path))
    // YAML holds JSON, and takes a hundred times as long.
    const value: unknown = /^\s*\{/.test(text) ? parseJson(text) : parse(text, { maxAliasCount: 100 })
    return { document: value as Json } // a YAML value that is none of JSON is no part of a document that is read
  } catch (error) {
    return { problem: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error) }
  }
}

/** Returns the likely effect of an operation: a query carries data out, and what is deleted is gone. */
function hintOf({ name, input }: DocumentedOperation): DescribedOperation['hint'] {
  const [method = ''] = name.split(' ')
  if (method === 'DELETE') return 'irreversible'
  const hasQuery = Object.hasOwn(Object(input.properties), 'query')
  return /^(?:GET|HEAD|OPTIONS)$/.test(method) && !hasQuery ? 'read' : 'write'
}
