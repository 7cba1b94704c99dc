/** What asks something of the client: in sessions as a request to it, in 2026-07-28 as `input_required`. */
import { setTimeout as delay } from 'node:timers/promises'
import {
  type CallToolResult,
  createRequestStateCodec,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
  type McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server'
import * as z from 'zod'
import { described, text } from './fixture-content.ts'

/** The suite tampers with the state that it is given: it must be authenticated. */
export const requestStates = createRequestStateCodec({
  key: 'conformance-fixture-key-0123456789abcdef',
  ttlSeconds: 600,
})

type Properties = Record<string, { type: 'string'; description?: string; default?: string }>

function schema(properties: Properties, required: string[] = []) {
  return { type: 'object' as const, properties, required }
}

const NAME = { message: 'What is your name?', requestedSchema: schema({ name: { type: 'string' } }, ['name']) }

/** Revisions with sessions: the server asks while it works. */
export function addSessionAsks(server: McpServer): void {
  server.registerTool(
    'test_sampling',
    { ...described('sampling'), inputSchema: z.object({ prompt: z.string() }) },
    async ({ prompt }, { mcpReq }) => {
      const messages = [{ role: 'user' as const, content: { type: 'text' as const, text: prompt } }]
      const { content } = await mcpReq.requestSampling({ messages, maxTokens: 100 })
      const said = Array.isArray(content) ? undefined : content
      return text(`LLM response: ${said?.type === 'text' ? said.text : ''}`)
    },
  )
  type Asked = Parameters<ServerContext['mcpReq']['elicitInput']>[0]
  const elicit = async ({ mcpReq }: ServerContext, prefix: string, asked: Asked) => {
    const { action, content } = await mcpReq.elicitInput(asked)
    return text(`${prefix}: action=${action}, content=${JSON.stringify(content)}`)
  }
  server.registerTool(
    'test_elicitation',
    { ...described('elicitation'), inputSchema: z.object({ message: z.string() }) },
    ({ message }, context) => elicit(context, 'User response', { message, requestedSchema: CONTACT }),
  )
  server.registerTool('test_elicitation_sep1034_defaults', described('defaults'), (context) =>
    elicit(context, 'Elicitation completed', { message: 'Defaults', requestedSchema: DEFAULTS }),
  )
  server.registerTool('test_elicitation_sep1330_enums', described('enums'), (context) =>
    elicit(context, 'Elicitation completed', { message: 'Enums', requestedSchema: ENUMS }),
  )
  server.registerTool('test_reconnection', described('reconnection'), async ({ http }) => {
    http?.closeSSE?.()
    await delay(100)
    return text('Reconnection test completed successfully')
  })
  server.server.setRequestHandler('resources/subscribe', async () => ({}))
  server.server.setRequestHandler('resources/unsubscribe', async () => ({}))
}

const CONTACT = schema(
  {
    username: { type: 'string', description: "User's response" },
    email: { type: 'string', description: "User's email address" },
  },
  ['username', 'email'],
)

const DEFAULTS = {
  type: 'object' as const,
  properties: {
    name: { type: 'string' as const, default: 'John Doe' },
    age: { type: 'integer' as const, default: 30 },
    score: { type: 'number' as const, default: 95.5 },
    status: { type: 'string' as const, enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean' as const, default: true },
  },
}

const ENUMS = {
  type: 'object' as const,
  properties: {
    untitledSingle: { type: 'string' as const, enum: ['option1', 'option2', 'option3'] },
    titledSingle: {
      type: 'string' as const,
      oneOf: [
        { const: 'value1', title: 'First Option' },
        { const: 'value2', title: 'Second Option' },
        { const: 'value3', title: 'Third Option' },
      ],
    },
    legacyEnum: {
      type: 'string' as const,
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['Option One', 'Option Two', 'Option Three'],
    },
    untitledMulti: {
      type: 'array' as const,
      items: { type: 'string' as const, enum: ['option1', 'option2', 'option3'] },
    },
    titledMulti: {
      type: 'array' as const,
      items: {
        anyOf: [
          { const: 'value1', title: 'First Choice' },
          { const: 'value2', title: 'Second Choice' },
          { const: 'value3', title: 'Third Choice' },
        ],
      },
    },
  },
}

type Answered = CallToolResult | InputRequiredResult

/** 2026-07-28: the server ends the request with what it needs, and is asked again. */
export function addInputRequired(server: McpServer): void {
  const tool = (name: string, run: (context: ServerContext) => Answered | Promise<Answered>) =>
    server.registerTool(name, described(name), run)
  const sample = (words: string, maxTokens: number) =>
    inputRequired.createMessage({
      messages: [{ role: 'user', content: { type: 'text', text: words } }],
      maxTokens,
    })
  const capital = sample('What is the capital of France?', 100)
  const name = inputRequired.elicit(NAME)

  // What the client did not declare: the server answers HTTP 400 and -32021.
  tool('test_missing_capability', ({ mcpReq }) =>
    inputResponse(mcpReq.inputResponses, 'q').kind === 'sampling'
      ? text('ok')
      : inputRequired({ inputRequests: { q: sample('hi', 10) } }),
  )
  for (const greeting of ['test_streaming_elicitation', 'test_input_required_result_elicitation']) {
    tool(greeting, (context) => {
      const given = accepted(context, 'user_name', 'name')
      return given === undefined ? inputRequired({ inputRequests: { user_name: name } }) : text(`Hello, ${given}!`)
    })
  }
  tool('test_input_required_result_sampling', ({ mcpReq }) => {
    const given = sampled(mcpReq, 'capital_question')
    return given === undefined ? inputRequired({ inputRequests: { capital_question: capital } }) : text(given)
  })
  tool('test_input_required_result_list_roots', ({ mcpReq }) => {
    const given = inputResponse(mcpReq.inputResponses, 'client_roots')
    return given.kind === 'roots'
      ? text(given.roots.map(({ uri }) => uri).join(' '))
      : inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } })
  })
  const confirm = inputRequired.elicit({
    message: 'Please confirm',
    requestedSchema: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] },
  })
  for (const stateful of ['test_input_required_result_request_state', 'test_input_required_result_tampered_state']) {
    tool(stateful, async (context) =>
      accepted(context, 'confirm', 'ok') !== undefined && stateOf(context).tool === stateful
        ? text('state-ok')
        : inputRequired({
            inputRequests: { confirm },
            requestState: await requestStates.mint({ tool: stateful }),
          }),
    )
  }
  tool('test_input_required_result_multiple_inputs', async (context) => {
    const { mcpReq } = context
    const given = accepted(context, 'user_name', 'name')
    const greeting = sampled(mcpReq, 'greeting')
    const roots = inputResponse(mcpReq.inputResponses, 'client_roots')
    if (given !== undefined && greeting !== undefined && roots.kind === 'roots')
      return text(`${greeting} ${given} ${roots.roots.length}`)
    return inputRequired({
      inputRequests: {
        user_name: name,
        greeting: sample('Generate a greeting', 50),
        client_roots: inputRequired.listRoots(),
      },
      requestState: await requestStates.mint({ multi: 1 }),
    })
  })
  tool('test_input_required_result_multi_round', async (context) => {
    const state = stateOf(context)
    const color = state.step === 2 ? accepted(context, 'step2', 'color') : undefined
    if (color !== undefined) return text(`${String(state.name)} likes ${color}`)
    const given = state.step === 1 ? accepted(context, 'step1', 'name') : undefined
    if (given !== undefined) {
      const step2 = inputRequired.elicit({
        message: 'Step 2: What is your favorite color?',
        requestedSchema: schema({ color: { type: 'string' } }, ['color']),
      })
      const requestState = await requestStates.mint({ step: 2, name: given })
      return inputRequired({ inputRequests: { step2 }, requestState })
    }
    const step1 = inputRequired.elicit({ ...NAME, message: 'Step 1: What is your name?' })
    return inputRequired({ inputRequests: { step1 }, requestState: await requestStates.mint({ step: 1 }) })
  })
  tool('test_input_required_result_capabilities', ({ mcpReq }) => {
    const envelope: Readonly<Record<string, unknown>> = { ...mcpReq.envelope }
    const declared = envelope['io.modelcontextprotocol/clientCapabilities']
    const capabilities = typeof declared === 'object' && declared !== null ? declared : {}
    const inputRequests = {
      ...('sampling' in capabilities && { q: capital }),
      ...('elicitation' in capabilities && { user_name: name }),
    }
    return Object.keys(inputRequests).length === 0 ? text('no capabilities') : inputRequired({ inputRequests })
  })
  server.registerPrompt('test_input_required_result_prompt', described('a prompt that asks'), (context) => {
    const given = accepted(context, 'user_context', 'context')
    if (given !== undefined)
      return { messages: [{ role: 'user', content: { type: 'text', text: `Context: ${given}` } }] }
    const requestedSchema = schema({ context: { type: 'string' } }, ['context'])
    const user_context = inputRequired.elicit({ message: 'What context should the prompt use?', requestedSchema })
    return inputRequired({ inputRequests: { user_context } })
  })
}

function accepted({ mcpReq }: ServerContext, key: string, field: string): string | undefined {
  const given = inputResponse(mcpReq.inputResponses, key)
  if (given.kind !== 'elicit' || given.action !== 'accept') return undefined
  const value = given.content?.[field]
  return typeof value === 'string' || typeof value === 'boolean' ? String(value) : undefined
}

function sampled(mcpReq: ServerContext['mcpReq'], key: string): string | undefined {
  const given = inputResponse(mcpReq.inputResponses, key)
  if (given.kind !== 'sampling') return undefined
  const { content } = given.result
  const said = Array.isArray(content) ? undefined : content
  return said?.type === 'text' ? said.text : ''
}

function stateOf({ mcpReq }: ServerContext): Readonly<Record<string, unknown>> {
  const state: unknown = mcpReq.requestState()
  return typeof state === 'object' && state !== null ? Object.fromEntries(Object.entries(state)) : {}
}
