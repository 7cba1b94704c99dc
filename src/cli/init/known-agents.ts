import { GATEWAY_PORT } from '../../host/prepare/cell-spec.ts'
import type { ModelProviderName } from '../../model/index.ts'

/** An agent that people have, and what it needs in a cell to run as it does outside of one. */
export interface KnownAgent {
  /** The program, as `PATH` has it. */
  readonly program: string
  readonly provider: Exclude<ModelProviderName, 'compatible'>
  /** Models that it asks by itself. */
  readonly models: readonly string[]
  /** Variable that it reads its key from: the owner's stands there on the host, a dummy in the cell. */
  readonly key: string
  /** Variables beside it: nothing that reports home, nothing that updates itself. */
  readonly env: Readonly<Record<string, string>>
  readonly memory: string
  /** Files that its home begins with: path below it, and text. */
  readonly home: Readonly<Record<string, string>>
}

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
    provider: 'anthropic',
    models: ['claude-*'],
    key: 'ANTHROPIC_API_KEY',
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
    provider: 'openai',
    models: ['gpt-*', 'codex-*', 'o*'],
    key: 'OPENAI_API_KEY',
    env: { CODEX_API_KEY: DUMMY_KEYS.CODEX_API_KEY ?? '' },
    memory: '1GiB',
    home: {
      '.codex/config.toml': [
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
    provider: 'anthropic',
    models: ['claude-*'],
    key: 'ANTHROPIC_API_KEY',
    env: { PI_SKIP_VERSION_CHECK: '1', PI_TELEMETRY: '0' },
    memory: '1GiB',
    home: {},
  },
  opencode: {
    program: 'opencode',
    provider: 'anthropic',
    models: ['claude-*'],
    key: 'ANTHROPIC_API_KEY',
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
    provider: 'google',
    models: ['gemini-*'],
    key: 'GEMINI_API_KEY',
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

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
