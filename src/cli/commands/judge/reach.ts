import { writeFileSync } from 'node:fs'
import { diffText, reachText } from '../../../control/reach-text.ts'
import { type AgentReach, agentReach } from '../../../host/reach/reach.ts'
import { configDiff } from '../../../host/reach/reach-diff.ts'
import { agentName, NAME_PATTERN } from '../../../model/index.ts'
import { type Call, CONFIG_OPTION, type Command, EXIT, type ExitCode } from '../../command.ts'
import { readConfig } from '../../options/config.ts'
import { printable } from '../../print/printable.ts'
import { reachDot } from '../../reach/dot.ts'
import { reachGraph } from '../../reach/graph.ts'
import { reachSvg } from '../../reach/svg.ts'

export const command: Command = {
  name: 'reach',
  usage: [
    'firebreak reach <agent> [--config <file>] [--dot] [--svg <file>]',
    'firebreak reach --diff <old.yaml> <new.yaml> [--agent <name>]',
  ],
  example: 'firebreak reach refund-bot --svg reach.svg\nfirebreak reach --diff firebreak.yaml firebreak.new.yaml',
  words: 2,
  options: {
    ...CONFIG_OPTION,
    dot: { type: 'boolean', help: 'print a Graphviz graph instead' },
    svg: { type: 'string', value: 'file', help: 'also draw it' },
    diff: { type: 'boolean', help: 'compare two configurations; exit 4 if anything becomes possible' },
    agent: { type: 'string', value: 'name', help: 'only this agent, with --diff' },
  },
  run,
}

async function run(call: Call): Promise<ExitCode> {
  if (call.flag('diff')) return diff(call)
  const [name] = call.positionals
  if (name === undefined) {
    call.print.fault('which agent?', `usage: ${command.usage[0]}`)
    return EXIT.usage
  }
  const judged = await readConfig(call)
  if (!judged.ok) return judged.reason
  const reach = NAME_PATTERN.test(name) ? agentReach(judged.value, agentName(name)) : undefined
  if (reach === undefined) {
    const names = [...judged.value.config.agents.keys()].join(', ')
    call.print.fault(`agent "${printable(name)}" is not declared`, `one of: ${names}`)
    return EXIT.usage
  }
  return show(call, reach)
}

async function diff(call: Call): Promise<ExitCode> {
  const [old, next, ...more] = call.positionals
  if (old === undefined || next === undefined || more.length > 0) {
    call.print.fault('two configurations are compared', `usage: ${command.usage[1]}`)
    return EXIT.usage
  }
  const before = await readConfigFile(call, old)
  if (!before.ok) return before.reason
  const after = await readConfigFile(call, next)
  if (!after.ok) return after.reason
  const only = call.text('agent')
  const agents = configDiff(before.value, after.value).filter(({ agent }) => only === undefined || agent === only)
  if (agents.length === 0) {
    call.print.fault(`agent "${printable(only ?? '')}" is declared in neither`)
    return EXIT.usage
  }
  const widens = agents.some(({ changes }) => changes.some((change) => change.widens))
  for (const line of diffText(agents)) call.print.line(line)
  call.print.object({ ok: !widens, widens, agents })
  return widens ? EXIT.needsApproval : EXIT.ok
}

function readConfigFile(call: Call, file: string) {
  return readConfig({ ...call, text: (option) => (option === 'config' ? file : call.text(option)) })
}

function show(call: Call, reach: AgentReach): ExitCode {
  const svg = call.text('svg')
  if (svg !== undefined) {
    try {
      writeFileSync(svg, reachSvg(reachGraph(reach)))
    } catch (error) {
      call.print.fault(error instanceof Error ? error.message : String(error))
      return EXIT.failed
    }
  }
  const shown = call.flag('dot') ? reachDot(reachGraph(reach)).trimEnd().split('\n') : reachText(reach)
  for (const line of shown) call.print.line(line)
  call.print.object({ ok: true, ...reach })
  return EXIT.ok
}
