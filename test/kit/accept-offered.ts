import type { Config } from '../../src/config/config.ts'
import {
  definitionDigest,
  definitionFault,
  promptDefinition,
} from '../../src/gateway/protocols/mcp/contract/definition.ts'
import { connectHttpUpstream } from '../../src/gateway/protocols/mcp/server/http-upstream.ts'
import { listAll } from '../../src/gateway/protocols/mcp/server/list-all.ts'
import { type Accepted, readAllAccepted, readSpoken, writeAllAccepted } from '../../src/host/prepare/accepted.ts'
import { grantedName, type JsonObject, personName, type ToolName } from '../../src/model/index.ts'

/**
 * Accepts what the HTTP upstreams of a configuration offer now, as `firebreak accept --yes` does, without a cell or a
 * process. Headers are left out: no upstream of a test asks who accepts.
 */
export async function acceptOffered(config: Config): Promise<void> {
  const before = readAllAccepted(config)
  if (!before.ok) throw new Error(before.reason.message)
  const upstreams = new Map(before.value)
  const spoken = new Map(readSpoken(config))
  for (const { name, server, tools } of config.upstreams.values()) {
    if (server.kind !== 'http') continue
    const connection = await connectHttpUpstream({ name, url: server.url, headers: new Map(), elsewhere: [] })
    if (!connection.ok) throw new Error(`${name}: ${connection.reason.why}`)
    const { capabilities, revision } = connection.value
    spoken.set(name, revision)
    const offered = 'tools' in capabilities ? (await listAll(connection.value, 'tools/list', 'tools')).items : []
    const prompts = 'prompts' in capabilities ? (await listAll(connection.value, 'prompts/list', 'prompts')).items : []
    connection.value.close()
    const definitions = [
      ...offered.map((tool) => [grantedName('tool', String(tool.name)), tool] as const),
      ...prompts.map((prompt) => [grantedName('prompt', String(prompt.name)), promptDefinition(prompt)] as const),
    ]
    const own = definitions.filter(([tool, definition]) => tools.has(tool) && definitionFault(definition) === undefined)
    upstreams.set(name, new Map(own.map(([tool, definition]) => [tool, accepted(tool, definition)])))
  }
  writeAllAccepted(config, upstreams, spoken)
}

function accepted(name: ToolName, definition: JsonObject): Accepted {
  const digest = definitionDigest(definition)
  return { name, definition, digest, acceptedBy: personName('maria.silva@shop.example'), acceptedAtMs: Date.now() }
}
