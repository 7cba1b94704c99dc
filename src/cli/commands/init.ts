import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { configShape } from '../../config/schema.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../command.ts'

export const command: Command = {
  name: 'init',
  summary: 'Write a first configuration, its schema and an empty workspace',
  usage: ['firebreak init [<dir>]'],
  example: 'firebreak init my-agent && cd my-agent && firebreak run --agent hello',
  options: {},
  run,
}

async function run(call: Call): Promise<ExitCode> {
  const directory = resolve(call.positionals[0] ?? '.')
  const file = join(directory, 'firebreak.yaml')
  if (existsSync(file)) {
    call.print.fault(`${file} is there already`, 'nothing was changed')
    return EXIT.usage
  }
  mkdirSync(join(directory, 'work'), { recursive: true })
  mkdirSync(join(directory, 'policies'), { recursive: true })
  writeFileSync(file, CONFIGURATION)
  writeFileSync(join(directory, 'policies', 'never.cedar'), POLICY)
  const schema = { $schema: 'https://json-schema.org/draft/2020-12/schema', ...configShape.schema }
  writeFileSync(join(directory, 'firebreak.schema.json'), `${JSON.stringify(schema, null, 2)}\n`)
  call.print.line(`Written to ${directory}:`)
  call.print.line('  firebreak.yaml          one environment, one agent that may do nothing yet')
  call.print.line('  policies/never.cedar    what nobody may do, whatever is granted')
  call.print.line('  work/                   what the agent’s cell sees as /workspace, through a private overlay')
  call.print.line('')
  call.print.line('Next: firebreak doctor, then firebreak run --agent hello')
  call.print.object({ ok: true, file })
  return EXIT.ok
}

const CONFIGURATION = `# yaml-language-server: $schema=./firebreak.schema.json
environments:
  test: {}

# Servers that agents reach through the gateway. Each belongs to one environment.
# upstreams:
#   files:
#     environment: test
#     mcp:
#       command: [/usr/bin/my-mcp-server, --root, /workspace]   # runs in a cell of its own, without network
#       cell: { workspace: ./shared }
#     tools:
#       read_file: { effect: read }
#       write_file: { effect: write }
# Then, once: firebreak accept --as you@example.org

agents:
  hello:
    owner: you@example.org
    environment: test
    command: [sh, -c, 'echo "I am $(id -un), I see:"; ls / /workspace']
    cell: { workspace: ./work, cpu: 1, memory: 512MiB, pids: 64, wall: 10min }
    # grants:
    #   - upstream: files
    #     tools: [read_file]
    #     budget: { calls: 60/min }
    #     expires: 8h

policies: [policies/*.cedar]
`

const POLICY = `// Policies only forbid: what is allowed stands under grants in firebreak.yaml.
@id("nothing-irreversible")
@advice("a person does this, not an agent")
forbid (principal, action in Action::"irreversible", resource);
`
