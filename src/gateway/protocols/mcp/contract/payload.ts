import { isJsonObject, type Json, type JsonObject, KEEP_INEXACT, parseExactJson } from '../../../../model/index.ts'
import type { Attempt } from '../../../pipeline/attempt.ts'
import type { PayloadReader } from '../../protocol.ts'
import { readMessage, sentFrom } from '../server/upstream-request.ts'

/** Reads what the ledger keeps of messages of MCP. */
export const mcpPayloads: PayloadReader = {
  argumentsIn(sent) {
    try {
      // Our own bytes, by their commitment.
      const request = parseExactJson(Buffer.from(sent).toString('utf8'), KEEP_INEXACT)
      return argumentsOf(isJsonObject(request) ? request.params : undefined)
    } catch {
      return undefined
    }
  },

  answerIn(received) {
    const message = readMessage(received)
    if (!message.ok || message.value.kind !== 'response') return undefined
    const sent = sentFrom(message.value, received)
    return sent.kind === 'answered' ? sent.answer : undefined
  },
}

/**
 * Returns the method and the parameters that an action is sent as. What was judged is what is sent (A2): parameters are
 * made of the arguments here and nowhere else, and `argumentsOf` reads them back.
 */
export function requestFor({
  operation,
  target,
  args,
}: Pick<Attempt, 'operation' | 'target' | 'args'>): [method: string, params: JsonObject] {
  if (operation === 'resource') return ['resources/read', args]
  return [operation === 'prompt' ? 'prompts/get' : 'tools/call', { name: target, arguments: args }]
}

/** Returns the arguments of a call, of a prompt, or of a read of a resource. */
function argumentsOf(params: Json | undefined): JsonObject | undefined {
  if (!isJsonObject(params)) return undefined
  if (typeof params.uri === 'string') return { uri: params.uri }
  const { arguments: args = {} } = params
  return isJsonObject(args) ? args : undefined
}
