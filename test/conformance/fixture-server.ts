/**
 * A server that has everything the conformance suite asks for, on the official SDK: 2026-07-28 without sessions and the
 * older revisions with them, at one endpoint. `node fixture-server.ts --stdio` speaks on its standard streams instead.
 */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import process from 'node:process'
import {
  localhostHostValidation,
  localhostOriginValidation,
  NodeStreamableHTTPServerTransport,
  toNodeHandler,
  toWebRequest,
} from '@modelcontextprotocol/node'
import {
  createMcpHandler,
  isInitializeRequest,
  isLegacyRequest,
  McpServer,
  type ServerNotifier,
} from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { addInputRequired, addSessionAsks, requestStates } from './fixture-asks.ts'
import { addContent, described, text } from './fixture-content.ts'
import { EventLog } from './fixture-events.ts'

export type Era = 'modern' | 'legacy'

export interface Fixture {
  readonly url: string
  readonly close: () => void
}

/** Both eras, unless it is told to know only the older one. */
export async function startFixture(eras: 'both' | 'legacy' = 'both', port = 0): Promise<Fixture> {
  const sessions = new Map<string, NodeStreamableHTTPServerTransport>()
  const notifier: { notify?: ServerNotifier } = {}
  const handler = createMcpHandler(() => buildServer('modern', notifier.notify), { legacy: 'reject' })
  notifier.notify = handler.notify
  const modern = toNodeHandler(handler)
  const [hostOk, originOk] = [localhostHostValidation(), localhostOriginValidation()]
  const server = createServer(async (incoming, response) => {
    // Node sets both on every request that a server receives.
    const request = incoming as Received
    try {
      if (!hostOk(request, response) || !originOk(request, response)) return
      const body = request.method === 'POST' ? await bodyOf(request) : undefined
      const older = eras === 'legacy' || (await isLegacyRequest(await toWebRequest(request, body ?? null), body))
      await (older ? inSession(sessions, request, response, body) : modern(request, response, body))
    } catch (error) {
      const broken = error instanceof SyntaxError
      if (!response.headersSent) fault(response, broken ? 400 : 500, broken ? -32700 : -32603, 'it failed')
    }
  })
  return listening(server, port)
}

function buildServer(era: Era, notify: ServerNotifier | undefined): McpServer {
  const server = new McpServer(
    { name: 'conformance-fixture', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
        logging: {},
        completions: {},
      },
      requestState: { verify: requestStates.verify },
      cacheHints: { 'tools/list': { ttlMs: 1000, cacheScope: 'public' } },
    },
  )
  addContent(server)
  if (era === 'modern') addInputRequired(server)
  else addSessionAsks(server)
  server.registerTool('test_trigger_tool_change', described('a changed list of tools'), () => {
    if (notify === undefined) server.sendToolListChanged()
    else notify.toolsChanged()
    return text('ok')
  })
  server.registerTool('test_trigger_prompt_change', described('a changed list of prompts'), () => {
    if (notify === undefined) server.sendPromptListChanged()
    else notify.promptsChanged()
    return text('ok')
  })
  return server
}

type Received = IncomingMessage & { method: string; url: string }

async function inSession(
  sessions: Map<string, NodeStreamableHTTPServerTransport>,
  request: Received,
  response: ServerResponse,
  body: unknown,
): Promise<void> {
  const id = request.headers['mcp-session-id']
  if (typeof id === 'string') {
    const known = sessions.get(id)
    return known === undefined
      ? fault(response, 404, -32001, 'Session not found')
      : known.handleRequest(request, response, body)
  }
  if (request.method !== 'POST' || !isInitializeRequest(body))
    return fault(response, 400, -32000, 'Bad Request: Mcp-Session-Id header is required')
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    eventStore: new EventLog(),
    retryInterval: 500,
    onsessioninitialized: (session) => {
      sessions.set(session, transport)
    },
    onsessionclosed: (session) => {
      sessions.delete(session)
    },
  })
  await buildServer('legacy', undefined).connect(transport)
  return transport.handleRequest(request, response, body)
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let words = ''
  for await (const chunk of request.setEncoding('utf8')) words += chunk
  return JSON.parse(words)
}

function fault(response: ServerResponse, status: number, code: number, message: string): void {
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null }))
}

async function listening(server: Server, port: number): Promise<Fixture> {
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}/mcp`,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

if (import.meta.main) {
  if (process.argv[2] === '--stdio') serveStdio(({ era }) => buildServer(era, undefined))
  else console.error((await startFixture('both', Number(process.argv[2] ?? 0))).url)
}
