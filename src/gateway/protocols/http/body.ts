import type { Readable } from 'node:stream'
import { type Json, type JsonObject, LIMITS, no, ok, type Result } from '../../../model/index.ts'
import { FROM_CELL, jsonFaultText, parseStrictJson } from '../../content/strict-json.ts'
import { GrowingBytes } from '../../fairness/growing-bytes.ts'
import type { Room } from '../../fairness/room.ts'
import { type RequestTarget, readTarget } from '../../web/request-target.ts'
import type { WebRequest } from '../../web/web-request.ts'

/** The body of a request: read whole and judged as arguments, or passed on as it comes. */
export type WebBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'judged'; readonly bytes: Uint8Array; readonly value: Json }
  | { readonly kind: 'streamed'; readonly type: string; readonly length: number | undefined }

export const TOO_LARGE = tooLargeText(LIMITS.judgedBodyBytesMax)

function tooLargeText(bytesMax: number): string {
  return `it has more than ${bytesMax} bytes`
}

/**
 * Reads a body that says JSON or a form, and leaves any other to be passed on. The error says what is wrong with it.
 * What a body that is judged takes of the room is given back by whoever gets it; of any other nothing stays taken.
 */
export async function readWebBody(request: WebRequest, room: Room): Promise<Result<WebBody, string>> {
  const { hasBody, body, headers, length } = request
  if (!hasBody) {
    body.resume()
    return ok({ kind: 'none' })
  }
  const types = headers.filter(([name]) => name === 'content-type').map(([, value]) => value)
  if (types.length > 1) return no('it has two content types')
  const [type = '', ...parameters] = (types[0] ?? '').toLowerCase().split(';')
  const form = formOf(type)
  if (form === undefined) return ok({ kind: 'streamed', type: type.trim(), length })
  if (headers.some(([name, value]) => name === 'content-encoding' && value.toLowerCase() !== 'identity'))
    return no('its body is encoded, and cannot be judged')
  // Some servers read a body by what this says, and it would say there what it does not here.
  if (parameters.some((each) => /^\s*charset\b/.test(each) && !/^\s*charset="?(?:utf-?8|us-ascii)"?\s*$/.test(each)))
    return no('its body is in other characters than UTF-8, and cannot be judged')
  const bytes = await readWhole(body, { length, room, bytesMax: LIMITS.judgedBodyBytesMax })
  if (!bytes.ok) return bytes
  const judged = judgedValue(form, bytes.value)
  if (judged.ok) return ok({ kind: 'judged', bytes: bytes.value, value: judged.value })
  room.give(bytes.value.length)
  return judged
}

/** Returns the form of a body that is judged, by its content type; undefined of any other. */
function formOf(type: string): 'json' | 'form' | undefined {
  const plain = type.trim().toLowerCase()
  if (/^application\/(?:[a-z0-9.-]+\+)?json$/.test(plain)) return 'json'
  return plain === 'application/x-www-form-urlencoded' ? 'form' : undefined
}

/** Reads a body that was judged once, by its content type; undefined of one that passed on as it came. */
export function bodyIn(type: string, bytes: Uint8Array): Result<Json, string> | undefined {
  const form = formOf(type.split(';')[0] ?? '')
  return form === undefined ? undefined : judgedValue(form, bytes)
}

function judgedValue(form: 'json' | 'form', bytes: Uint8Array): Result<Json, string> {
  if (form === 'form') return formIn(bytes)
  if (bytes.length === 0) return ok(null)
  const json = parseStrictJson(bytes, FROM_CELL)
  return json.ok ? json : no(`its body: ${jsonFaultText(json.reason)}`)
}

export interface WholeBody {
  /** Bytes that its sender says that it has. */
  readonly length: number | undefined
  readonly room: Room
  readonly bytesMax: number
}

/** Reads a body whole; what it takes of the room is given back by whoever gets it. The error says what is wrong. */
export function readWhole(
  body: Readable,
  { length = 0, room, bytesMax }: WholeBody,
): Promise<Result<Uint8Array, string>> {
  const tooLarge = tooLargeText(bytesMax)
  if (length > bytesMax) {
    body.resume()
    return Promise.resolve(no(tooLarge))
  }
  return new Promise((resolve) => {
    const bytes = new GrowingBytes()
    let over = false
    const give = (problem: string) => {
      if (over) return
      over = true
      body.removeAllListeners('data').resume()
      room.give(bytes.length)
      resolve(no(problem))
    }
    body.on('data', (piece: Uint8Array) => {
      if (bytes.length + piece.length > bytesMax) return give(tooLarge)
      if (!room.take(piece.length)) return give('too much is being read of its cell at once')
      bytes.push(piece)
    })
    body.once('end', () => {
      if (over) return
      over = true
      resolve(ok(bytes.take()))
    })
    body.once('close', () => give('it broke off'))
  })
}

function formIn(bytes: Uint8Array): Result<Json, string> {
  const target = readTarget(`/?${Buffer.from(bytes).toString('latin1')}`)
  if (!target.ok) return no(target.reason.replace('its target', 'its form').replace('its query', 'its form'))
  return ok(queryOf(target.value).query ?? {})
}

/** Returns a query as arguments: a name that stands there several times has a list. */
export function queryOf({ parameters }: RequestTarget): { readonly query?: JsonObject } {
  if (parameters.length === 0) return {}
  const found = new Map<string, Json[]>()
  for (const [name, value] of parameters) found.set(name, [...(found.get(name) ?? []), value])
  return { query: Object.fromEntries([...found].map(([name, all]) => [name, all.length === 1 ? (all[0] ?? '') : all])) }
}
