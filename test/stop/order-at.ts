/**
 * Preloaded into `firebreak run` by a test (`NODE_OPTIONS=--import`): at one step of a launch somebody else's order is
 * given, and the launch goes on only when that lies in the warden's socket. The product's own code knows nothing of it.
 */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import process from 'node:process'

/** In the order that they come in. */
export const LAUNCH_STEPS = [
  'its directory made',
  'what it is written down',
  'its group made',
  'its first process known',
  'in its group',
  'its gateway being told',
  'being let go',
  'let go',
] as const
export type LaunchStep = (typeof LAUNCH_STEPS)[number]

export interface OrderAt {
  readonly step: LaunchStep
  /** Of the cells of this run, which launch: the first, or that of what it delegates. */
  readonly nth: number
  /** Started with nothing but `node`, and with `report` behind it: it writes `<report>.sent`, and then what it heard. */
  readonly orderer: string
  readonly report: string
}

/** Turns of the event loop: one to accept a connection, one to read from it, and the rest for doubt. */
const TURNS = 20

const { existsSync, mkdirSync, renameSync, writeFileSync } = fs
const { stringify } = JSON
const told = process.env.ORDER_AT
if (told !== undefined) watch(JSON.parse(told))

function watch({ step: wanted, nth, orderer, report }: OrderAt): void {
  const seen = new Map<LaunchStep, Set<string>>()
  let done = false
  const at = (step: LaunchStep, cell: string): void => {
    const cells = seen.get(step) ?? new Set()
    seen.set(step, cells.add(cell))
    if (done || step !== wanted || cells.size < nth) return
    done = true
    const env = { PATH: process.env.PATH }
    spawn(process.execPath, [orderer, report], { env, detached: true, stdio: 'ignore' }).unref()
    // Nothing of this process goes on meanwhile: what comes after this step comes after the order.
    while (!existsSync(`${report}.sent`)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2)
  }
  const cellIn = (path: unknown): string => /\/(c_[0-9a-z]{16})(?:\/|$)/.exec(String(path))?.[1] ?? ''
  const isCells = (path: unknown): boolean => /\/cells\/c_[0-9a-z]{16}$/.test(String(path))
  const isGroup = (path: unknown): boolean => /cgroup.*\/firebreak\/c_[0-9a-z]{16}$/.test(String(path))

  fs.mkdirSync = ((path: fs.PathLike, ...rest: []) => {
    const made = mkdirSync(path, ...rest)
    if (isCells(path)) at('its directory made', cellIn(path))
    if (isGroup(path)) at('its group made', cellIn(path))
    return made
  }) as typeof mkdirSync
  fs.renameSync = (from, to) => {
    renameSync(from, to)
    if (String(to).endsWith('/init')) at('its first process known', cellIn(to))
  }
  fs.writeFileSync = (file, data, ...rest) => {
    const path = String(file)
    if (path.endsWith('/begun')) at('being let go', cellIn(path))
    writeFileSync(file, data, ...rest)
    if (path.endsWith('/about')) at('what it is written down', cellIn(path))
    if (path.endsWith('/begun')) setImmediate(() => at('let go', cellIn(path)))
  }
  const { writeFile } = fs.promises
  fs.promises.writeFile = async (file, ...rest) => {
    await writeFile(file, ...rest)
    if (!String(file).endsWith('/cgroup.procs') || cellIn(file) === '') return
    at('in its group', cellIn(file))
    // The order lies in the kernel: it is heard within a few turns of the loop, whichever socket a turn looks at first.
    for (let turn = 0; done && turn < TURNS; turn++) await new Promise(setImmediate)
  }
  JSON.stringify = (value: unknown, ...rest: []) => {
    const said = value as { kind?: string; cell?: string; number?: number } | null
    if (said?.kind === 'cell' && said.number !== undefined) at('its gateway being told', String(said.cell))
    return stringify(value, ...rest)
  }
  syncBuiltinESMExports()
}
