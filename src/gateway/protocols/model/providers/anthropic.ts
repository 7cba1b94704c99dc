import type { ModelPath, ModelProvider } from '../provider.ts'
import { ANY, anyBut, closed, dearer, FLAG, list, NUMBER, object, type RequestShape, TEXT } from '../shape.ts'

/** The Messages API as `@anthropic-ai/sdk` 1.14.0 has it, betas included. */
const CACHE = anyBut({ ttl: dearer('long-cache', TEXT, ['5m']) })

const CACHED = { cache_control: CACHE }

const TEXT_BLOCK: RequestShape = object({ type: TEXT, text: TEXT, citations: ANY, ...CACHED })

const TEXTS: RequestShape = { kind: 'text-or', other: list(TEXT_BLOCK) }

const BASE64: RequestShape = {
  kind: 'inline',
  typeAt: 'media_type',
  members: { type: TEXT, media_type: TEXT, data: { kind: 'base64' } },
}

const SOURCE: RequestShape = {
  kind: 'tagged',
  by: 'type',
  types: {
    base64: BASE64,
    text: object({ type: TEXT, media_type: TEXT, data: TEXT }),
    content: object({ type: TEXT, content: { kind: 'text-or', other: list(() => BLOCK) } }),
    url: closed('url-sources'),
    file: closed('files'),
  },
}

/** Definitions of tools. Those with a schema run at the client, and so do these of the vendor's. */
const CLIENT_TOOL: RequestShape = object({
  ...{ type: TEXT, name: TEXT, description: TEXT, input_schema: ANY, input_examples: ANY },
  ...{ strict: FLAG, defer_loading: FLAG, eager_input_streaming: FLAG, allowed_callers: list(TEXT) },
  ...{ display_width_px: NUMBER, display_height_px: NUMBER, display_number: NUMBER, enable_zoom: FLAG },
  ...{ max_characters: NUMBER, configs: ANY },
  ...CACHED,
})

const TOOL: RequestShape = {
  kind: 'tagged',
  by: 'type',
  absent: 'custom',
  tools: true,
  types: {
    custom: CLIENT_TOOL,
    'bash_*': CLIENT_TOOL,
    'text_editor_*': CLIENT_TOOL,
    'computer_20*': CLIENT_TOOL,
    'computer_toolset_*': CLIENT_TOOL,
    'browser_toolset_*': CLIENT_TOOL,
    'memory_*': CLIENT_TOOL,
    // Searches among the tools of the request itself, at the provider.
    'tool_search_tool_*': dearer('rounds', CLIENT_TOOL),
    'web_search*': closed('web_search'),
    'web_fetch*': closed('web_fetch'),
    'code_execution*': closed('code_execution'),
    'bash_code_execution*': closed('code_execution'),
    mcp_toolset: closed('mcp'),
    'advisor*': closed('server-tools'),
  },
}

/** Changes of the tools within a conversation: a definition among them is one as any other. */
const TOOL_CHANGE: RequestShape = object({
  type: TEXT,
  tool: {
    kind: 'tagged',
    by: 'type',
    types: {
      tool_reference: ANY,
      tool_definition: object({ type: TEXT, tool: TOOL, ...CACHED }),
      mcp_tool_reference: closed('mcp'),
      mcp_toolset_reference: closed('mcp'),
    },
  },
  ...CACHED,
})

const SERVER_RESULT: RequestShape = object({
  ...{ type: TEXT, tool_use_id: TEXT, content: ANY, caller: ANY, ...CACHED },
})

const BLOCK: RequestShape = {
  kind: 'tagged',
  by: 'type',
  types: {
    text: TEXT_BLOCK,
    image: object({ type: TEXT, source: SOURCE, transformations: ANY, ...CACHED }),
    document: object({ type: TEXT, source: SOURCE, title: TEXT, context: TEXT, citations: ANY, ...CACHED }),
    search_result: object({
      type: TEXT,
      source: TEXT,
      title: TEXT,
      content: list(TEXT_BLOCK),
      citations: ANY,
      ...CACHED,
    }),
    thinking: object({ type: TEXT, thinking: TEXT, signature: TEXT, ...CACHED }),
    redacted_thinking: object({ type: TEXT, data: TEXT, ...CACHED }),
    tool_use: object({ type: TEXT, id: TEXT, name: TEXT, input: ANY, caller: ANY, toolset_name: TEXT, ...CACHED }),
    tool_result: object({
      ...{ type: TEXT, tool_use_id: TEXT, is_error: FLAG, toolset_name: TEXT, ...CACHED },
      content: { kind: 'text-or', other: list(() => BLOCK) },
    }),
    tool_reference: object({ type: TEXT, tool_name: TEXT, ...CACHED }),
    browser_state: ANY,
    tool_addition: TOOL_CHANGE,
    tool_removal: TOOL_CHANGE,
    compaction: object({ type: TEXT, content: TEXT, encrypted_content: TEXT, signature: TEXT, ...CACHED }),
    // What server-side tools said earlier stands in the conversation as text; it asks for nothing.
    server_tool_use: object({ type: TEXT, id: TEXT, name: TEXT, input: ANY, caller: ANY, ...CACHED }),
    web_search_tool_result: SERVER_RESULT,
    web_fetch_tool_result: closed('web_fetch'),
    tool_search_tool_result: SERVER_RESULT,
    code_execution_tool_result: closed('code_execution'),
    bash_code_execution_tool_result: closed('code_execution'),
    text_editor_code_execution_tool_result: closed('code_execution'),
    container_upload: closed('files'),
    mcp_tool_use: closed('mcp'),
    mcp_tool_result: closed('mcp'),
    mcp_tool_listing: closed('mcp'),
    advisor_tool_result: closed('server-tools'),
  },
}

/** Edits of a long conversation, which leave parts of it out or sum them up. A kind that is not named here may ask the model again, and is refused. */
const CONTEXT: RequestShape = object({
  edits: list({
    kind: 'tagged',
    by: 'type',
    types: { 'clear_tool_uses_*': ANY, 'clear_thinking_*': ANY, 'compact_*': dearer('sums', ANY) },
  }),
})

const MESSAGE: RequestShape = object({
  ...{ role: TEXT, content: { kind: 'text-or', other: list(BLOCK) }, clear_at: TEXT, output_config: ANY },
})

const COUNTED = {
  ...{ model: TEXT, messages: list(MESSAGE), system: TEXTS, tools: list(TOOL), tool_choice: ANY, thinking: ANY },
  ...{ output_config: ANY, output_format: ANY, context_management: CONTEXT, speed: TEXT, ...CACHED },
  compaction: dearer('sums', ANY),
  mcp_servers: closed('mcp'),
}

const CREATED = {
  ...COUNTED,
  ...{
    max_tokens: NUMBER,
    stream: FLAG,
    stop_sequences: list(TEXT),
    temperature: NUMBER,
    top_p: NUMBER,
    top_k: NUMBER,
  },
  ...{ metadata: object({ user_id: TEXT }), service_tier: TEXT, inference_geo: TEXT },
  // Names the last answer, whose prompt is compared with this one: nothing of it is read.
  diagnostics: object({ previous_message_id: TEXT }),
  thread: closed('stored'),
  container: closed('code_execution'),
}

const BETA = { beta: /^true$/ }

const PATHS: readonly ModelPath[] = [
  {
    ...{ method: 'POST', path: '/v1/messages', operation: 'generate', api: 'messages', query: BETA },
    ...{ body: object(CREATED), outputAt: [['max_tokens']] },
  },
  {
    ...{ method: 'POST', path: '/v1/messages/count_tokens', operation: 'count', api: 'messages', query: BETA },
    body: object(COUNTED),
  },
  {
    ...{ method: 'GET', path: '/v1/models', operation: 'models', api: 'messages' },
    query: { ...BETA, limit: /^\d{1,4}$/, after_id: /^[\w.:-]{1,128}$/, before_id: /^[\w.:-]{1,128}$/ },
  },
  { method: 'GET', path: '/v1/models/{model}', operation: 'models', api: 'messages', query: BETA },
]

/**
 * Values of `anthropic-beta` that change how an answer is made, and open nothing: those of claude 2.1.332 and of the SDK.
 * Not among them: what is kept at the provider (threads, files, skills, memory), runs there (code, MCP, advisor, search) or
 * asks another model (fallbacks).
 */
const BETAS: ReadonlySet<string> = new Set([
  ...['claude-code-20250219', 'oauth-2025-04-20', 'interleaved-thinking-2025-05-14', 'context-1m-2025-08-07'],
  ...['context-management-2025-06-27', 'structured-outputs-2025-11-13', 'structured-outputs-2025-12-15'],
  ...['advanced-tool-use-2025-11-20', 'tool-search-tool-2025-10-19', 'effort-2025-11-24', 'task-budgets-2026-03-13'],
  ...['prompt-caching-2024-07-31', 'prompt-caching-scope-2026-01-05', 'prompt-caching-evict-2026-05-12'],
  ...['cache-keepalive-2026-09-03', 'extended-cache-ttl-2025-04-11', 'cache-diagnosis-2026-04-07'],
  ...['fast-mode-2026-02-01', 'redact-thinking-2026-02-12', 'thinking-token-count-2026-05-13'],
  ...['thinking-display-updates-2026-08-18', 'thinking-binding-controls-2026-08-01', 'dev-full-thinking-2025-05-14'],
  ...[
    'mid-conversation-system-2026-04-07',
    'mid-conversation-system-clear-at-2026-08-21',
    'per-turn-control-2026-07-01',
  ],
  ...[
    'mid-conversation-tool-changes-2026-07-01',
    'mid-conversation-output-config-2026-07-01',
    'inline-tools-2026-09-15',
  ],
  ...['timing-2026-09-09', 'fine-grained-tool-streaming-2025-05-14', 'token-efficient-tools-2025-02-19'],
  ...['token-counting-2024-11-01', 'pdfs-2024-09-25', 'output-128k-2025-02-19', 'output-300k-2026-03-24'],
  ...['compact-2026-01-12', 'compact-2026-09-04', 'model-context-window-exceeded-2025-08-26'],
  ...['computer-use-2024-10-22', 'computer-use-2025-01-24', 'computer-use-2025-11-24'],
])

export const ANTHROPIC: ModelProvider = {
  name: 'anthropic',
  version: '2026-11-30.2',
  shape: 'anthropic',
  headers: [
    'accept',
    'content-type',
    'user-agent',
    'anthropic-version',
    'anthropic-dangerous-direct-browser-access',
    'x-app',
  ],
  approvedHeaders: [['anthropic-version', '2023-06-01']],
  betas: { header: 'anthropic-beta', values: BETAS, reading: new Map([['context-1m-2025-08-07', 1_000_000]]) },
  credentialsInQuery: [],
  paths: PATHS,
  closed: [
    ['/v1/messages/batches', 'batches'],
    ['/v1/files', 'files'],
    ['/v1/skills', 'code_execution'],
    ['/v1/environments', 'code_execution'],
    ['/v1/', 'admin'],
    ['/api/', 'admin'],
  ],
}
