/** A warden whose cell takes its pid 1 over: `taken-over-warden.ts [lie <run directory>]`; without `lie` it waits to be killed. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { openWarden } from '../../src/cells/linux/launch/warden.ts'
import { lastReport, NODE, spec } from './kit.ts'

const [lie, base] = process.argv.slice(2)
const opened = await openWarden(base === undefined ? {} : { runDirectory: join(base, 'run') })
if (!opened.ok) throw new Error(JSON.stringify(opened.reason))
const accepts = base === undefined ? [] : (['memory', 'cpu', 'pids', 'freeze', 'disk'] as const)
const command = [NODE, '/opt/attacks/takeover.ts', ...(lie === undefined ? [] : [lie])] as const
const launched = await opened.value.launch(spec(command, { accepts, ports: [] }))
if (!launched.ok) throw new Error(JSON.stringify(launched.reason))
const cell = launched.value
const initPid = [...cell.pids()].toSorted((a, b) => a - b)[0]
if (cell.stdio.kind !== 'pipes') throw new Error('unreachable')
const { createReadStream } = await import('node:fs')
const lines = createInterface({ input: createReadStream('', { fd: cell.stdio.stdout.take() }) })
cell.start()
if (lie === undefined) {
  lines.once('line', (line) =>
    console.log(JSON.stringify({ initPid, pid1: lastReport(line, 'no report')['pid 1'], cell: cell.id })),
  )
  await delay(30_000)
} else {
  const { code } = await cell.exited
  const livedOn = existsSync(`/proc/${initPid}`) && !/^State:\tZ/m.test(readFileSync(`/proc/${initPid}/status`, 'utf8'))
  const { gone } = await cell.teardown()
  await delay(300)
  console.log(JSON.stringify({ initPid, code, livedOn, gone }))
  await opened.value.close()
  process.exit(0)
}
