/** Ways out that a provider offers beside an answer of its model; each is closed until it is granted by its name. */
export type ModelWayOut = (typeof MODEL_WAYS_OUT)[number]

export const MODEL_WAYS_OUT = [
  /** Searches of the web, and of maps, that the provider makes. */
  'web_search',
  /** Pages that the provider fetches. */
  'web_fetch',
  /** Programs that run at the provider. */
  'code_execution',
  /** Servers of MCP and connectors that the provider calls. */
  'mcp',
  /** Files that are kept at the provider, and searches in them. */
  'files',
  'batches',
  /** State that is kept at the provider and read by a later request: its input is not bounded by what is sent. */
  'stored',
  /** Pictures and documents that the provider fetches. */
  'url-sources',
  /** Any other tool that runs at the provider. */
  'server-tools',
  /** Keys, members, webhooks, agents, fine-tuning: what else an account can do. */
  'admin',
] as const
