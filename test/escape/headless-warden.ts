/**
 * A warden without root and without cgroups whose cell's pid 1 loses its main thread and goes on:
 * `headless-warden.ts kill|teardown <directory>`. For `teardown`, pid 1 has said before that the command ended. Reports
 * what the kill said and whether the teardown calls the cell gone, and waits to be killed.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { openWarden } from '../../src/cells/warden.ts'
import { NODE, spec } from './kit.ts'

const [how, base = ''] = process.argv.slice(2)
const opened = await openWarden({ runDirectory: join(base, 'run'), profile: 'user' })
if (!opened.ok) throw new Error(JSON.stringify(opened.reason))
const accepts = ['memory', 'cpu', 'pids', 'freeze', 'disk'] as const
const command = [NODE, '/opt/attacks/headless.ts', how === 'teardown' ? 'lie' : ''] as const
const launched = await opened.value.launch(spec(command, { accepts, ports: [] }))
if (!launched.ok) throw new Error(JSON.stringify(launched.reason))
const cell = launched.value
const init = Math.min(...cell.pids())
cell.start()
if (how === 'teardown') await cell.exited
for (let tries = 0; tries < 400 && !isHeadless(); tries++) await delay(25)
if (!isHeadless()) throw new Error('control: it has not become a zombie that runs')
const said = how === 'kill' ? JSON.stringify(await cell.kill()) : 'torn down'
const { gone } = await cell.teardown()
console.log(JSON.stringify({ init, said, gone }))
process.stdin.resume()

function isHeadless(): boolean {
  try {
    const zombie = /^State:\tZ/m.test(readFileSync(`/proc/${init}/status`, 'utf8'))
    return zombie && readdirSync(`/proc/${init}/task`).length > 1
  } catch {
    return false
  }
}
