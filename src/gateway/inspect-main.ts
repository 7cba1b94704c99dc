/**
 * Asks upstreams what they offer, for `firebreak accept`: `node gateway/inspect-main.ts`, without any privilege.
 * Descriptor 3 holds what to ask, standard output gets one JSON object: for each upstream its tools and prompts, or why
 * they are not known. What an upstream says is parsed here and nowhere with power.
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { shutProcess, uidArgument } from '../cells/unprivileged.ts'
import { cutText, type JsonObject, no, parseJson, type Result, type UpstreamName } from '../model/index.ts'
import { coveredText } from './content/cover.ts'
import { searchBeforeCuts } from './content/cut-shown.ts'
import { openSecrets } from './content/secrets.ts'
import { addressesOf } from './origins/dial.ts'
import { isRevision } from './protocols/mcp/revision.ts'
import type { LostItem } from './protocols/mcp/rpc.ts'
import type { UpstreamConnection } from './protocols/mcp/server/connection.ts'
import { connectHttpUpstream } from './protocols/mcp/server/http-upstream.ts'
import { type Listed, listAll } from './protocols/mcp/server/list-all.ts'
import type { ConnectFault } from './protocols/mcp/server/negotiation.ts'
import { connectStdioUpstream } from './protocols/mcp/server/stdio-upstream.ts'
import { Egress, type EgressOptions } from './protocols/relay/egress.ts'
import { tellingWay } from './protocols/relay/way.ts'

export interface Inspection {
  readonly upstreams: readonly InspectedUpstream[]
  readonly secrets: readonly (readonly [string, string])[]
  /** Origins that relays may reach. */
  readonly egress: readonly string[]
  /** Places of other environments. */
  readonly elsewhere: readonly string[]
}

export type InspectedUpstream = (HttpUpstream | StdioUpstream) & {
  readonly name: UpstreamName
  /** The revision to begin with; absent where that has to be found out. */
  readonly known?: string
}

interface HttpUpstream {
  readonly kind: 'http'
  readonly url: string
  readonly headers: readonly (readonly [string, string])[]
  /** Names of those that its entry was judged with. */
  readonly secrets: readonly string[]
  readonly ca?: string
}

interface StdioUpstream {
  readonly kind: 'stdio'
  readonly stdin: number
  readonly stdout: number
  /** A relay's listener, where it asks for what it wants to reach. */
  readonly wayOut?: number
}

/** The offers of one upstream, in its own words. */
export type Offered =
  | {
      readonly tools: readonly JsonObject[]
      readonly prompts: readonly JsonObject[]
      readonly revision: string
      /** Definitions that hold a secret of the upstream's environment; nothing else is told of them. */
      readonly leaking: readonly Leaking[]
      /** Items of both lists that cannot be read; `notes` say why there may be more. */
      readonly lost: readonly LostItem[]
      readonly notes: readonly string[]
    }
  /**
   * An inspection that failed. `anew`: another process of it, asked to `initialize`, may answer. `credential`: it did
   * not take what it was sent.
   */
  | { readonly problem: string; readonly anew?: true; readonly credential?: true }

/** Milliseconds that one upstream may take for all that it is asked: one that hangs costs the others nothing. */
const UPSTREAM_MS_MAX = 80_000
/** Characters of all that one upstream says. */
const OFFERED_CHARACTERS_MAX = 8_388_608

export interface Leaking {
  /** Kind of the definition, `tool` or `prompt`, with its name where that holds none. */
  readonly what: string
  readonly secret: string
}

if (import.meta.main) {
  shutProcess(uidArgument(process.argv))
  // From our own command line tool, which started this process.
  const inspection = parseJson(readFileSync(3, 'utf8')) as unknown as Inspection
  const secrets = openSecrets(new Map(inspection.secrets))
  if (secrets.ok) searchBeforeCuts(secrets.value)
  const offered = await Promise.all(
    inspection.upstreams.map(async (upstream) => {
      return [upstream.name, withoutLeaks(await inspect(inspection, upstream), inspection)] as const
    }),
  )
  process.stdout.write(JSON.stringify(Object.fromEntries(offered)), () => process.exit(0))
}

async function inspect(inspection: Inspection, upstream: InspectedUpstream): Promise<Offered> {
  const refused: RefusedPlaces = new Map()
  if (upstream.kind === 'stdio' && upstream.wayOut !== undefined) openWayOut(inspection, upstream.wayOut, refused)
  const asked = await within(UPSTREAM_MS_MAX, ask(inspection, upstream))
  const offered = JSON.stringify(asked).length > OFFERED_CHARACTERS_MAX ? TOO_MUCH : asked
  if (!('problem' in offered) || refused.size === 0) return offered
  const places = [...refused].slice(0, 4).map(([place, why]) => `${place} (${why})`)
  return { ...offered, problem: `${offered.problem}; it was not let out to ${places.join(', ')}` }
}

async function ask(inspection: Inspection, upstream: InspectedUpstream): Promise<Offered> {
  try {
    const connected = await connect(inspection, upstream)
    if (!connected.ok) {
      const { why, ...retry } = connected.reason
      return { problem: why, ...retry }
    }
    const connection = connected.value
    const [tools, prompts] = [await offered(connection, 'tools'), await offered(connection, 'prompts')]
    connection.close()
    const said = { lost: [...tools.lost, ...prompts.lost], notes: [...tools.notes, ...prompts.notes] }
    return { tools: tools.items, prompts: prompts.items, ...said, revision: connection.revision, leaking: [] }
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

async function offered(connection: UpstreamConnection, list: 'tools' | 'prompts'): Promise<Listed> {
  if (!(list in connection.capabilities)) return { items: [], lost: [], notes: [] }
  return listAll(connection, `${list}/list`, list)
}

const TOO_MUCH: Offered = { problem: `it offers more than ${OFFERED_CHARACTERS_MAX} characters` }

/**
 * Opens the way out that a relay may need for its list of tools: it reaches what its environment declares. No cell
 * speaks to it, so that there is no rung, budget or label to ask, and no ledger; where it wanted to go beside that is
 * told to the person.
 */
export function openWayOut(
  { egress, elsewhere }: Pick<Inspection, 'egress' | 'elsewhere'>,
  listener: number,
  refused: RefusedPlaces,
  resolve: EgressOptions['resolve'] = addressesOf,
): Egress {
  const onTried = (place: string, problem: string | undefined) => {
    if (problem !== undefined && refused.size < REFUSED_MAX) refused.set(place, problem)
  }
  return new Egress({ listener, origins: egress, elsewhere, way: tellingWay(onTried), resolve })
}

/** Places that a relay was not let out to, each with why. */
export type RefusedPlaces = Map<string, string>

/** Refused places that a person is told of, the first ones. */
const REFUSED_MAX = 64

function within(msMax: number, asked: Promise<Offered>): Promise<Offered> {
  return new Promise((resolve) => {
    const late = { problem: `it did not tell what it offers within ${msMax / 1_000} s` }
    const timer = setTimeout(() => resolve(late), msMax)
    asked.then(resolve).finally(() => clearTimeout(timer))
  })
}

async function connect(
  inspection: Inspection,
  upstream: InspectedUpstream,
): Promise<Result<UpstreamConnection, ConnectFault>> {
  const { name } = upstream
  const known = isRevision(upstream.known) ? { known: upstream.known } : {}
  if (upstream.kind === 'stdio') {
    const { stdin, stdout } = upstream
    return connectStdioUpstream({ name, stdin, stdout, ...known, onClosed: () => undefined })
  }
  const secrets = openSecrets(new Map(inspection.secrets))
  if (!secrets.ok) return no({ why: secrets.reason })
  return connectHttpUpstream({
    name,
    url: new URL(secrets.value.inject(upstream.url, upstream.secrets, 'url')),
    headers: new Map(
      upstream.headers.map(([header, value]) => [header, secrets.value.inject(value, upstream.secrets)]),
    ),
    ...(upstream.ca !== undefined && { ca: upstream.ca }),
    elsewhere: inspection.elsewhere,
    ...known,
  })
}

/** Removes what repeats a secret: a person would accept it into a file that is meant to be committed (S10). */
function withoutLeaks(offered: Offered, { secrets: values }: Inspection): Offered {
  const opened = openSecrets(new Map(values))
  if (!opened.ok) return { problem: opened.reason }
  const secrets = opened.value
  if ('problem' in offered) return { ...offered, problem: coveredText(offered.problem, secrets) }
  const leaking: Leaking[] = []
  const clean = (kind: string) => (definition: JsonObject) => {
    const secret = secrets.leakIn(definition)
    if (secret === undefined) return true
    const { name } = definition
    const isNamed = typeof name === 'string' && secrets.leakIn(name) === undefined
    leaking.push({ what: isNamed ? `${kind} ${cutText(name, 200)}` : kind, secret })
    return false
  }
  const { tools, prompts, revision } = offered
  const lost = offered.lost.map(({ name, why }) => ({
    name: coveredText(name, secrets),
    why: coveredText(why, secrets),
  }))
  const notes = offered.notes.map((note) => coveredText(note, secrets))
  return {
    tools: tools.filter(clean('tool')),
    prompts: prompts.filter(clean('prompt')),
    revision,
    leaking,
    lost,
    notes,
  }
}
