import { isJsonObject, type JsonObject, type JsonPath } from '../../../../model/index.ts'
import type { Reading } from '../../../../policy/index.ts'
import type { Answer, Part } from '../../../pipeline/line.ts'
import { RPC } from '../rpc.ts'
import { masked } from './masked.ts'
import { errorReading, readingOf } from './reading.ts'

/** An MCP server's answer to one request: `{ result }` or `{ error }`. */
export class McpAnswer implements Answer {
  readonly said: JsonObject
  readonly failed: boolean
  #reading: Reading | undefined

  constructor(said: JsonObject, failed: boolean) {
    this.said = said
    this.failed = failed
  }

  get reading(): Reading {
    const { result, error } = this.said
    this.#reading ??= error === undefined ? readingOf(result ?? null) : errorReading(error)
    return this.#reading
  }

  without(mask: readonly JsonPath[]): McpAnswer {
    const { result } = this.said
    if (isJsonObject(result)) return new McpAnswer({ result: masked(result, mask) }, this.failed)
    return new McpAnswer(
      { error: { code: RPC.internalError, message: 'the upstream answered with an error' } },
      this.failed,
    )
  }
}

/** Progress or a log message of an MCP server (Base Protocol, "Notifications"). */
export class McpNotification implements Part {
  readonly method: string
  readonly said: JsonObject

  constructor(method: string, params: JsonObject) {
    this.method = method
    this.said = params
  }

  get ofAction(): boolean {
    return this.method === 'notifications/progress'
  }
}
