/**
 * Gives one order to the warden of a state: `orderer.ts <report>`, and in `<report>.json` which. By its socket, and, where
 * it says so, with the fence on disk first, as a command writes it that has found no socket yet.
 */
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import type { Order } from '../../src/host/stop/containment.ts'
import { fileFences } from '../../src/host/stop/fence.ts'
import { fenceAgents } from '../../src/host/stop/stop.ts'
import { agentName } from '../../src/model/index.ts'

export interface Ordered {
  readonly state: string
  readonly order: Order
  /** `socket`: the warden is told. `disk`: only the fence is, of these agents. */
  readonly by: 'socket' | 'disk'
  readonly agents: readonly string[]
}

const [report = ''] = process.argv.slice(2)
const { state, order, by, agents } = JSON.parse(readFileSync(`${report}.json`, 'utf8')) as Ordered
if (by === 'disk') {
  const fenced = await fenceAgents(fileFences(state), agents.map(agentName), order)
  heard(JSON.stringify({ kind: 'done', ok: fenced.ok }))
  writeFileSync(`${report}.sent`, '')
} else {
  const directory = join(state, 'control')
  const [name = ''] = readdirSync(directory).filter((each) => each.endsWith('.sock'))
  let text = ''
  const socket = connect(join(directory, name), () => {
    socket.write(`${JSON.stringify({ kind: 'contain', order })}\n`, () => writeFileSync(`${report}.sent`, ''))
  })
  socket.on('data', (chunk) => {
    text += chunk.toString()
  })
  socket.on('close', () => heard(text))
}

/** Writes what was answered, whole before its name is there: whoever waits for the name reads at once. */
function heard(answer: string): void {
  writeFileSync(`${report}.part`, answer)
  renameSync(`${report}.part`, `${report}.heard`)
}
