import type { DeclaredTool } from '../../model/index.ts'

/** One thing that a configuration asks of its host, or leaves to a person: what, why, and what would change it. */
export interface Demand {
  /** `missing` stops a start or a call; `look` is weaker, or more work for a person, than it need be. */
  readonly verdict: 'missing' | 'look' | 'holds'
  readonly about: string
  readonly why: string
  /** Advice on what would change it; absent where it holds. */
  readonly fix?: string
}

export function missing(about: string, why: string, fix: string): Demand {
  return { verdict: 'missing', about, why, fix }
}

export function look(about: string, why: string, fix: string): Demand {
  return { verdict: 'look', about, why, fix }
}

export function holds(about: string, why: string): Demand {
  return { verdict: 'holds', about, why }
}

const NAMED_MAX = 3

/** Returns the first of the tools by name, and how many more there are. */
export function listed(tools: readonly DeclaredTool[]): string {
  const names = tools.slice(0, NAMED_MAX).map(({ name }) => name)
  return tools.length > NAMED_MAX ? `${names.join(', ')} and ${tools.length - NAMED_MAX} more` : names.join(', ')
}
