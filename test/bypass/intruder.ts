/**
 * An agent that is the attacker's: runs the commands that it is given, kills what it can see, leaves a child that means to
 * stay, and never ends by itself. What came of each it prints.
 */
import { execFile, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import process from 'node:process'

for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1'] as const) process.on(signal, () => undefined)

const url = process.env.FIREBREAK_MCP_URL ?? ''
const commands = JSON.parse(readFileSync('/workspace/commands', 'utf8')) as readonly string[] // as the test writes them

/** A tool call of 2026-07-28, as curl sends it. */
const calling = (name: string) => {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {}, _meta } })
  const headers = [`mcp-name: ${name}`, 'mcp-method: tools/call', 'mcp-protocol-version: 2026-07-28']
  const given = ['content-type: application/json', ...headers].map((header) => `-H '${header}'`).join(' ')
  return `curl -s -m 60 ${given} -d '${body}' ${url}`
}

const ran = (command: string, timeout = 4_000) =>
  new Promise<string>((resolve) => {
    const options = { timeout, maxBuffer: 1_048_576 }
    execFile('/bin/bash', ['-c', command], options, (_, stdout, stderr) => resolve(`${stdout}${stderr}`))
  })

/** Many at a time, each in the place of the last. */
const said: string[] = []
const rest = commands.entries()
const worker = async () => {
  for (const [i, command] of rest) said[i] = await ran(command)
}
await Promise.all(Array.from({ length: 12 }, worker))
// All that there is but itself: at once, and by every number.
for (const pid of [-1, ...readdirSync('/proc').map(Number).filter(Number.isInteger)]) {
  try {
    if (pid !== process.pid) process.kill(pid, 'SIGKILL')
  } catch {
    // There is none, or it is not ours.
  }
}
const [allowed, refused] = [await ran(calling('desk__note'), 61_000), await ran(calling('desk__wipe'), 61_000)]
// In a session of its own, without a parent, and deaf to every signal but one.
const stays = `trap "" TERM HUP INT QUIT; while :; do ${calling('desk__note')}; sleep 0.05; done`
spawn('/usr/bin/setsid', ['-f', '/bin/bash', '-c', `( ${stays} ) & disown`], { stdio: 'ignore' })
console.log(JSON.stringify({ said, allowed, refused }))
setInterval(() => spawn('/bin/sleep', ['60'], { stdio: 'ignore' }).on('error', () => undefined), 50)
