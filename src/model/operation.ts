import { type ToolName, toolName } from './ids.ts'
import type { Step } from './measure.ts'

/** A kind of operation, as every part that does not speak its protocol sees it. */
interface OperationKind {
  /** Name of the protocol that carries it. */
  readonly protocol: 'mcp' | 'relay' | 'http' | 'model' | 'package' | 'git' | 'tunnel'
  /** The step that budgets count it as. A connection is made by a relay, on the word of the cell that it serves, or by a cell's own program. */
  readonly step: Step
}

/**
 * The operations that an action can be: a tool call, the read of a resource, the fetch of a prompt; a request to an origin of
 * the web; something that a provider of models, a registry of packages, or a git server is asked for; a connection whose TLS is
 * between a program and an origin; a tunnel of a relay to an origin, or one request of it that is not encrypted.
 *
 * - OP1  A grant, the catalogue and Cedar name an operation `<operation>:<name>`, but a tool by its own name and a request by
 *        its pattern, which begins with a method and a slash; a connection's name is the `host:port` that it goes to.
 */
export const OPERATIONS = {
  tool: { protocol: 'mcp', step: 'call' },
  resource: { protocol: 'mcp', step: 'call' },
  prompt: { protocol: 'mcp', step: 'call' },
  request: { protocol: 'http', step: 'call' },
  model: { protocol: 'model', step: 'call' },
  package: { protocol: 'package', step: 'call' },
  git: { protocol: 'git', step: 'call' },
  tunnel: { protocol: 'tunnel', step: 'connection' },
  'tls.connect': { protocol: 'relay', step: 'connection' },
  'http.connect': { protocol: 'relay', step: 'connection' },
} as const satisfies Readonly<Record<string, OperationKind>>

export type Operation = keyof typeof OPERATIONS

/** An operation by which a relay gets out. */
export type ConnectOperation = Extract<Operation, `${string}.connect`>

/** Tells whether an operation is a connection of a relay, which comes with the tools of its upstream. */
export function isConnection(operation: Operation): operation is ConnectOperation {
  return OPERATIONS[operation].protocol === 'relay'
}

/** The beginning of a request's pattern. */
const REQUEST = /^[A-Z]+ \//

/** The word that stands for a method in the pattern of a WebSocket. */
export const WEBSOCKET = 'WEBSOCKET'

/** Tells whether the pattern of a request is that of a WebSocket, whose messages pass on both ways and make no answer. */
export function isWebSocket(pattern: string): boolean {
  return pattern.startsWith(`${WEBSOCKET} /`)
}

const PREFIXED = new RegExp(
  `^(${Object.keys(OPERATIONS)
    .map((name) => name.replace('.', '\\.'))
    .join('|')}):(.*)$`,
  's',
)

/**
 * Returns the name by which a grant, the catalogue and Cedar know an operation of an upstream: a tool by its name, a
 * resource as `resource:<uri or template>`, a prompt as `prompt:<name>`, a connection as `tls.connect:<host>:<port>`. A
 * tool whose own name begins with such a prefix is written `tool:<name>`, so that a tool called `resource:file:///x` does
 * not get what was granted for that resource. Throws for what is no name.
 */
export function grantedName(operation: Operation, tool: string): ToolName {
  if (operation === 'request' && REQUEST.test(tool)) return toolName(tool)
  if (operation !== 'tool') return toolName(`${operation}:${tool}`)
  return toolName((tool.includes(':') && PREFIXED.test(tool)) || REQUEST.test(tool) ? `tool:${tool}` : tool)
}

/** Returns the operation and the bare name in what grants and policies call it. */
export function operationIn(granted: string): { readonly operation: Operation; readonly tool: ToolName } {
  if (REQUEST.test(granted)) return { operation: 'request', tool: granted as ToolName } // a whole checked name
  const [, kind, rest] = PREFIXED.exec(granted) ?? []
  // Its prefix is one of the table's, and the rest a part of a checked name.
  return { operation: (kind ?? 'tool') as Operation, tool: (rest ?? granted) as ToolName }
}
