// npm start: installs what is missing, then runs the coding agent and the refund desk, each to its end.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { pinnedNode, root, setUp } from './setup.js'

const HELP = `Firebreak at work: two agents that obey whoever wrote to them, each without Firebreak and with it.

usage: npm start [-- --agent <name>] [-- --json] [-- --state <dir>]

  --agent <name>  the coding agent: own, or claude, codex, pi, opencode or gemini where this host has it; absent: the first of
                  those that is found, else own
  --json          print the same as JSON, one line for each of the two
  --state <dir>   keep everything that was written, in <dir>/coding-agent and <dir>/refund-desk: the ledger, the witness's
                  seals, the incident page and the shop's book

examples:
  npm start -- --agent own
  npm start -- --state /tmp/seen && bin/firebreak ledger verify /tmp/seen/refund-desk/ledger --witness /tmp/seen/refund-desk/witness
`

const { agent, json, state, help } = options()
if (help) {
  process.stdout.write(HELP)
  process.exit(0)
}
setUp()
const common = json ? ['--json'] : []
const kept = (name) => (state === undefined ? [] : ['--state', join(state, name)])
play('coding-agent', [...common, ...kept('coding-agent'), ...(agent === undefined ? [] : ['--agent', agent])])
if (!json) process.stdout.write('\n')
play('refund-desk', [...common, ...kept('refund-desk')])

function options() {
  const known = { agent: 'string', json: 'boolean', state: 'string', help: 'boolean' }
  try {
    return parseArgs({
      options: Object.fromEntries(Object.entries(known).map(([name, type]) => [name, { type }])),
    }).values
  } catch (error) {
    process.stderr.write(`firebreak: ${error.message}\n${HELP}`)
    process.exit(2)
  }
}

/** Runs an example to its end, and ends with it where one of its claims does not hold. */
function play(name, words) {
  const { status } = spawnSync(pinnedNode(), [join(root, 'examples', name, 'start.ts'), ...words], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
