/**
 * Takes pid 1 of its cell over through /proc/1/mem, has it forget that it must die with its parent, and, for `lie`, has
 * it tell bubblewrap outside that the command ended with 42. x86-64. bwrap's wait loop runs into what is written there.
 */
import { spawn } from 'node:child_process'
import { openSync, readdirSync, readFileSync, readlinkSync, writeSync } from 'node:fs'
import { report } from './raw.ts'

const set = (register: number, value: number): number[] => [0x48, 0xc7, register, value, 0, 0, 0]
const [RAX, RDI, RDX] = [0xc0, 0xc7, 0xc2]
const SYSCALL = [0x0f, 0x05]
const prctl = [...set(RAX, 157), ...set(RDI, 1), 0x48, 0x31, 0xf6, ...SYSCALL]
// The event is how pid 1 says the exit code, and one.
const event = readdirSync('/proc/1/fd').find((fd) => readlinkSync(`/proc/1/fd/${fd}`).includes('eventfd'))
const push43MoveRsiRsp = [0x6a, 43, 0x48, 0x89, 0xe6]
const lie = [...push43MoveRsiRsp, ...set(RAX, 1), ...set(RDI, Number(event)), ...set(RDX, 8), ...SYSCALL]
const pauseForever = [...set(RAX, 34), ...SYSCALL, 0xeb, 0xf5]

const at = Number(readFileSync('/proc/1/syscall', 'utf8').trim().split(' ').at(-1))
const code = Buffer.from([...prctl, ...(process.argv[2] === 'lie' ? lie : []), ...pauseForever])
writeSync(openSync('/proc/1/mem', 'r+'), code, 0, code.length, at)
// An orphan ends: pid 1 wakes from its wait.
spawn('/bin/sh', ['-c', '(sleep 0.05 &)'], { stdio: 'ignore' })
setTimeout(() => report({ 'pid 1': readFileSync('/proc/1/syscall', 'utf8').split(' ')[0] }), 300)
setTimeout(() => {}, 30_000)
