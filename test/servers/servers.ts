/** MCP servers that people use, with one honest call of each. Credentials are dummies: no call reaches anybody. */

export interface Candidate {
  readonly name: string
  readonly from: 'npm' | 'pypi'
  readonly package: string
  /** Absent: the newest. */
  readonly version?: string
  /** The program that the package installs, and its arguments. */
  readonly command: readonly [string, ...string[]]
  readonly env?: Readonly<Record<string, string>>
  readonly call: Call
  /** Made after that, in the same session: each has to be answered without an error. */
  readonly after?: readonly Call[]
  /** It goes out through the egress of its environment, which leads to a page on this host (PAGE). */
  readonly browses?: true
  /** What has to be on the host for it. */
  readonly needs?: string
  /** Its tools come from its own API, which nobody reaches here: that it says so is what is looked for. */
  readonly listsByNetwork?: true
}

export interface Call {
  readonly tool: string
  readonly args: Readonly<Record<string, unknown>>
  /** What has to stand in its answer. */
  readonly says?: string
}

/** A page with a heading (Tea, 3.50 EUR) and a button (Buy), by the address that a browser has it at. */
export const PAGE = '{page}'

/** Stands for a directory of its own. */
export const DATA = '{data}'

export const CHROMIUM = '/usr/bin/chromium'
/** Where a relay finds its way out. A browser goes to loopback addresses without a proxy, unless it is told this one. */
export const WAY_OUT = 'http://127.0.0.1:7071'
const DUMMY = 'dummy-credential-0123456789'

export const CANDIDATES: readonly Candidate[] = [
  {
    name: 'notion',
    from: 'npm',
    package: '@notionhq/notion-mcp-server',
    command: ['notion-mcp-server'],
    env: { NOTION_TOKEN: `ntn_${DUMMY}` },
    call: { tool: 'API-get-self', args: {} },
  },
  {
    name: 'context7',
    from: 'npm',
    package: '@upstash/context7-mcp',
    command: ['context7-mcp'],
    call: { tool: 'resolve-library-id', args: { query: 'a router', libraryName: 'express' } },
  },
  {
    name: 'everything',
    from: 'npm',
    package: '@modelcontextprotocol/server-everything',
    version: '2025.8.18',
    command: ['mcp-server-everything'],
    call: { tool: 'echo', args: { message: 'hello' } },
  },
  {
    name: 'everything-newest',
    from: 'npm',
    package: '@modelcontextprotocol/server-everything',
    command: ['mcp-server-everything'],
    call: { tool: 'echo', args: { message: 'hello' } },
    after: [{ tool: 'trigger-long-running-operation', args: { duration: 2, steps: 4 }, says: 'completed' }],
  },
  {
    name: 'chrome-devtools',
    from: 'npm',
    package: 'chrome-devtools-mcp',
    command: [
      'chrome-devtools-mcp',
      '--headless',
      '--isolated',
      '--executablePath',
      CHROMIUM,
      '--chromeArg=--no-sandbox',
    ],
    call: { tool: 'list_pages', args: {} },
    needs: CHROMIUM,
  },
  {
    name: 'playwright',
    from: 'npm',
    package: '@playwright/mcp',
    command: [
      ...(['playwright-mcp', '--headless', '--isolated', '--no-sandbox'] as const),
      ...['--proxy-server', WAY_OUT, '--executable-path', CHROMIUM],
    ],
    call: { tool: 'browser_navigate', args: { url: PAGE }, says: 'Page Title: The shop' },
    after: [
      { tool: 'browser_snapshot', args: {}, says: 'Tea, 3.50 EUR' },
      { tool: 'browser_click', args: { element: 'Buy', target: 'button' } },
      { tool: 'browser_snapshot', args: {}, says: 'bought' },
      { tool: 'browser_take_screenshot', args: { scale: 'css' }, says: 'image/png' },
    ],
    browses: true,
    needs: CHROMIUM,
  },
  {
    name: 'firecrawl',
    from: 'npm',
    package: 'firecrawl-mcp',
    command: ['firecrawl-mcp'],
    env: { FIRECRAWL_API_KEY: `fc-${DUMMY}` },
    call: { tool: 'firecrawl_map', args: { url: 'https://shop.example' } },
  },
  {
    name: 'kubernetes',
    from: 'npm',
    package: 'mcp-server-kubernetes',
    command: ['mcp-server-kubernetes'],
    call: { tool: 'ping', args: {} },
  },
  {
    name: 'exa',
    from: 'npm',
    package: 'exa-mcp-server',
    command: ['exa-mcp-server'],
    env: { EXA_API_KEY: DUMMY },
    call: { tool: 'web_search_exa', args: { query: 'tea' } },
  },
  {
    name: 'tavily',
    from: 'npm',
    package: 'tavily-mcp',
    command: ['tavily-mcp'],
    env: { TAVILY_API_KEY: `tvly-${DUMMY}` },
    call: { tool: 'tavily_search', args: { query: 'tea' } },
  },
  {
    name: 'sequential-thinking',
    from: 'npm',
    package: '@modelcontextprotocol/server-sequential-thinking',
    command: ['mcp-server-sequential-thinking'],
    call: {
      tool: 'sequentialthinking',
      args: { thought: 'tea first', nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 },
    },
  },
  {
    name: 'memory',
    from: 'npm',
    package: '@modelcontextprotocol/server-memory',
    command: ['mcp-server-memory'],
    env: { MEMORY_FILE_PATH: '/tmp/memory.jsonl' },
    call: { tool: 'read_graph', args: {} },
  },
  {
    name: 'azure',
    from: 'npm',
    package: '@azure/mcp',
    command: ['azmcp', 'server', 'start'],
    call: { tool: 'subscription_list', args: {} },
  },
  {
    name: 'filesystem',
    from: 'npm',
    package: '@modelcontextprotocol/server-filesystem',
    command: ['mcp-server-filesystem', DATA],
    call: { tool: 'list_allowed_directories', args: {} },
  },
  {
    name: 'github',
    from: 'npm',
    package: '@modelcontextprotocol/server-github',
    command: ['mcp-server-github'],
    env: { GITHUB_PERSONAL_ACCESS_TOKEN: `ghp_${DUMMY}` },
    call: { tool: 'search_repositories', args: { query: 'tea' } },
  },
  {
    name: 'postgres',
    from: 'npm',
    package: '@modelcontextprotocol/server-postgres',
    command: ['mcp-server-postgres', `postgresql://shop:${DUMMY}@127.0.0.1:1/shop`],
    call: { tool: 'query', args: { sql: 'select 1' } },
  },
  {
    name: 'brave-search',
    from: 'npm',
    package: '@modelcontextprotocol/server-brave-search',
    command: ['mcp-server-brave-search'],
    env: { BRAVE_API_KEY: DUMMY },
    call: { tool: 'brave_web_search', args: { query: 'tea' } },
  },
  {
    name: 'slack',
    from: 'npm',
    package: '@modelcontextprotocol/server-slack',
    command: ['mcp-server-slack'],
    env: { SLACK_BOT_TOKEN: `xoxb-${DUMMY}`, SLACK_TEAM_ID: 'T01234567' },
    call: { tool: 'slack_list_channels', args: {} },
  },
  {
    name: 'supabase',
    from: 'npm',
    package: '@supabase/mcp-server-supabase',
    command: ['mcp-server-supabase', '--read-only', '--features=account,docs'],
    env: { SUPABASE_ACCESS_TOKEN: `sbp_${DUMMY}` },
    call: { tool: 'list_organizations', args: {} },
    listsByNetwork: true,
  },
  {
    name: 'time',
    from: 'pypi',
    package: 'mcp-server-time',
    command: ['mcp-server-time'],
    call: { tool: 'get_current_time', args: { timezone: 'Europe/Lisbon' } },
  },
  {
    name: 'fetch',
    from: 'pypi',
    package: 'mcp-server-fetch',
    command: ['mcp-server-fetch'],
    call: { tool: 'fetch', args: { url: 'https://shop.example' } },
  },
  {
    name: 'git',
    from: 'pypi',
    package: 'mcp-server-git',
    command: ['mcp-server-git'],
    call: { tool: 'git_status', args: { repo_path: '/tmp' } },
  },
  {
    name: 'calculator',
    from: 'pypi',
    package: 'mcp-server-calculator',
    command: ['mcp-server-calculator'],
    call: { tool: 'calculate', args: { expression: '2 + 3' } },
  },
]
