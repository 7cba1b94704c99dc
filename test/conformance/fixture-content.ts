/** What every revision has: tools that return each kind of content, resources and prompts, by the suite's own names. */
import { setTimeout as delay } from 'node:timers/promises'
import {
  completable,
  fromJsonSchema,
  type McpServer,
  ResourceTemplate,
  type ServerContext,
} from '@modelcontextprotocol/server'
import * as z from 'zod'

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='
const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA='

export function text(words: string) {
  return { content: [{ type: 'text' as const, text: words }] }
}

export function described(name: string): { readonly description: string } {
  return { description: `fixture ${name}` }
}

export function addContent(server: McpServer): void {
  addTools(server)
  addSchemas(server)
  addResources(server)
  addPrompts(server)
}

function addTools(server: McpServer): void {
  const tool = (
    name: string,
    run: (context: ServerContext) => ReturnType<typeof text> | Promise<ReturnType<typeof text>>,
  ) => server.registerTool(name, described(name), run)
  const image = { type: 'image' as const, data: PNG, mimeType: 'image/png' }
  tool('test_simple_text', () => text('This is a simple text response for testing.'))
  server.registerTool('test_image_content', described('image'), () => ({ content: [image] }))
  server.registerTool('test_audio_content', described('audio'), () => ({
    content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }],
  }))
  server.registerTool('test_embedded_resource', described('embedded resource'), () => ({
    content: [
      {
        type: 'resource',
        resource: {
          uri: 'test://embedded-resource',
          mimeType: 'text/plain',
          text: 'This is an embedded resource content.',
        },
      },
    ],
  }))
  server.registerTool('test_multiple_content_types', described('mixed content'), () => ({
    content: [
      { type: 'text', text: 'Multiple content types test:' },
      image,
      {
        type: 'resource',
        resource: {
          uri: 'test://mixed-content-resource',
          mimeType: 'application/json',
          text: '{"test":"data","value":123}',
        },
      },
    ],
  }))
  tool('test_error_handling', () => {
    throw new Error('This tool intentionally returns an error for testing')
  })
  tool('test_tool_with_progress', async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined)
        await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } })
      if (progress < 100) await delay(50)
    }
    return text('done')
  })
  tool('test_tool_with_logging', async ({ mcpReq }) => {
    for (const said of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await mcpReq.log('info', said)
      await delay(50)
    }
    return text('logged')
  })
  tool('test_logging_tool', async ({ mcpReq }) => {
    await mcpReq.log('info', 'a log line')
    return text('logged')
  })
}

function addSchemas(server: McpServer): void {
  server.registerTool(
    'json_schema_2020_12_tool',
    { description: 'Tool with JSON Schema 2020-12 features', inputSchema: fromJsonSchema(JSON_SCHEMA_2020_12) },
    () => text('ok'),
  )
  server.registerTool(
    'test_x_mcp_header',
    { ...described('x-mcp-header'), inputSchema: fromJsonSchema<{ region: string }>(REPEATED_IN_HEADER) },
    ({ region }) => text(`region ${region}`),
  )
  server.registerTool(
    'test_structured',
    {
      ...described('structured content'),
      inputSchema: z.object({ a: z.number(), b: z.number() }),
      outputSchema: z.object({ sum: z.number() }),
    },
    ({ a, b }) => ({ ...text(JSON.stringify({ sum: a + b })), structuredContent: { sum: a + b } }),
  )
}

const REPEATED_IN_HEADER = {
  type: 'object' as const,
  properties: { region: { type: 'string', 'x-mcp-header': 'Region' }, query: { type: 'string' } },
  required: ['region'],
}

const JSON_SCHEMA_2020_12 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object' as const,
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema; nothing awaits this object
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
}

function addResources(server: McpServer): void {
  const fixed = (uri: string, mimeType: string, body: { text: string } | { blob: string }) =>
    server.registerResource(uri.slice('test://'.length), uri, { description: uri, mimeType }, () => ({
      contents: [{ uri, mimeType, ...body }],
    }))
  fixed('test://static-text', 'text/plain', { text: 'This is the content of the static text resource.' })
  fixed('test://static-binary', 'image/png', { blob: PNG })
  fixed('test://watched-resource', 'text/plain', { text: 'watched' })
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { description: 'template', mimeType: 'application/json' },
    (uri, { id }) => ({
      contents: [
        {
          uri: uri.href,
          mimeType: 'application/json',
          text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` }),
        },
      ],
    }),
  )
}

function addPrompts(server: McpServer): void {
  const user = (words: string) => ({ role: 'user' as const, content: { type: 'text' as const, text: words } })
  server.registerPrompt('test_simple_prompt', described('simple prompt'), () => ({
    messages: [user('This is a simple prompt for testing.')],
  }))
  const cities = ['paris', 'park', 'party', 'test']
  server.registerPrompt(
    'test_prompt_with_arguments',
    {
      ...described('prompt with arguments'),
      argsSchema: z.object({
        arg1: completable(z.string(), (begun) => cities.filter((city) => city.startsWith(begun ?? ''))),
        arg2: z.string(),
      }),
    },
    ({ arg1, arg2 }) => ({ messages: [user(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)] }),
  )
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { ...described('embedded'), argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) => ({
      messages: [
        {
          role: 'user',
          content: {
            type: 'resource',
            resource: { uri: resourceUri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' },
          },
        },
        user('Please process the embedded resource above.'),
      ],
    }),
  )
  server.registerPrompt('test_prompt_with_image', described('image prompt'), () => ({
    messages: [
      { role: 'user', content: { type: 'image', data: PNG, mimeType: 'image/png' } },
      user('Please analyze the image above.'),
    ],
  }))
}
