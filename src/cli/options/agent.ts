import type { Agent, Config } from '../../config/config.ts'
import type { Call } from '../command.ts'

/** Returns the agent that `--agent` names, or the only one; undefined where there is none, which was told. */
export function agentAsked(call: Call, { agents }: Pick<Config, 'agents'>): Agent | undefined {
  const only = agents.size === 1 ? [...agents.keys()][0] : undefined
  const name = call.text('agent') ?? only
  const agent = [...agents.values()].find((each) => each.name === name)
  if (agent === undefined)
    call.print.fault(
      name === undefined ? 'which agent? Give --agent' : `there is no agent "${name}"`,
      `declared: ${[...agents.keys()].join(', ')}`,
    )
  return agent
}
