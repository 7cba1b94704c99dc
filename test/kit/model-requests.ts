/** Requests as the clients of models send them, and how they are judged in tests. */
import assert from 'node:assert/strict'
import { judgeModelRequest, type ModelAsked } from '../../src/gateway/protocols/model/judge.ts'
import type { ModelProvider } from '../../src/gateway/protocols/model/provider.ts'
import { modelFaultText } from '../../src/gateway/protocols/model/refusal.ts'
import { readTarget } from '../../src/gateway/web/request-target.ts'
import type { Json, ModelWayOut } from '../../src/model/index.ts'

interface Given {
  readonly method?: string
  readonly headers?: readonly (readonly [string, string])[]
  readonly granted?: readonly ModelWayOut[]
  /** Headers that the owner puts in. */
  readonly injected?: readonly string[]
  /** Tokens that its model reads. */
  readonly inputTokens?: number
}

export function judge(
  provider: ModelProvider,
  target: string,
  body: unknown,
  { method, headers = [], granted = [], injected = [], inputTokens = 1_000_000 }: Given = {},
) {
  const read = readTarget(target)
  assert.ok(read.ok, target)
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const request = {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    target: read.value,
    headers: [...(body === undefined ? [] : [['content-type', 'application/json'] as const]), ...headers],
    body: body === undefined ? undefined : new TextEncoder().encode(text),
  }
  const limits = { inputTokensMax: inputTokens, outputTokensMax: 1_000 }
  return judgeModelRequest(provider, request, {
    ...{ granted: new Set(granted), injected: new Set(injected) },
    limitsOf: () => limits,
  })
}

export function asked(...given: Parameters<typeof judge>): ModelAsked {
  const judged = judge(...given)
  assert.ok(judged.ok, judged.ok ? '' : modelFaultText(judged.reason))
  return judged.value
}

export const problem = (...given: Parameters<typeof judge>) => {
  const judged = judge(...given)
  return judged.ok ? 'accepted' : modelFaultText(judged.reason)
}

export const sentBody = ({ sent }: ModelAsked): Json => JSON.parse(new TextDecoder().decode(sent.body))

export const SCHEMA = { type: 'object', properties: { path: { type: 'string', maxLength: 9007199254740991 } } }

/** What claude 2.1 sends first, but for the length of its texts. */
export const CLAUDE = {
  model: 'claude-opus-5-5',
  messages: [
    {
      role: 'user',
      content: [{ type: 'text', text: 'list the files', cache_control: { type: 'ephemeral', ttl: '1h' } }],
    },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: '…', signature: 'c2ln' },
        { type: 'tool_use', id: 'toolu_1', name: 'Bash', input: { command: 'ls' } },
      ],
    },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'README.md', is_error: false }] },
  ],
  system: [{ type: 'text', text: 'You are a coding agent.', cache_control: { type: 'ephemeral' } }],
  tools: [{ name: 'Bash', description: 'Runs a command', input_schema: SCHEMA, eager_input_streaming: true }],
  metadata: { user_id: '{"device_id":"d"}' },
  max_tokens: 128_000,
  thinking: { type: 'adaptive' },
  output_config: { effort: 'high' },
  context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
  diagnostics: { previous_message_id: null },
  stream: true,
}

/** What codex sends: no bound of its output, its tools by four types. */
export const CODEX = {
  model: 'gpt-5.6-sol',
  instructions: 'You are Codex.',
  input: [
    { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'rules' }] },
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'list the files' }] },
    { type: 'reasoning', summary: [], content: null, encrypted_content: 'ZQ==' },
    { type: 'function_call', name: 'shell', arguments: '{}', call_id: 'call_1' },
    { type: 'function_call_output', call_id: 'call_1', output: 'README.md' },
  ],
  tools: [
    { type: 'function', name: 'shell', description: 'Runs', strict: false, parameters: SCHEMA },
    {
      type: 'custom',
      name: 'apply_patch',
      description: 'Edits',
      format: { type: 'grammar', syntax: 'lark', definition: 'a' },
    },
    {
      type: 'namespace',
      name: 'files',
      description: 'Files',
      tools: [{ type: 'function', name: 'read', parameters: {} }],
    },
    { type: 'tool_search', execution: 'client', description: 'Searches', parameters: {} },
  ],
  tool_choice: 'auto',
  parallel_tool_calls: true,
  reasoning: { effort: 'medium', summary: 'auto' },
  store: false,
  stream: true,
  include: ['reasoning.encrypted_content'],
  prompt_cache_key: '019a',
  client_metadata: { session: 's' },
}

export const GEMINI = {
  contents: [
    { role: 'user', parts: [{ text: 'list the files' }] },
    { role: 'model', parts: [{ functionCall: { name: 'ls', args: {} }, thoughtSignature: 'c2ln' }] },
    { role: 'user', parts: [{ functionResponse: { id: 'ls-1', name: 'ls', response: { output: 'README.md' } } }] },
  ],
  systemInstruction: { role: 'user', parts: [{ text: 'You are an agent.' }] },
  tools: [{ functionDeclarations: [{ name: 'ls', description: 'Lists', parametersJsonSchema: SCHEMA }] }],
  generationConfig: { temperature: 1, topP: 0.95, topK: 64, thinkingConfig: { includeThoughts: true } },
}

export const CHAT = {
  model: 'gpt-5.4',
  messages: [
    { role: 'system', content: 'You are an agent.' },
    { role: 'user', content: [{ type: 'text', text: 'list' }] },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'ls', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: 'c', content: 'README.md' },
  ],
  tools: [{ type: 'function', function: { name: 'ls', parameters: SCHEMA, strict: false } }],
  stream: true,
  stream_options: { include_usage: true },
}

export const MESSAGES = '/v1/messages?beta=true'
export const STREAM = '/v1beta/models/gemini-3.6-flash:streamGenerateContent?alt=sse'

export const image = (source: object) => ({
  ...CLAUDE,
  messages: [{ role: 'user', content: [{ type: 'image', source }] }],
})
export const claude = (more: object) => ({ ...CLAUDE, ...more })
export const tool = (tools: object) => ({ ...CLAUDE, tools: [tools] })
export const part = (content: object) => ({ ...CODEX, input: [{ role: 'user', content: [content] }] })
export const item = (content: object) => ({ ...CODEX, input: [content] })
export const codexTool = (content: object) => ({ ...CODEX, tools: [content] })
export const chat = (more: object) => ({ ...CHAT, ...more })
export const geminiTool = (content: object) => ({ ...GEMINI, tools: [content] })
export const geminiPart = (content: object) => ({ contents: [{ parts: [content] }] })
export const url = 'https://attacker.example/?q=secret'
export const PATH: Readonly<Record<string, string>> = { anthropic: MESSAGES, openai: '/v1/responses', google: STREAM }
