import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  asked,
  CODEX,
  chat,
  claude,
  codexTool,
  GEMINI,
  geminiPart,
  geminiTool,
  image,
  item,
  PATH,
  part,
  problem,
  tool,
  url,
} from '../../../../test/kit/model-requests.ts'
import type { ModelWayOut } from '../../../model/index.ts'
import type { ModelProvider } from './provider.ts'
import { ANTHROPIC } from './providers/anthropic.ts'
import { GOOGLE } from './providers/google.ts'
import { OPENAI } from './providers/openai.ts'

describe('ways out through a provider', () => {
  const closed: readonly (readonly [ModelProvider, ModelWayOut, place: string, body: object, path?: string])[] = [
    [ANTHROPIC, 'web_search', '$.tools[0].type', tool({ type: 'web_search_20260318', name: 'web_search' })],
    [ANTHROPIC, 'web_search', '$.tools[0].type', tool({ type: 'web_search_of_2031', name: 'web_search' })],
    [ANTHROPIC, 'web_fetch', '$.tools[0].type', tool({ type: 'web_fetch_20250910', name: 'web_fetch' })],
    [ANTHROPIC, 'code_execution', '$.tools[0].type', tool({ type: 'code_execution_20260521', name: 'code_execution' })],
    [ANTHROPIC, 'mcp', '$.tools[0].type', tool({ type: 'mcp_toolset', mcp_server_name: 's' })],
    [ANTHROPIC, 'mcp', '$.mcp_servers', claude({ mcp_servers: [{ type: 'url', url, name: 's' }] })],
    [ANTHROPIC, 'server-tools', '$.tools[0].type', tool({ type: 'advisor_20260301', name: 'advisor' })],
    [ANTHROPIC, 'stored', '$.thread', claude({ thread: { type: 'continue', id: 't' } })],
    [ANTHROPIC, 'code_execution', '$.container', claude({ container: 'c_1' })],
    [ANTHROPIC, 'url-sources', '$.messages[0].content[0].source.type', image({ type: 'url', url })],
    [ANTHROPIC, 'files', '$.messages[0].content[0].source.type', image({ type: 'file', file_id: 'f' })],
    [
      ...([ANTHROPIC, 'url-sources', '$.messages[0].content[0].content[0].source.type'] as const),
      claude({
        messages: [
          {
            role: 'user',
            content: [
              { type: 'tool_result', tool_use_id: 't', content: [{ type: 'document', source: { type: 'url', url } }] },
            ],
          },
        ],
      }),
    ],
    [
      ...([ANTHROPIC, 'web_fetch', '$.messages[0].content[0].tool.tool.type'] as const),
      claude({
        messages: [
          {
            role: 'system',
            content: [
              { type: 'tool_addition', tool: { type: 'tool_definition', tool: { type: 'web_fetch_20260318' } } },
            ],
          },
        ],
      }),
    ],
    [OPENAI, 'web_search', '$.tools[0].type', codexTool({ type: 'web_search', external_web_access: false })],
    [OPENAI, 'web_search', '$.tools[0].type', codexTool({ type: 'web_search_preview' })],
    [OPENAI, 'files', '$.tools[0].type', codexTool({ type: 'file_search', vector_store_ids: ['v'] })],
    [OPENAI, 'mcp', '$.tools[0].type', codexTool({ type: 'mcp', server_label: 's', server_url: url })],
    [OPENAI, 'code_execution', '$.tools[0].type', codexTool({ type: 'code_interpreter', container: { type: 'auto' } })],
    [
      ...([OPENAI, 'code_execution', '$.tools[0].environment.type'] as const),
      codexTool({ type: 'shell', environment: { type: 'container_auto' } }),
    ],
    [OPENAI, 'server-tools', '$.tools[0].type', codexTool({ type: 'image_generation' })],
    [
      ...([OPENAI, 'mcp', '$.tools[0].tools[0].type'] as const),
      codexTool({ type: 'namespace', name: 'n', description: '', tools: [{ type: 'mcp', server_url: url }] }),
    ],
    [
      OPENAI,
      'mcp',
      '$.input[0].tools[0].type',
      item({ type: 'additional_tools', role: 'developer', tools: [{ type: 'mcp' }] }),
    ],
    [OPENAI, 'stored', '$.input[0].type', item({ type: 'item_reference', id: 'i' })],
    [OPENAI, 'stored', '$.input[0]', item({ id: 'msg_1' })],
    [OPENAI, 'stored', '$.input[0]', item({ id: 'msg_1', type: null })],
    [OPENAI, 'stored', '$.input[0]', item({ id: 'rs_1', type: 'reasoning', summary: [] })],
    [OPENAI, 'stored', '$.input[0]', item({ id: 'cmp_1', type: 'compaction' })],
    [OPENAI, 'stored', '$.store', { ...CODEX, store: true }],
    [OPENAI, 'stored', '$.background', { ...CODEX, background: true }],
    [OPENAI, 'stored', '$.previous_response_id', { ...CODEX, previous_response_id: 'resp_1' }],
    [OPENAI, 'stored', '$.conversation', { ...CODEX, conversation: 'conv_1' }],
    [OPENAI, 'stored', '$.prompt', { ...CODEX, prompt: { id: 'p' } }],
    [OPENAI, 'url-sources', '$.input[0].content[0].image_url', part({ type: 'input_image', image_url: url })],
    [OPENAI, 'url-sources', '$.input[0].content[0].file_url', part({ type: 'input_file', file_url: url })],
    [OPENAI, 'files', '$.input[0].content[0].file_id', part({ type: 'input_file', file_id: 'f' })],
    [OPENAI, 'url-sources', '$.input[0].content[0].file_data', part({ type: 'input_file', file_data: url })],
    [
      ...([OPENAI, 'url-sources', '$.messages[0].content[0].file.file_data'] as const),
      chat({
        messages: [{ role: 'user', content: [{ type: 'file', file: { filename: 'a.pdf', file_data: 'gs://b/a' } }] }],
      }),
      '/v1/chat/completions',
    ],
    [
      ...([GOOGLE, 'url-sources', '$.contents[0].parts[0].inlineData.data'] as const),
      geminiPart({ inlineData: { mimeType: 'image/png', data: url } }),
    ],
    [OPENAI, 'web_search', '$.web_search_options', chat({ web_search_options: {} }), '/v1/chat/completions'],
    [OPENAI, 'stored', '$.store', chat({ store: true }), '/v1/chat/completions'],
    [
      ...([OPENAI, 'url-sources', '$.messages[0].content[0].image_url.url'] as const),
      chat({ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }] }),
      '/v1/chat/completions',
    ],
    [GOOGLE, 'web_search', '$.tools[0].googleSearch', geminiTool({ googleSearch: {} })],
    [GOOGLE, 'web_search', '$.tools[0].googleMaps', geminiTool({ googleMaps: {} })],
    [GOOGLE, 'web_fetch', '$.tools[0].urlContext', geminiTool({ urlContext: {} })],
    [GOOGLE, 'code_execution', '$.tools[0].codeExecution', geminiTool({ codeExecution: {} })],
    [GOOGLE, 'mcp', '$.tools[0].mcpServers', geminiTool({ mcpServers: [{ name: 's' }] })],
    [GOOGLE, 'files', '$.tools[0].fileSearch', geminiTool({ fileSearch: {} })],
    [GOOGLE, 'stored', '$.cachedContent', { ...GEMINI, cachedContent: 'cachedContents/c' }],
    [GOOGLE, 'url-sources', '$.contents[0].parts[0].fileData', geminiPart({ fileData: { fileUri: url } })],
    [
      ...([GOOGLE, 'files', '$.contents[0].parts[0].functionResponse.parts[0].fileData'] as const),
      geminiPart({ functionResponse: { name: 'n', parts: [{ fileData: { fileUri: url } }] } }),
    ],
  ]
  for (const [provider, wayOut, place, body, path = PATH[provider.name] ?? ''] of closed) {
    it(`MR3: ${provider.name} ${wayOut} at ${place} is refused, and passes once it is granted`, () => {
      assert.equal(problem(provider, path, body), `${place} is a way out (${wayOut}) that is not granted`)
      const judged = asked(provider, path, body, { granted: [wayOut] })
      assert.deepEqual(judged.waysOut, [wayOut])
      assert.equal(judged.inputTokensMax, undefined)
    })
  }

  it('S11: a way out whose path is written in another way than the one that rules see is refused', () => {
    const judged = (path: string) => problem(OPENAI, path, {}, { granted: ['files'], method: 'GET' })
    for (const path of ['/v1/files/file-1/%63ontent', '/v1/f%69les/file-1', '/v1/files/a%2Fb', '/v1/files/'])
      assert.match(judged(path), /has an escape that it needs not, or a slash within a segment or at its end/, path)
    assert.equal(judged('/v1/files/file-1/content'), 'accepted')
  })

  it('MR1: a path of the table in another spelling, or with another method, is none of them, whatever is granted', () => {
    const granted = ['admin', 'stored', 'files'] as const
    for (const [provider, path, method] of [
      [GOOGLE, '/v1beta/models/%67emini-3.6-flash:generateContent', 'POST'],
      [OPENAI, '/v1/responses/', 'POST'],
      [OPENAI, '/V1/responses', 'POST'],
      [OPENAI, '/v1/responses', 'PUT'],
      [ANTHROPIC, '/v1/messages', 'DELETE'],
      [ANTHROPIC, '/v1/files', 'PATCH'],
    ] as const)
      assert.match(
        problem(provider, path, {}, { granted, method }),
        /^(?:PUT|POST|DELETE|PATCH) \S+ is not known here$/,
        path,
      )
  })

  const paths: readonly (readonly [ModelProvider, string, ModelWayOut])[] = [
    [ANTHROPIC, '/v1/messages/batches', 'batches'],
    [ANTHROPIC, '/v1/files', 'files'],
    [ANTHROPIC, '/v1/skills', 'code_execution'],
    [ANTHROPIC, '/v1/organizations/api_keys', 'admin'],
    [ANTHROPIC, '/api/event_logging/batch', 'admin'],
    [OPENAI, '/v1/responses/resp_1', 'stored'],
    [OPENAI, '/v1/conversations', 'stored'],
    [OPENAI, '/v1/files', 'files'],
    [OPENAI, '/v1/files_of_all', 'admin'],
    [GOOGLE, '/v1beta/files:register', 'files'],
    [OPENAI, '/v1/vector_stores', 'files'],
    [OPENAI, '/v1/batches', 'batches'],
    [OPENAI, '/v1/containers', 'code_execution'],
    [OPENAI, '/v1/embeddings', 'admin'],
    [OPENAI, '/v2/anything', 'admin'],
    [GOOGLE, '/upload/v1beta/files', 'files'],
    [GOOGLE, '/v1beta/cachedContents', 'stored'],
    [GOOGLE, '/v1beta/interactions', 'stored'],
    [GOOGLE, '/v1beta/models/gemini-3.6-flash:batchGenerateContent', 'admin'],
  ]
  for (const [provider, path, wayOut] of paths) {
    it(`MR1: ${provider.name} ${path} is a way out (${wayOut})`, () => {
      assert.equal(problem(provider, path, {}), `POST ${path} is a way out (${wayOut}) that is not granted`)
      const judged = asked(provider, path, {}, { granted: [wayOut] })
      assert.deepEqual([judged.operation, judged.waysOut], ['way-out', [wayOut]])
    })
  }
})
