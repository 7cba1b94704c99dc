import type { CellAbout } from '../../cells/spec.ts'
import type { Agent } from '../../config/config.ts'
import type { EnvironmentGround } from './environment-ground.ts'

type Ground = Pick<EnvironmentGround, 'cells' | 'config' | 'environment' | 'starting' | 'state'>

/** Returns what is noted on the host of an agent's cell; `parent` is the number of the cell that delegates to it. */
export function aboutAgent(ground: Ground, { name, owner, environment }: Agent, parent: number | undefined): CellAbout {
  const of = parent === undefined ? undefined : ground.cells.get(parent)?.cell.id
  const about = {
    part: 'agent',
    state: ground.state.directory,
    environment,
    agent: name,
    owner,
    configuration: ground.config.file,
  } as const
  return { ...about, ...(of !== undefined && { of }) }
}

/** Returns what is noted on the host of a server's cell; `number` is that of the cell it serves, null: several. */
export function aboutServer({ cells, config, environment, starting, state }: Ground, number: number | null): CellAbout {
  const about = { state: state.directory, environment } as const
  if (number === null) return { part: 'shared', ...about }
  const served = starting.get(number) ?? cells.get(number)
  if (served === undefined) return { part: 'person', ...about }
  const { name: agent, owner } = served.agent
  const of = 'id' in served ? served.id : served.cell.id
  return { part: 'server', ...about, agent, owner, configuration: config.file, of }
}
