/** An origin of the web as a cell reaches it, without a cell: a ledger in memory, one line, and plain HTTP for the door. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { flowsOf } from '../../src/gateway/admission/authority.ts'
import type { ServedCell } from '../../src/gateway/admission/served-cell.ts'
import { readOrigin } from '../../src/gateway/origins/origin.ts'
import type { OriginLine, OriginLineOptions } from '../../src/gateway/protocols/http/origin-line.ts'
import { NodeReply } from '../../src/gateway/web/web-reply.ts'
import type { WebReply, WebRequest } from '../../src/gateway/web/web-request.ts'
import { createServer } from '../../src/model/host/node-http.ts'
import {
  type CatalogueTool,
  type DeclaredTool,
  environmentName,
  grantedName,
  type Operation,
  type ToolName,
  upstreamName,
} from '../../src/model/index.ts'
import { bundle, grant } from '../policy/fixture.ts'
import { type MemoryGateway, memoryGateway } from './memory-gateway.ts'
import { cleanUp } from './temporary.ts'

const NAME = upstreamName('origin')

/** Returns what a line to an origin on this host is opened with. */
export function originHere(url: string, tools: ReadonlyMap<ToolName, CatalogueTool>): OriginLineOptions {
  const origin = readOrigin(url)
  if (!origin.ok) throw new Error(origin.reason)
  const own = { name: NAME, environment: environmentName('test'), origin: origin.value, tools }
  return { ...own, headers: () => new Map(), elsewhere: [] }
}

/** Returns operations as a configuration declares them, each of which reads. */
export function declared(operation: Operation, ...targets: readonly string[]): readonly DeclaredTool[] {
  return targets.map((target) => ({
    name: grantedName(operation, target),
    effect: 'read',
    returns: [{ path: [], labels: [] }],
  }))
}

/** Opens a gateway of one cell that may use a line by these names. */
export async function gatewayTo(line: OriginLine, tools: readonly ToolName[]): Promise<MemoryGateway> {
  cleanUp(() => line.close())
  const grants = [grant({ upstream: NAME, tools: new Set(tools) })]
  const shop = new Map(
    [...line.contracts].map(
      ([name, { declared: own, pinned }]) => [name, { declared: own, ...(pinned && { pinned }) }] as const,
    ),
  )
  const known = { upstreams: new Map([[NAME, { name: NAME, environment: environmentName('test'), tools: shop }]]) }
  const cell: Partial<ServedCell> = { upstreams: new Map([[NAME, line]]) }
  return memoryGateway(await bundle('', undefined, grants, known), {
    authority: { grants, flows: flowsOf(known.upstreams.values()) },
    cell,
  })
}

/** Requests that have come in through a door of a test, those that were served to their end, and what was thrown. */
export interface DoorHere {
  readonly url: string
  readonly port: number
  readonly requests: { came: number; served: number }
  readonly failed: unknown[]
}

/** Serves requests over plain HTTP as a cell's door hands them on. */
export async function doorHere(serve: (request: WebRequest, reply: WebReply) => Promise<void>): Promise<DoorHere> {
  const failed: unknown[] = []
  const requests = { came: 0, served: 0 }
  const server = createServer((request, response) => {
    const { method = 'GET', url = '/', headers } = request
    const length = headers['content-length']
    const reply = new NodeReply(response, () => request.socket.destroy())
    request.on('error', () => undefined)
    requests.came++
    serve(
      {
        place: { scheme: 'http', host: '127.0.0.1', port: request.socket.localPort ?? 0 },
        method,
        target: url,
        headers: Object.entries(headers).map(([name, value]) => [name, String(value)]),
        length: length === undefined ? undefined : Number(length),
        hasBody: length !== undefined || headers['transfer-encoding'] !== undefined,
        body: request,
      },
      reply,
    )
      .catch((error: unknown) => void failed.push(error))
      .finally(() => requests.served++)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  cleanUp(() => void server.close().closeAllConnections())
  const { port } = server.address() as AddressInfo // it listens on a port
  return { url: `http://127.0.0.1:${port}`, port, requests, failed }
}
