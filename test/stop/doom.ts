/**
 * Preloaded into a `firebreak` command by a test (`NODE_OPTIONS=--import`): at one step of a stop it sends one signal to
 * one process. The product's own code knows nothing of it: what is wrapped are the functions of Node that it calls.
 */
import crypto from 'node:crypto'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import process from 'node:process'
import { runsProgram } from '../kit/runs-program.ts'

/** In the order that they come in, as far as there is one: orders go out at once. */
export const STEPS = [
  'order received',
  'gate ordered',
  'freeze ordered',
  'frozen',
  'gate confirmed',
  'connections confirmed',
  'fence begun',
  'fence half written',
  'fence written',
  'fence synced',
  'fence renamed',
  'fence confirmed',
  'evidence being taken',
  'receipt signed',
  'receipt half written',
  'receipt written',
  'ledger being told',
  'person being told',
  'person told',
] as const
export type Step = (typeof STEPS)[number]

/** `itself` is the process that this module is loaded into. */
export const VICTIMS = ['itself', 'command', 'gateway', 'witness', 'guard', 'pump', 'cell'] as const
export type Victim = (typeof VICTIMS)[number]

export interface Doom {
  readonly step: Step
  readonly victim: Victim
  readonly signal: 'SIGKILL' | 'SIGSTOP'
  /** Where it says what it has done: without this file the step was not reached. */
  readonly report: string
  /** Of which state: there are other runs on this host. */
  readonly state: string
}

const { writeFileSync, readFileSync, readdirSync, openSync, fsyncSync, renameSync, readlinkSync } = fs
const { sign } = crypto
const { parse, stringify } = JSON
const doom: Doom | undefined = process.env.DOOM === undefined ? undefined : parse(process.env.DOOM)
if (doom !== undefined) watch(doom)

function watch(doomed: Doom): void {
  // A run writes a fence at its start, too: what counts begins with the first order, and comes once.
  let armed = process.argv.includes('contain')
  let done = false
  const at = (step: Step): void => {
    if (!armed || done || step !== doomed.step) return
    done = true
    const pid = pidOf(doomed.victim, doomed.state)
    writeFileSync(doomed.report, `${step}: ${doomed.victim} ${pid}\n`)
    process.kill(pid, doomed.signal)
  }
  const files = new Map<unknown, 'fence' | 'receipt'>()

  JSON.parse = (text: string, ...rest: []) => {
    if (typeof text === 'string' && text.startsWith('{"kind":"contain"')) {
      armed = true
      at('order received')
    }
    return parse(text, ...rest)
  }
  JSON.stringify = (value: unknown, ...rest: []) => {
    const said = value as { kind?: string; confirmation?: { point: string }; receipt?: unknown } | null
    if (said?.kind === 'confirmation') {
      const point = said.confirmation?.point ?? ''
      if (point === 'gate') at('gate confirmed')
      if (point === 'fence') at('fence confirmed')
      if (point.startsWith('connections of ')) at('connections confirmed')
    }
    if (said?.kind === 'note') at('ledger being told')
    if (said?.kind === 'done' && said.receipt !== undefined) {
      at('person being told')
      setImmediate(() => at('person told'))
    }
    return stringify(value, ...rest)
  }
  fs.openSync = (path, ...rest) => {
    const fd = openSync(path, ...rest)
    if (/fence\/fence\.json\.[0-9a-f]{16}$/.test(String(path))) files.set(fd, 'fence')
    if (/\.note\.[0-9a-f]{16}$/.test(String(path))) files.set(fd, 'receipt')
    if (files.get(fd) === 'fence') at('fence begun')
    return fd
  }
  fs.writeFileSync = (file, data, ...rest) => {
    const [what, path] = [files.get(file), String(file)]
    const limit = /cpu\.(?:max|cfs_quota_us)$/.test(path) && /^(?:max|-1)$/.test(String(data))
    const freeze = path.endsWith('/cgroup.freeze') && data === '1'
    if (limit || freeze) at('gate ordered')
    if (what === undefined || typeof data !== 'string') writeFileSync(file, data, ...rest)
    else {
      const half = data.length >> 1
      writeFileSync(file, data.slice(0, half), ...rest)
      at(`${what} half written`)
      writeFileSync(file, data.slice(half), ...rest)
      if (what === 'fence') at('fence written')
    }
    if (freeze) at('freeze ordered')
  }
  fs.fsyncSync = (fd) => {
    fsyncSync(fd)
    if (files.get(fd) === 'fence') at('fence synced')
    files.delete(fd)
  }
  fs.renameSync = (from, to) => {
    renameSync(from, to)
    if (String(to).endsWith('fence/fence.json')) at('fence renamed')
    if (String(to).endsWith('.note')) at('receipt written')
  }
  fs.readFileSync = ((path: string, ...rest: []) => {
    const read = readFileSync(path, ...rest)
    if (String(path).endsWith('/cgroup.events') && String(read).includes('frozen 1')) at('frozen')
    return read
  }) as typeof readFileSync
  fs.readlinkSync = ((path: string, ...rest: []) => {
    if (/^\/proc\/\d+\/exe$/.test(String(path))) at('evidence being taken')
    return readlinkSync(path, ...rest)
  }) as typeof readlinkSync
  crypto.sign = ((...args: Parameters<typeof sign>) => {
    const signature = sign(...args)
    at('receipt signed')
    return signature
  }) as typeof sign
  syncBuiltinESMExports()
}

/** Of one that is there: a test that kills nobody proves nothing. */
function pidOf(victim: Victim, state: string): number {
  if (victim === 'itself') return process.pid
  if (victim === 'cell') return cellInit()
  const named = (pid: string): boolean => {
    const line = commandLine(pid)
    const own = parentOf(pid) === process.pid
    switch (victim) {
      case 'command':
        return runsProgram(line, 'cli/main') && / (?:contain|kill) /.test(line) && line.includes(state)
      case 'gateway':
        return own && runsProgram(line, 'gateway/main')
      case 'witness':
        return own && runsProgram(line, 'ledger/seal/witness-main')
      case 'guard':
        return own && line.includes("trap '' HUP")
      case 'pump':
        return own && line.trim() === '/usr/bin/cat'
    }
  }
  const pid = readdirSync('/proc').find((name) => /^\d+$/.test(name) && named(name))
  if (pid === undefined) throw new Error(`there is no ${victim}`)
  return Number(pid)
}

/** Pid 1 of the agent's cell: of the cells of this warden, the one that has been shown a way to its gateway. */
function cellInit(): number {
  const runs = '/run/firebreak/runs'
  for (const run of readdirSync(runs)) {
    if (run.startsWith('.') || parse(readFileSync(`${runs}/${run}/owner`, 'utf8')).pid !== process.pid) continue
    const [cell] = readdirSync(`${runs}/${run}/cells`)
    return parse(readFileSync(`${runs}/${run}/cells/${cell}/init`, 'utf8')).pid
  }
  throw new Error('there is no cell')
}

function commandLine(pid: string): string {
  try {
    return `${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')} `
  } catch {
    return ''
  }
}

function parentOf(pid: string): number {
  try {
    return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  } catch {
    return 0
  }
}
