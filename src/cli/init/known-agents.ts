import { GATEWAY_PORT } from '../../host/prepare/cell-spec.ts'
import type { ModelProviderName, PackageRegistryName } from '../../model/index.ts'
import { type GitRemote, gitSettings, type RepositoryNeeds } from './repository.ts'

/** An agent that people have, or what they run scripts of their own by, and what it needs in a cell to run as it does outside. */
export interface KnownAgent {
  /** The program, as `PATH` has it. */
  readonly program: string
  /** Programs that come with it, and that its cell has where this host has them. */
  readonly beside?: readonly string[]
  /** Models that it asks; of a script of one's own those whose key stands in the environment. */
  readonly models: readonly KnownModel[]
  /** Registries that its packages come from. */
  readonly registries: readonly PackageRegistryName[]
  /** True of a program that runs what a person has written, which may ask anything. */
  readonly isScript?: true
  /** The git server that its repository is at. */
  readonly remote?: GitRemote
  /** Files of its repository that name servers, which are not taken by themselves. */
  readonly serverFiles?: readonly string[]
  /** Variables beside it: nothing that reports home, nothing that updates itself. */
  readonly env: Readonly<Record<string, string>>
  readonly memory: string
  /** Files that its home begins with: path below it, and text. */
  readonly home: Readonly<Record<string, string>>
}

/** A provider of models that an agent asks. */
export interface KnownModel {
  readonly provider: Exclude<ModelProviderName, 'compatible'>
  /** Models that it asks by itself. */
  readonly models: readonly string[]
  /** Variable that it reads its key from: the owner's stands there on the host, a dummy in the cell. */
  readonly key: string
}

const ANTHROPIC: KnownModel = { provider: 'anthropic', models: ['claude-*'], key: 'ANTHROPIC_API_KEY' }
const OPENAI: KnownModel = { provider: 'openai', models: ['gpt-*', 'codex-*', 'o*'], key: 'OPENAI_API_KEY' }
const GOOGLE: KnownModel = { provider: 'google', models: ['gemini-*'], key: 'GEMINI_API_KEY' }

const GATEWAY = `http://127.0.0.1:${GATEWAY_PORT}/mcp`

/** The dummy that stands for a key in a cell; agents look at how one begins. */
export const DUMMY_KEYS: Readonly<Record<string, string>> = {
  ANTHROPIC_API_KEY: 'sk-ant-dummy-the-gateway-has-the-real-one',
  OPENAI_API_KEY: 'sk-dummy-the-gateway-has-the-real-one',
  CODEX_API_KEY: 'sk-dummy-the-gateway-has-the-real-one',
  GEMINI_API_KEY: 'dummy-the-gateway-has-the-real-one',
}

/** Agents as their newest versions of November 2026 are set up; each was run. */
export const KNOWN_AGENTS: Readonly<Record<string, KnownAgent>> = {
  claude: {
    program: 'claude',
    models: [ANTHROPIC],
    registries: [],
    env: { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1', DISABLE_AUTOUPDATER: '1', DISABLE_INSTALLATION_CHECKS: '1' },
    memory: '2GiB',
    home: {
      '.claude.json': json({
        hasCompletedOnboarding: true,
        bypassPermissionsModeAccepted: true,
        customApiKeyResponses: { approved: [(DUMMY_KEYS.ANTHROPIC_API_KEY ?? '').slice(-20)], rejected: [] },
        projects: { '/workspace': { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true } },
        mcpServers: { firebreak: { type: 'http', url: GATEWAY } },
      }),
    },
  },
  codex: {
    program: 'codex',
    models: [OPENAI],
    registries: [],
    env: { CODEX_API_KEY: DUMMY_KEYS.CODEX_API_KEY ?? '' },
    memory: '1GiB',
    home: {
      '.codex/config.toml': [
        'model = "gpt-6.1-sol"   # its own newest has no price that Firebreak knows: prices: under model: gives it one',
        'sandbox_mode = "danger-full-access"   # the cell is the sandbox',
        'approval_policy = "never"',
        'check_for_update_on_startup = false',
        'web_search = "disabled"   # a way out of its own: grant web_search, and take this line out',
        '[analytics]',
        'enabled = false',
        '[projects."/workspace"]',
        'trust_level = "trusted"',
        '[mcp_servers.firebreak]',
        `url = "${GATEWAY}"`,
        '',
      ].join('\n'),
      '.codex/auth.json': json({ OPENAI_API_KEY: DUMMY_KEYS.OPENAI_API_KEY }),
    },
  },
  pi: {
    program: 'pi',
    models: [ANTHROPIC],
    registries: [],
    env: { PI_SKIP_VERSION_CHECK: '1', PI_TELEMETRY: '0' },
    memory: '1GiB',
    home: {},
  },
  opencode: {
    program: 'opencode',
    models: [ANTHROPIC],
    registries: [],
    env: { OPENCODE_DISABLE_AUTOUPDATE: '1', OPENCODE_DISABLE_MODELS_FETCH: '1' },
    memory: '3GiB',
    home: {
      '.config/opencode/opencode.json': json({
        $schema: 'https://opencode.ai/config.json',
        autoupdate: false,
        share: 'disabled',
        mcp: { firebreak: { type: 'remote', url: GATEWAY, enabled: true } },
      }),
    },
  },
  gemini: {
    program: 'gemini',
    models: [GOOGLE],
    registries: [],
    env: { GEMINI_CLI_TRUST_WORKSPACE: 'true', NO_UPDATE_NOTIFIER: '1' },
    memory: '3GiB',
    home: {
      '.gemini/settings.json': json({
        security: { auth: { selectedType: 'gemini-api-key' }, folderTrust: { enabled: false } },
        general: { disableAutoUpdate: true },
        privacy: { usageStatisticsEnabled: false },
        mcpServers: { firebreak: { httpUrl: GATEWAY, trust: true } },
      }),
    },
  },
}

/** Programs that run scripts of one's own, which ask what they are written to ask. */
const SCRIPTS: Readonly<Record<string, { readonly agent: KnownAgent; readonly registry: PackageRegistryName }>> = {
  node: { agent: script('node', '2GiB'), registry: 'npm' },
  python: { agent: script('python3', '2GiB'), registry: 'pypi' },
}

function script(program: string, memory: string): KnownAgent {
  return { program, models: [ANTHROPIC, OPENAI, GOOGLE], registries: [], isScript: true, env: {}, memory, home: {} }
}

/** Programs and variables with which packages of a registry are had. */
const MANAGERS: Readonly<Record<PackageRegistryName, Required<Pick<KnownAgent, 'beside' | 'env'>>>> = {
  // Questions beside lists and files are nothing that a registry is asked here: npm would complain of each.
  npm: {
    beside: ['node', 'npm', 'npx'],
    env: { npm_config_audit: 'false', npm_config_fund: 'false', npm_config_update_notifier: 'false' },
  },
  pypi: {
    beside: ['python3', 'pip', 'pip3', 'uv'],
    env: { PIP_DISABLE_PIP_VERSION_CHECK: '1', PIP_NO_INPUT: '1' },
  },
}

/** Names that `--for` knows. */
export const KNOWN_NAMES: readonly string[] = [...Object.keys(KNOWN_AGENTS), ...Object.keys(SCRIPTS)]

/**
 * Returns what is known of an agent by its name, with what the repository needs that it works in; of a script's models, those
 * whose key this environment has. Undefined of a name that is not known.
 */
export function knownAgentNamed(
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
  needs: RepositoryNeeds,
): KnownAgent | undefined {
  if (Object.hasOwn(KNOWN_AGENTS, name)) {
    const known = KNOWN_AGENTS[name]
    return known && within(known, needs)
  }
  const own = Object.hasOwn(SCRIPTS, name) ? SCRIPTS[name] : undefined
  if (own === undefined) return undefined
  const models = own.agent.models.filter(({ key }) => (environment[key] ?? '') !== '')
  return within({ ...own.agent, models }, { ...needs, registries: [...new Set([own.registry, ...needs.registries])] })
}

/** Returns an agent with what its repository needs. */
function within(known: KnownAgent, needs: RepositoryNeeds): KnownAgent {
  const managers = needs.registries.map((registry) => MANAGERS[registry])
  const settings = gitSettings(needs)
  return {
    ...known,
    registries: needs.registries,
    serverFiles: needs.serverFiles,
    beside: managers.flatMap(({ beside }) => beside),
    env: { ...known.env, ...Object.assign({}, ...managers.map(({ env }) => env)) },
    home: { ...known.home, ...(settings === '' ? {} : { '.gitconfig': settings }) },
    ...(needs.remote && { remote: needs.remote }),
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
