import type { Config } from '../../config/config.ts'
import { labelsAtStart } from '../../config/labels.ts'
import type { Label } from '../../model/index.ts'
import type { HostedCell } from '../environment/hosted-cell.ts'

/** The parts of a cell that another configuration may change while it runs. */
export type FollowingCell = Pick<HostedCell, 'agent' | 'command' | 'piped' | 'undeclared'>

/**
 * Has a cell go by another configuration, in the surroundings of its start. Returns the labels of those surroundings by
 * what both configurations say of them, since labels only rise.
 *
 * Where its agent is declared here no more, nothing is granted to the cell, then and later: whoever writes an agent of that
 * name anew starts it anew. It is still known by its name, owner and environment, so that orders to those mean it.
 */
export function followConfig(hosted: FollowingCell, { agents }: Config): readonly Label[] {
  const { agent, command, piped } = hosted
  const declared = agents.get(agent.name)
  if (declared?.environment !== agent.environment) hosted.undeclared = true
  if (declared === undefined || hosted.undeclared) {
    hosted.agent = { ...agent, grants: [], delegates: [] }
    return []
  }
  const { labels: said, labelled } = declared.cell
  const now = labelsAtStart({ ...agent.cell, labels: said, labelled }, command, piped)
  const labels = [...new Set([...agent.cell.labels, ...now])]
  hosted.agent = { ...declared, cell: { ...agent.cell, labels } }
  return labels
}
