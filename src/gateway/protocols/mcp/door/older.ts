import { isJsonObject, type Json, type JsonObject } from '../../../../model/index.ts'
import { type Revision, saysVersion } from '../revision.ts'

/**
 * Returns a result as a client of this revision can read it. 2025-03-26 and 2024-11-05 know neither structured content
 * nor links to resources, and 2024-11-05 no audio: what they have no member for is said in the members that they have.
 */
export function olderResult(revision: Revision, method: string, result: JsonObject): JsonObject {
  // Structured content came with the header that says the revision.
  if (saysVersion(revision)) return result
  if (method === 'tools/list') return { ...result, tools: listOf(result.tools).map(olderTool) }
  if (method === 'tools/call') return olderCall(revision, result)
  if (method === 'prompts/get')
    return { ...result, messages: listOf(result.messages).map((each) => olderMessage(revision, each)) }
  return result
}

function olderTool(tool: Json): Json {
  if (!isJsonObject(tool)) return tool
  const { outputSchema: _, title: __, ...known } = tool
  return known
}

/** Returns the result of a call for an older client; what a server says in structured content alone is said as text. */
function olderCall(revision: Revision, { structuredContent, ...result }: JsonObject): JsonObject {
  const content = listOf(result.content).map((block) => olderBlock(revision, block))
  if (content.length > 0 || structuredContent === undefined) return { ...result, content }
  return { ...result, content: [{ type: 'text', text: JSON.stringify(structuredContent) }] }
}

function olderMessage(revision: Revision, message: Json): Json {
  if (!isJsonObject(message) || message.content === undefined) return message
  return { ...message, content: olderBlock(revision, message.content) }
}

function olderBlock(revision: Revision, block: Json): Json {
  if (!isJsonObject(block)) return block
  if (block.type === 'resource_link') {
    const named = [block.title ?? block.name, block.description].filter((text) => typeof text === 'string')
    return { type: 'text', text: [...named, String(block.uri)].join('\n') }
  }
  if (block.type !== 'audio' || revision !== '2024-11-05') return block
  const { data = '', mimeType = 'application/octet-stream' } = block
  return { type: 'resource', resource: { uri: 'audio:', mimeType, blob: data } }
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : []
}
