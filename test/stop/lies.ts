/**
 * Preloaded into a run by a test (`NODE_OPTIONS=--import`): points of the stop that do not do what they say, or say
 * nothing. `LIE` names them: `gate` (a gateway that says "ordered" and follows no order), `freezer` (the kernel never says
 * frozen), `killer` (nor can anything be killed). And `mute` (a gateway that is killed before the warden hears of a rung),
 * `mutes` (each one that is started in its place, too).
 */
import child from 'node:child_process'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import { runsProgram } from '../kit/runs-program.ts'

const lies = (process.env.LIE ?? '').split(',')
const { spawn } = child
const { readFileSync, writeFileSync } = fs
const kill = process.kill.bind(process)

const gateways = lies.includes('gate')
  ? 'lying-gateway.ts'
  : lies.some((lie) => /^mute/.test(lie))
    ? 'mute-gateway.ts'
    : ''
let lied = false
if (gateways !== '')
  child.spawn = ((program: string, args: readonly string[], options: object) => {
    const lying = args.some((arg) => runsProgram(arg, 'gateway/main')) && !(lied && lies.includes('mute'))
    lied ||= lying
    return spawn(program, lying ? ['--import', join(import.meta.dirname, gateways), ...args] : args, options)
  }) as typeof spawn
if (lies.includes('freezer'))
  fs.readFileSync = ((path: string, ...rest: []) => {
    const read = readFileSync(path, ...rest)
    return String(path).endsWith('/cgroup.events') ? String(read).replace('frozen 1', 'frozen 0') : read
  }) as typeof readFileSync
if (lies.includes('killer')) {
  fs.writeFileSync = (file, ...rest) => {
    if (!String(file).endsWith('/cgroup.kill')) writeFileSync(file, ...rest)
  }
  // Nobody is found to be of a cell, and so nobody gets a signal of its own.
  const read = fs.readFileSync
  fs.readFileSync = ((path: string, ...rest: []) =>
    /^\/proc\/\d+\/cgroup$/.test(path) ? '' : read(path, ...rest)) as typeof readFileSync
  process.kill = (pid, signal) => (signal === 'SIGKILL' ? true : kill(pid, signal))
}
syncBuiltinESMExports()
