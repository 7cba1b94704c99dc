/**
 * A warden without root and without cgroups whose cell's pid 1 loses its main thread and goes on:
 * `headless-warden.ts kill|teardown|guard|next <directory>`. For `teardown` and `guard`, pid 1 forgets that it dies with its
 * parent and says that the command ended. Reports what the kill said and whether the teardown calls the cell gone, and
 * waits to be killed; for `guard` it waits with the cell standing, and `next` reports only
 * whether it found cells of a killed warden, and what it could not end of them.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { openWarden } from '../../src/cells/linux/launch/warden.ts'
import { NODE, spec } from './kit.ts'

const [how, base = ''] = process.argv.slice(2)
const opened = await openWarden({ runDirectory: join(base, 'run'), profile: 'user' })
if (!opened.ok) throw new Error(JSON.stringify(opened.reason))
if (how === 'next') {
  const { reaped } = opened.value
  console.log(
    JSON.stringify({ gone: reaped.some(({ cells }) => cells.length > 0), left: reaped.flatMap(({ left }) => left) }),
  )
  await delay(30_000)
}
const accepts = ['memory', 'cpu', 'pids', 'freeze', 'disk'] as const
const command = [NODE, '/opt/attacks/headless.ts', how === 'kill' ? '' : 'lie'] as const
const launched = await opened.value.launch(spec(command, { accepts, ports: [] }))
if (!launched.ok) throw new Error(JSON.stringify(launched.reason))
const cell = launched.value
const init = Math.min(...cell.pids())
cell.start()
if (how !== 'kill') await cell.exited
for (let tries = 0; tries < 400 && !isHeadless(); tries++) await delay(25)
if (!isHeadless()) throw new Error('control: it has not become a zombie that runs')
if (how === 'guard') {
  console.log(JSON.stringify({ init }))
  await delay(30_000)
}
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
