/** Configurations for tests, as the JSON that YAML is a superset of. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Effect } from '../../src/model/index.ts'

export interface UpstreamPlan {
  /** `test`, where none is named. */
  readonly environment?: string
  readonly relay?: boolean
  readonly remote?: 'accepted'
  /** An MCP server; or `http`. */
  readonly mcp?:
    | { readonly url: string; readonly headers?: Readonly<Record<string, string>> }
    | { readonly command: readonly string[]; readonly cell?: CellPlan; readonly shared?: boolean }
  /** An origin of the web; or `mcp`. */
  readonly http?: {
    readonly origin: string
    readonly headers?: Readonly<Record<string, string>>
    readonly ca?: string
    readonly openapi?: string
  }
  /** A provider of models, as `firebreak.yaml` has it. */
  readonly model?: Readonly<Record<string, unknown>>
  /** A registry of packages, as `firebreak.yaml` has it. */
  readonly packages?: Readonly<Record<string, unknown>>
  /** A git server, as `firebreak.yaml` has it. */
  readonly git?: Readonly<Record<string, unknown>>
  /** An origin that is reached by tunnels, as `firebreak.yaml` has it. */
  readonly tunnel?: { readonly origin: string }
  /** Tool → its effect; every one is granted to every agent that names no grants of its own. */
  readonly tools?: Readonly<Record<string, Effect | DeclaredPlan>>
  readonly resources?: readonly string[]
  readonly prompts?: readonly string[]
}

/** A tool as `firebreak.yaml` has it. */
export interface DeclaredPlan {
  readonly effect: Effect
  readonly [key: string]: unknown
}

export interface CellPlan {
  readonly files?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  readonly workspace?: string
  readonly labels?: readonly string[]
  readonly memory?: string
  readonly wall?: string
  readonly checkpoints?: Readonly<Record<string, unknown>>
  readonly commit?: Readonly<Record<string, readonly string[]>>
}

export interface AgentPlan {
  /** Maria, where nobody is named. */
  readonly owner?: string
  readonly cell?: CellPlan
  readonly grants?: readonly Readonly<Record<string, unknown>>[]
  /** `test`, where none is named. */
  readonly environment?: string
  readonly delegates?: readonly string[]
  readonly command?: readonly string[]
}

export interface ConfigPlan {
  readonly upstreams: Readonly<Record<string, UpstreamPlan>>
  /** Two agents that may use everything, where none are named. */
  readonly agents?: Readonly<Record<string, AgentPlan>>
  /** One that is called `test`, where none are named. */
  readonly environments?: Readonly<Record<string, object>>
  readonly tenants?: Readonly<
    Record<string, { readonly environments: readonly string[]; readonly policies?: readonly string[] }>
  >
  /** As `firebreak.yaml` has it. Where nothing is said, detectors only observe: tests repeat themselves like storms do. */
  readonly containment?: object
  readonly secrets?: Readonly<Record<string, { readonly env: string } | { readonly file: string }>>
}

/** Writes `firebreak.yaml` into the directory and returns its path. */
export function writeConfig(directory: string, plan: ConfigPlan): string {
  const upstreams = Object.entries(plan.upstreams).map(([name, { tools, ...upstream }]) => [
    name,
    { environment: 'test', ...upstream, ...(tools && { tools: declared(tools) }) },
  ])
  const agents = Object.entries(plan.agents ?? { alpha: {}, beta: {} }).map(
    ([name, { owner = 'maria.silva@shop.example', cell, grants, delegates, command, environment = 'test' }]) => [
      name,
      {
        owner,
        environment,
        ...(cell && { cell }),
        ...(delegates && { delegates }),
        ...(command && { command }),
        grants: grants ?? everything(plan.upstreams),
      },
    ],
  )
  const file = join(directory, 'firebreak.yaml')
  const config = {
    ...(plan.tenants && { tenants: plan.tenants }),
    environments: plan.environments ?? { test: {} },
    upstreams: Object.fromEntries(upstreams),
    agents: Object.fromEntries(agents),
    containment: plan.containment ?? { mode: 'observe' },
    ...(plan.secrets && { secrets: plan.secrets }),
  }
  writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`)
  return file
}

/** By its effect alone, a tool's arguments lead nowhere, and any cell may call it: what is tested is something else. */
function declared(tools: NonNullable<UpstreamPlan['tools']>): Readonly<Record<string, object>> {
  const carried = { accepts: ['untrusted'], content: ['$'], links: 'any' }
  return Object.fromEntries(
    Object.entries(tools).map(([name, tool]) => {
      if (typeof tool !== 'string') return [name, tool]
      return [name, tool === 'read' ? { effect: tool } : { effect: tool, ...carried }]
    }),
  )
}

function everything(upstreams: ConfigPlan['upstreams']): readonly Readonly<Record<string, unknown>>[] {
  return Object.entries(upstreams).map(([upstream, { tools, resources, prompts }]) => ({
    upstream,
    ...(tools && { tools: Object.keys(tools) }),
    ...(resources && { resources }),
    ...(prompts && { prompts }),
    expires: '8h',
  }))
}
