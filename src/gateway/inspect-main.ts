/**
 * Asks upstreams what they offer, for `firebreak accept`: `node gateway/inspect-main.ts`, without any privilege.
 * Descriptor 3 holds what to ask, standard output gets one JSON object: for each upstream its tools and prompts, or why
 * they are not known. What an upstream says is parsed here and nowhere with power.
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { shutProcess, uidArgument } from '../cells/unprivileged.ts'
import type { JsonObject, UpstreamName } from '../model/index.ts'
import { connectHttpUpstream } from './protocols/mcp/http-upstream.ts'
import { connectStdioUpstream } from './protocols/mcp/stdio-upstream.ts'
import { injectIntoUrl, openSecrets } from './secrets.ts'
import type { UpstreamConnection } from './upstream.ts'
import { listAll } from './upstreams.ts'

export interface Inspection {
  readonly upstreams: readonly (
    | {
        readonly name: UpstreamName
        readonly kind: 'http'
        readonly url: string
        readonly headers: readonly (readonly [string, string])[]
      }
    | { readonly name: UpstreamName; readonly kind: 'stdio'; readonly stdin: number; readonly stdout: number }
  )[]
  readonly secrets: readonly (readonly [string, string])[]
}

/** What one upstream offers, in its own words. */
export type Offered =
  | { readonly tools: readonly JsonObject[]; readonly prompts: readonly JsonObject[] }
  | { readonly problem: string }

if (import.meta.main) {
  shutProcess(uidArgument(process.argv))
  // From our own command line tool, which started this process.
  const inspection = JSON.parse(readFileSync(3, 'utf8')) as Inspection
  const offered = await Promise.all(
    inspection.upstreams.map(async (upstream) => [upstream.name, await inspect(inspection, upstream)] as const),
  )
  process.stdout.write(JSON.stringify(Object.fromEntries(offered)), () => process.exit(0))
}

async function inspect(inspection: Inspection, upstream: Inspection['upstreams'][number]): Promise<Offered> {
  try {
    const connection = await connect(inspection, upstream)
    const tools = 'tools' in connection.capabilities ? await listAll(connection, 'tools/list', 'tools') : []
    const prompts = 'prompts' in connection.capabilities ? await listAll(connection, 'prompts/list', 'prompts') : []
    connection.close()
    return { tools, prompts }
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

async function connect(inspection: Inspection, upstream: Inspection['upstreams'][number]): Promise<UpstreamConnection> {
  const secrets = openSecrets(new Map(inspection.secrets))
  if (!secrets.ok) throw new Error(secrets.reason)
  const connection =
    upstream.kind === 'http'
      ? await connectHttpUpstream({
          name: upstream.name,
          url: new URL(injectIntoUrl(upstream.url, secrets.value.inject)),
          headers: new Map(upstream.headers.map(([name, value]) => [name, secrets.value.inject(value)])),
        })
      : await connectStdioUpstream({ ...upstream, onClosed: () => undefined })
  if (!connection.ok) throw new Error(connection.reason)
  return connection.value
}
