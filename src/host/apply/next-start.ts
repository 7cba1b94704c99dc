import type { CellConfig, Config } from '../../config/config.ts'
import type { AgentName } from '../../model/index.ts'
import { meansSame } from '../reach/meaning.ts'

/** Changes around an agent's cells that a cell which runs does not follow. */
export interface NextStart {
  readonly agent: AgentName
  /** The things that are so from its next start, in words. */
  readonly what: readonly string[]
}

/**
 * The time from which a change of each member of a cell's configuration holds for a cell that runs: at once, or from its
 * next start, by which words. Another driver opens the environment anew.
 */
const IN_FORCE: Readonly<Record<keyof CellConfig, 'at once' | 'anew' | { readonly from: string }>> = {
  driver: 'anew',
  root: { from: 'root' },
  workspace: { from: 'workspace' },
  hide: { from: 'hidden files' },
  // Labels only rise: one that is taken away stays on what has it.
  labels: 'at once',
  labelled: 'at once',
  files: { from: 'files' },
  home: { from: 'files' },
  cwd: { from: 'directory of its command' },
  env: { from: 'variables' },
  cpu: { from: 'limits' },
  memoryBytes: { from: 'limits' },
  pids: { from: 'limits' },
  ioBytesPerSecond: { from: 'limits' },
  wallMs: { from: 'limits' },
  checkpoints: { from: 'checkpoints' },
  // Whoever commits goes by the file as it is then.
  commit: 'at once',
}

/** Returns what of a change of the configuration a cell that runs does not follow, agent by agent. Pure. */
export function nextStartOf(before: Config, after: Config): readonly NextStart[] {
  const decoys = meansSame(before.containment.decoys.files, after.containment.decoys.files) ? [] : ['decoy files']
  return [...before.agents.values()].flatMap(({ name, cell, command }): readonly NextStart[] => {
    const next = after.agents.get(name)
    if (next === undefined) return []
    const around = Object.entries(IN_FORCE).flatMap(([member, when]) => {
      const key = member as keyof CellConfig // the table has each of them, and no other
      return typeof when === 'object' && !meansSame(cell[key], next.cell[key]) ? [when.from] : []
    })
    const labels = cell.labels.every((label) => next.cell.labels.includes(label)) ? [] : ['fewer labels']
    const own = meansSame(command, next.command) ? [] : ['command']
    const what = [...new Set([...around, ...labels, ...own, ...decoys])]
    return what.length === 0 ? [] : [{ agent: name, what }]
  })
}
