/** The lines of a first configuration that are the same for whoever has one of the agents that are known. */
import type { PackageRegistryName } from '../../model/index.ts'
import type { KnownAgent, KnownModel } from './known-agents.ts'
import type { GitRemote } from './repository.ts'

/** Returns the lines of the providers that an agent asks, of the registries of its packages, and of the server of its repository. */
export function knownLines({ models, registries, remote, isScript }: KnownAgent): readonly string[] {
  return [
    ...models.flatMap(modelLines),
    ...registries.flatMap(registryLines),
    ...(remote === undefined ? [] : remoteLines(remote)),
    ...(isScript ? AN_API : []),
  ]
}

/** Returns the names that the patterns of a repository are granted by: to fetch all of it, and to push branches of an agent's own. */
function patternsOf({ repository }: GitRemote): { readonly fetch: string; readonly push: string } {
  return { fetch: `${repository}: fetch`, push: `${repository} refs/heads/agent/*: push` }
}

function remoteLines(remote: GitRemote): readonly string[] {
  const { fetch, push } = patternsOf(remote)
  const server = `origin: ${JSON.stringify(remote.origin)}`
  return [
    `  ${FORGE}:`,
    '    environment: test',
    ...(remote.token === undefined
      ? [
          `    git: { ${server} }   # token: "\${secret:${FORGE}}" for what is not public, and for pushes: then ${FORGE}: { env: NAME } under secrets`,
        ]
      : [`    git: { ${server}, token: "\${secret:${FORGE}}" }`]),
    '    tools:',
    `      ${JSON.stringify(fetch)}: { effect: read }`,
    `      ${JSON.stringify(push)}: { effect: write }   # of a cell that has read what others wrote, it waits for a person; accepts: [untrusted] lets it go`,
  ]
}

/** Name of the git server that a repository is at. */
const FORGE = 'forge'

function registryLines(registry: PackageRegistryName): readonly string[] {
  return [
    `  ${registry}:`,
    '    environment: test',
    '    # Found at its own name. Versions that are younger than a week, look-alikes, and what runs scripts when it is installed,',
    '    # are refused with the reason: young: [name@1.2.3], resembling: [name], scripts: [name] let one through by name.',
    `    packages: { registry: ${registry} }`,
  ]
}

/** The lines of an interface that a script asks, for a person to fill in: what is not here is refused. */
const AN_API: readonly string[] = [
  '  # api:   # anything else of the web that it asks, request by request; and a grant for it below',
  '  #   environment: test',
  '  #   http: { origin: "https://api.example.org", headers: { authorization: "Bearer ${secret:api}" } }',
  '  #   tools: { "GET /items/{id}": { effect: read, returns: { $: [untrusted] } } }',
]

function modelLines({ provider, models }: KnownModel): readonly string[] {
  return [
    `  ${provider}:`,
    '    environment: test',
    `    # Programs find it at its own name. Its ways out (web_search, code_execution, files, …) are closed: grant them by name.`,
    `    model: { provider: ${provider}, key: "\${secret:${provider}}", models: [${models.map((name) => JSON.stringify(name)).join(', ')}] }`,
    '    #   keep: digests        the ledger commits to what is said, and keeps none of it',
    '    #   prices: { name: { input: 3, output: 15, inputTokens: 200000, outputTokens: 8000 } }   dollars for a million tokens',
  ]
}

/** Returns the lines of an agent's grants to ask its models, to have packages, and to fetch its repository. */
export function knownGrantLines({ models, registries, remote }: KnownAgent): readonly string[] {
  const packages = registries.flatMap((registry) => [
    `      - upstream: ${registry}`,
    '        tools: [list, file]',
    '        budget: { calls: 10000/day }',
    '        expires: 30d',
  ])
  return [...models.flatMap(modelGrantLines), ...packages, ...(remote === undefined ? [] : remoteGrantLines(remote))]
}

function remoteGrantLines(remote: GitRemote): readonly string[] {
  const { fetch, push } = patternsOf(remote)
  return [
    `      - upstream: ${FORGE}`,
    `        tools: [${JSON.stringify(fetch)}]   # and ${JSON.stringify(push)}, for branches of its own`,
    '        budget: { calls: 1000/day }',
    '        expires: 30d',
  ]
}

function modelGrantLines({ provider }: KnownModel): readonly string[] {
  return [
    `      - upstream: ${provider}`,
    '        tools: [generate, count, models]',
    '        budget: { spend: 20 USD/day }   # what a request could cost at most is set aside before it leaves; tokens: counts, too',
    '        expires: 30d',
  ]
}

/** The line that plants a key in an agent's home: git there goes over HTTPS, so that nothing honest opens it. */
export const DECOY_LINE =
  'containment: { decoys: { files: [/home/agent/.ssh/id_ed25519] } }   # whatever opens it or sends its path quarantines the agent, until firebreak release'

/** Returns the lines of the secrets that its upstreams have from this host: the cell has dummies. */
export function knownSecretLines({ models, remote }: KnownAgent): readonly string[] {
  return [
    ...models.map(
      ({ provider, key }) =>
        `  ${provider}: { env: ${key} }   # yours, on this host: the cell has a dummy in its place`,
    ),
    ...(remote?.token === undefined
      ? []
      : [`  ${FORGE}: { env: ${remote.token} }   # yours, on this host: git of the cell has none`]),
  ]
}
