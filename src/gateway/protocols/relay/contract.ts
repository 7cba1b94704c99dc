import { createHash } from 'node:crypto'
import {
  type CatalogueTool,
  type ConnectOperation,
  type DeclaredTool,
  grantedName,
  type JsonObject,
  LIMITS,
  sha256,
  type ToolName,
  UNTRUSTED,
} from '../../../model/index.ts'
import { compileSchema } from '../../content/schema.ts'
import type { Contract } from '../../pipeline/line.ts'
import { placeIn } from './egress-place.ts'

/**
 * Returns the connections that a relay may make, by the names that policies know them by: one for each origin and each
 * way to ask for it. There is no definition to accept: the origin in the configuration is what a person accepted.
 *
 * - RC1  An `https` origin is reached by a tunnel alone; any other by both ways.
 * - RC2  A connection is let through with what some tool of its relay accepts: what the relay sends there, it was told by calls.
 *        `untrusted` is no reason to hold one, since it carries nothing of whom data is meant for.
 * - RC3  What a connection brings back reaches no cell but in the answer to a call, which has labels of its own.
 */
export function connectionsOf(
  origins: readonly string[],
  tools: Iterable<DeclaredTool>,
): ReadonlyMap<ToolName, CatalogueTool> {
  const accepted = [...tools].map(({ accepts = [] }) => [...new Set([...accepts, UNTRUSTED])].sort())
  const sets = [...new Map(accepted.map((labels) => [JSON.stringify(labels), labels])).values()]
  return new Map(
    origins.flatMap((origin) => {
      const { name } = placeIn(origin)
      const operations: readonly ConnectOperation[] = origin.startsWith('https:') ? TUNNEL : BOTH
      return operations.map((operation) => {
        const tool = grantedName(operation, name)
        return [tool, connection(tool, operation, sets)] as const
      })
    }),
  )
}

const TUNNEL: readonly ConnectOperation[] = ['tls.connect']
const BOTH: readonly ConnectOperation[] = ['tls.connect', 'http.connect']

/** Names of the arguments of each connection: where it goes and, of a request that is not encrypted, its method. */
const ARGUMENTS: Readonly<Record<ConnectOperation, readonly string[]>> = {
  'tls.connect': ['place'],
  'http.connect': ['place', 'method'],
}

function connection(
  name: ToolName,
  operation: ConnectOperation,
  acceptsOneOf: NonNullable<DeclaredTool['acceptsOneOf']>,
): CatalogueTool {
  const names = ARGUMENTS[operation]
  const input: JsonObject = {
    type: 'object',
    properties: Object.fromEntries(names.map((argument) => [argument, { type: 'string' }])),
    required: names,
    additionalProperties: false,
  }
  const definition: JsonObject = { name, input }
  const digest = sha256(createHash('sha256').update(JSON.stringify(definition)).digest('hex'))
  return {
    declared: {
      name,
      effect: 'write',
      accepts: [UNTRUSTED],
      acceptsOneOf,
      content: names.map((argument) => [{ name: argument }]),
      anyLinks: true,
      maxBytes: LIMITS.connectionBytesMax,
    },
    pinned: { name, digest, definition, input },
  }
}

/** Returns the contract of a connection, by which the pipeline judges and charges it. */
export function contractOf({ declared, pinned }: CatalogueTool): Contract {
  const schema = compileSchema(pinned?.input ?? {}, 'arguments')
  if (!schema.ok) throw new Error(schema.reason)
  return {
    declared,
    ...(pinned && { pinned }),
    most: { connections: 1 },
    input: schema.value,
    judge: () => undefined,
  }
}
