/** Chromium as the program of an agent: it draws a page, in memory of bounded size and without a sandbox of its own. */
import type { SpawnSyncReturns } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHROMIUM } from './servers.ts'

const SCRIPT = `${CHROMIUM} --headless --no-sandbox --screenshot=/tmp/page.png 'data:text/html,<h1>Tea</h1>' 2>/tmp/said
head -c 4 /tmp/page.png || grep -E 'FATAL|ERROR' /tmp/said | grep -v dbus | head -1`

/** Returns what came of it, as a column of the table: `answered: …`, `skipped: …` or what went wrong. */
export function browserAlone(
  directory: string,
  firebreak: (args: readonly string[]) => SpawnSyncReturns<string>,
): string {
  if (!existsSync(CHROMIUM)) return `skipped: there is no ${CHROMIUM}`
  const place = join(directory, 'browser')
  mkdirSync(place)
  const cell = { memory: '1GiB', pids: 256, wall: '1min' }
  const alpha = { owner: 'maria.silva@shop.example', environment: 'test', command: ['sh', '-c', SCRIPT], cell }
  const config = join(place, 'firebreak.yaml')
  writeFileSync(config, JSON.stringify({ environments: { test: {} }, agents: { alpha } }))
  const { stdout, stderr } = firebreak(['run', '-c', config])
  return stdout.includes('PNG') ? 'answered: a picture of a page' : `run: ${stdout.trim()} ${stderr.trim()}`
}
