import type { ModelPath, ModelProvider } from '../provider.ts'
import { ANY, anyBut, closed, dearer, FLAG, item, list, NUMBER, object, type RequestShape, TEXT } from '../shape.ts'

/** The Responses and Chat Completions APIs as `openai` 6.49.0 has them. */
const CACHED = { prompt_cache_breakpoint: ANY }

const FUNCTION: RequestShape = object({
  ...{ type: TEXT, name: TEXT, description: TEXT, parameters: ANY, strict: FLAG, output_schema: ANY },
  ...{ defer_loading: FLAG, allowed_callers: list(TEXT), format: ANY },
})

const TOOL_SEARCH: RequestShape = object({ type: TEXT, description: TEXT, execution: TEXT, parameters: ANY })

const TOOL: RequestShape = {
  kind: 'tagged',
  by: 'type',
  tools: true,
  types: {
    function: FUNCTION,
    custom: FUNCTION,
    namespace: object({ type: TEXT, name: TEXT, description: TEXT, tools: list(() => TOOL) }),
    local_shell: object({ type: TEXT }),
    shell: object({
      ...{ type: TEXT, allowed_callers: list(TEXT) },
      // In a container the provider runs what the model writes; without one the client does.
      environment: {
        kind: 'tagged',
        by: 'type',
        types: { local: ANY, container_auto: closed('code_execution'), container_reference: closed('code_execution') },
      },
    }),
    apply_patch: object({ type: TEXT, allowed_callers: list(TEXT) }),
    computer: object({ type: TEXT }),
    computer_use_preview: object({ type: TEXT, display_width: NUMBER, display_height: NUMBER, environment: TEXT }),
    // Searches among the tools of the request itself: at the client, or at the provider.
    tool_search: {
      kind: 'tagged',
      by: 'execution',
      absent: 'server',
      types: { client: TOOL_SEARCH, server: dearer('rounds', TOOL_SEARCH) },
    },
    'web_search*': closed('web_search'),
    file_search: closed('files'),
    code_interpreter: closed('code_execution'),
    programmatic_tool_calling: closed('code_execution'),
    mcp: closed('mcp'),
    image_generation: closed('server-tools'),
  },
}

const CONTENT: RequestShape = {
  kind: 'tagged',
  by: 'type',
  types: {
    input_text: object({ type: TEXT, text: TEXT, ...CACHED }),
    output_text: object({ type: TEXT, text: TEXT, annotations: ANY, logprobs: ANY }),
    text: object({ type: TEXT, text: TEXT }),
    summary_text: object({ type: TEXT, text: TEXT }),
    reasoning_text: object({ type: TEXT, text: TEXT }),
    refusal: object({ type: TEXT, refusal: TEXT }),
    input_image: object({
      ...{ type: TEXT, detail: TEXT, image_url: { kind: 'data-url' }, file_id: closed('files'), ...CACHED },
    }),
    computer_screenshot: object({ type: TEXT, image_url: { kind: 'data-url' }, file_id: closed('files') }),
    input_file: object({
      ...{ type: TEXT, detail: TEXT, filename: TEXT, file_data: { kind: 'document' }, ...CACHED },
      ...{ file_url: closed('url-sources'), file_id: closed('files') },
    }),
  },
}

const CONTENTS: RequestShape = { kind: 'text-or', other: list(CONTENT) }

const STATED = {
  ...{ type: TEXT, id: TEXT, call_id: TEXT, status: TEXT, caller: ANY },
  // What codex notes beside its items, for itself.
  internal_chat_message_metadata_passthrough: ANY,
}

const ITEM: RequestShape = {
  kind: 'tagged',
  by: 'type',
  absent: 'message',
  types: {
    message: item({ ...STATED, role: TEXT, content: CONTENTS, phase: TEXT }, ['role', 'content']),
    reasoning: item(
      { ...STATED, summary: list(CONTENT), content: list(CONTENT), encrypted_content: TEXT },
      ['encrypted_content'],
      ['content'],
    ),
    function_call: item({ ...STATED, name: TEXT, namespace: TEXT, arguments: TEXT }, ['name', 'arguments']),
    function_call_output: item({ ...STATED, output: CONTENTS }, ['output']),
    custom_tool_call: item({ ...STATED, name: TEXT, namespace: TEXT, input: TEXT }, ['name', 'input']),
    custom_tool_call_output: item({ ...STATED, name: TEXT, output: CONTENTS }, ['output']),
    local_shell_call: item({ ...STATED, action: ANY }, ['action']),
    local_shell_call_output: item({ ...STATED, output: ANY }, ['output']),
    shell_call: item(
      {
        ...{ ...STATED, action: ANY },
        environment: {
          kind: 'tagged',
          by: 'type',
          types: { local: ANY, container_reference: closed('code_execution') },
        },
      },
      ['action'],
    ),
    shell_call_output: item({ ...STATED, output: ANY, max_output_length: NUMBER }, ['output']),
    apply_patch_call: item({ ...STATED, operation: ANY }, ['operation']),
    // What came of a patch says its status alone, where nothing went wrong.
    apply_patch_call_output: item({ ...STATED, output: ANY }, ['output'], ['call_id', 'status']),
    computer_call: item(
      { ...STATED, action: ANY, actions: ANY, pending_safety_checks: ANY },
      ['call_id', 'action'],
      ['call_id', 'actions'],
    ),
    computer_call_output: item({ ...STATED, output: CONTENT, acknowledged_safety_checks: ANY }, ['output']),
    tool_search_call: item({ ...STATED, arguments: ANY, execution: TEXT }, ['arguments']),
    tool_search_output: item({ ...STATED, tools: list(TOOL), execution: TEXT }, ['tools']),
    additional_tools: item({ ...STATED, role: TEXT, tools: list(TOOL) }, ['tools']),
    compaction: item({ ...STATED, encrypted_content: TEXT }, ['encrypted_content']),
    compaction_trigger: dearer('sums', object({ type: TEXT })),
    // What a search said earlier stands in the conversation; it asks for nothing.
    web_search_call: item({ ...STATED, action: ANY }, ['action']),
    item_reference: closed('stored'),
    file_search_call: closed('files'),
    code_interpreter_call: closed('code_execution'),
    program: closed('code_execution'),
    program_output: closed('code_execution'),
    image_generation_call: closed('server-tools'),
    'mcp_*': closed('mcp'),
  },
}

const TUNED = {
  ...{ model: TEXT, stream: FLAG, stream_options: ANY, temperature: NUMBER, top_p: NUMBER, top_logprobs: NUMBER },
  ...{ tool_choice: ANY, parallel_tool_calls: FLAG, metadata: ANY, user: TEXT, safety_identifier: TEXT },
  ...{ service_tier: TEXT, prompt_cache_key: TEXT },
  prompt_cache_retention: dearer('long-cache', TEXT, ['in-memory', 'in_memory']),
  prompt_cache_options: anyBut({ ttl: dearer('long-cache', TEXT, ['30m']) }),
  store: { kind: 'closed', wayOut: 'stored', value: true } as const,
}

/** In another mode than the standard one a model answers several times over. */
const REASONING: RequestShape = anyBut({ mode: dearer('rounds', TEXT, ['standard']) })

const RESPONSE: RequestShape = object({
  ...TUNED,
  ...{
    input: { kind: 'text-or', other: list(ITEM) },
    instructions: TEXT,
    max_output_tokens: NUMBER,
    tools: list(TOOL),
  },
  ...{
    reasoning: REASONING,
    text: ANY,
    truncation: TEXT,
    include: list(TEXT),
    context_management: list({ kind: 'tagged', by: 'type', types: { compaction: dearer('sums', ANY) } }),
    client_metadata: ANY,
  },
  background: { kind: 'closed', wayOut: 'stored', value: true },
  previous_response_id: closed('stored'),
  conversation: closed('stored'),
  prompt: closed('stored'),
})

const PART: RequestShape = {
  kind: 'tagged',
  by: 'type',
  types: {
    text: object({ type: TEXT, text: TEXT, cache_control: ANY, ...CACHED }),
    refusal: object({ type: TEXT, refusal: TEXT }),
    image_url: object({ type: TEXT, image_url: object({ url: { kind: 'data-url' }, detail: TEXT }), ...CACHED }),
    file: object({
      ...{ type: TEXT, ...CACHED },
      file: object({ filename: TEXT, file_data: { kind: 'document' }, file_id: closed('files') }),
    }),
  },
}

const CHAT_MESSAGE: RequestShape = object({
  ...{ role: TEXT, name: TEXT, content: { kind: 'text-or', other: list(PART) }, refusal: TEXT, tool_call_id: TEXT },
  ...{ function_call: ANY, reasoning_content: TEXT, reasoning: ANY, reasoning_details: ANY },
  tool_calls: list({ kind: 'tagged', by: 'type', types: { function: ANY, custom: ANY } }),
})

const CHAT_TOOL: RequestShape = {
  kind: 'tagged',
  by: 'type',
  tools: true,
  types: {
    function: object({ type: TEXT, function: FUNCTION, cache_control: ANY }),
    custom: object({ type: TEXT, custom: FUNCTION }),
    'web_search*': closed('web_search'),
    mcp: closed('mcp'),
    'code_*': closed('code_execution'),
    file_search: closed('files'),
  },
}

const CHAT: RequestShape = object({
  ...TUNED,
  ...{
    messages: list(CHAT_MESSAGE),
    max_completion_tokens: NUMBER,
    max_tokens: NUMBER,
    n: NUMBER,
    stop: ANY,
    seed: NUMBER,
  },
  ...{ frequency_penalty: NUMBER, presence_penalty: NUMBER, logit_bias: ANY, logprobs: FLAG, response_format: ANY },
  ...{ reasoning_effort: TEXT, verbosity: TEXT, tools: list(CHAT_TOOL), function_call: ANY },
  functions: list({ kind: 'tagged', by: 'type', absent: 'function', tools: true, types: { function: FUNCTION } }),
  web_search_options: closed('web_search'),
})

const ASKED = { method: 'POST', operation: 'generate' } as const

const CHAT_PATH: Omit<ModelPath, 'outputAt'> = {
  ...{ ...ASKED, path: '/v1/chat/completions', api: 'chat', body: CHAT, answersAt: ['n'] },
}

const MODELS: readonly ModelPath[] = [
  { method: 'GET', path: '/v1/models', operation: 'models', api: 'chat' },
  { method: 'GET', path: '/v1/models/{model}', operation: 'models', api: 'chat' },
]

export const OPENAI: ModelProvider = {
  name: 'openai',
  version: '2026-11-30.2',
  shape: 'openai',
  headers: ['accept', 'content-type', 'user-agent', 'originator', 'version', 'session_id', 'conversation_id'],
  credentialsInQuery: [],
  paths: [
    {
      ...{ ...ASKED, path: '/v1/responses', api: 'responses', body: RESPONSE, outputAt: [['max_output_tokens']] },
      // Kept for thirty days, and at the price that the account is set to, unless told otherwise.
      explicit: { store: false, service_tier: 'default' },
    },
    // Sums a conversation up; nothing bounds what it answers but its model.
    {
      ...ASKED,
      path: '/v1/responses/compact',
      api: 'responses',
      body: RESPONSE,
      explicit: { service_tier: 'default' },
    },
    { ...ASKED, path: '/v1/responses/input_tokens', operation: 'count', api: 'responses', body: RESPONSE },
    {
      ...CHAT_PATH,
      outputAt: [['max_completion_tokens'], ['max_tokens']],
      explicit: { service_tier: 'default' },
    },
    ...MODELS,
  ],
  closed: [
    ['/v1/responses', 'stored'],
    ['/v1/conversations', 'stored'],
    ['/v1/chat/completions', 'stored'],
    ['/v1/files', 'files'],
    ['/v1/uploads', 'files'],
    ['/v1/vector_stores', 'files'],
    ['/v1/batches', 'batches'],
    ['/v1/containers', 'code_execution'],
    ['/v1/', 'admin'],
  ],
}

/** A server that speaks Chat Completions as most do: with `max_tokens`, and nothing that OpenAI alone has. */
export const OPENAI_COMPATIBLE: ModelProvider = {
  ...OPENAI,
  name: 'openai-compatible',
  version: '2026-11-30.3',
  paths: [{ ...CHAT_PATH, outputAt: [['max_tokens'], ['max_completion_tokens']], firstBinds: true }, ...MODELS],
  // Many such servers speak Responses as well.
  others: OPENAI.paths,
}
