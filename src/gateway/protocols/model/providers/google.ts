import type { ModelPath, ModelProvider } from '../provider.ts'
import { ANY, closed, FLAG, list, NUMBER, object, type RequestShape, TEXT } from '../shape.ts'

/**
 * The Gemini API as `@google/genai` 2.32.0 has it. Its server reads each name in a second spelling too (`file_data`): no
 * shape names one, so that none passes.
 */
const INLINE: RequestShape = {
  kind: 'inline',
  typeAt: 'mimeType',
  members: { mimeType: TEXT, data: { kind: 'base64' }, displayName: TEXT },
}

const RESPONSE_PART: RequestShape = object({ inlineData: INLINE, fileData: closed('files'), mediaProcessing: ANY })

const PART: RequestShape = object({
  ...{ text: TEXT, thought: FLAG, thoughtSignature: TEXT, mediaResolution: ANY, partMetadata: ANY },
  ...{ inlineData: INLINE, functionCall: object({ id: TEXT, name: TEXT, args: ANY }) },
  functionResponse: object({
    ...{ id: TEXT, name: TEXT, response: ANY, parts: list(RESPONSE_PART), willContinue: FLAG, scheduling: TEXT },
  }),
  // A URI of a stored file, of a bucket or of a video of the web.
  fileData: closed('url-sources'),
  executableCode: closed('code_execution'),
  codeExecutionResult: closed('code_execution'),
  toolCall: closed('server-tools'),
  toolResponse: closed('server-tools'),
})

const CONTENT: RequestShape = object({ role: TEXT, parts: list(PART) })

const DECLARATION: RequestShape = {
  kind: 'tagged',
  by: 'type',
  absent: 'function',
  tools: true,
  types: {
    function: object({
      ...{ name: TEXT, description: TEXT, parameters: ANY, parametersJsonSchema: ANY, behavior: TEXT },
      ...{ response: ANY, responseJsonSchema: ANY },
    }),
  },
}

const TOOL: RequestShape = object({
  functionDeclarations: list(DECLARATION),
  googleSearch: closed('web_search'),
  googleSearchRetrieval: closed('web_search'),
  enterpriseWebSearch: closed('web_search'),
  parallelAiSearch: closed('web_search'),
  googleMaps: closed('web_search'),
  urlContext: closed('web_fetch'),
  codeExecution: closed('code_execution'),
  fileSearch: closed('files'),
  retrieval: closed('files'),
  mcpServers: closed('mcp'),
  computerUse: closed('server-tools'),
})

const GENERATION: RequestShape = object({
  ...{ temperature: NUMBER, topP: NUMBER, topK: NUMBER, candidateCount: NUMBER, maxOutputTokens: NUMBER },
  ...{ stopSequences: list(TEXT), responseLogprobs: FLAG, logprobs: NUMBER, seed: NUMBER, thinkingConfig: ANY },
  ...{ presencePenalty: NUMBER, frequencyPenalty: NUMBER, responseMimeType: TEXT, responseSchema: ANY },
  ...{ responseJsonSchema: ANY, mediaResolution: TEXT, enableEnhancedCivicAnswers: FLAG },
})

const REQUEST = {
  ...{ contents: list(CONTENT), systemInstruction: CONTENT, tools: list(TOOL), generationConfig: GENERATION },
  toolConfig: object({ functionCallingConfig: ANY, includeServerSideToolInvocations: FLAG }),
  ...{ safetySettings: ANY, serviceTier: TEXT },
  cachedContent: closed('stored'),
  continuationToken: closed('stored'),
  store: { kind: 'closed', wayOut: 'stored', value: true } as const,
}

const ALT = { alt: /^(?:sse|json)$/, $alt: /^(?:sse|json)(?:;enum-encoding=int)?$/ }

const GENERATE: Omit<ModelPath, 'path'> = {
  ...{ method: 'POST', operation: 'generate', api: 'generate', body: object(REQUEST), query: ALT },
  outputAt: [['generationConfig', 'maxOutputTokens']],
  answersAt: ['generationConfig', 'candidateCount'],
}

const PATHS: readonly ModelPath[] = [
  { ...GENERATE, path: '/v1beta/models/{model}:generateContent', stream: false },
  { ...GENERATE, path: '/v1beta/models/{model}:streamGenerateContent', stream: true },
  {
    ...{ method: 'POST', path: '/v1beta/models/{model}:countTokens', operation: 'count', api: 'generate', query: ALT },
    body: object({ contents: list(CONTENT), generateContentRequest: object({ ...REQUEST, model: TEXT }) }),
  },
  {
    ...{ method: 'GET', path: '/v1beta/models', operation: 'models', api: 'generate' },
    query: { ...ALT, pageSize: /^\d{1,4}$/, pageToken: /^[\w.=-]{1,256}$/ },
  },
  { method: 'GET', path: '/v1beta/models/{model}', operation: 'models', api: 'generate', query: ALT },
]

export const GOOGLE: ModelProvider = {
  name: 'google',
  version: '2026-11-30.2',
  shape: 'google',
  headers: ['accept', 'content-type', 'user-agent', 'x-goog-api-client', 'x-server-timeout'],
  // A file is sent in several requests, which these tell apart.
  wayOutHeaders: [
    ...['x-goog-upload-protocol', 'x-goog-upload-command', 'x-goog-upload-offset', 'x-goog-upload-file-name'],
    ...['x-goog-upload-header-content-length', 'x-goog-upload-header-content-type'],
  ],
  credentialsInQuery: ['key', 'access_token', 'oauth_token'],
  paths: PATHS,
  closed: [
    ['/v1beta/files', 'files'],
    ['/upload/', 'files'],
    ['/v1beta/fileSearchStores', 'files'],
    ['/v1beta/corpora', 'files'],
    ['/v1beta/cachedContents', 'stored'],
    ['/v1beta/interactions', 'stored'],
    ['/v1beta/batches', 'batches'],
    ['/', 'admin'],
  ],
}
