/**
 * Becomes, as pid 1 of its cell, a process whose main thread has ended and whose others go on: the kernel shows it as a
 * zombie. `headless.ts [lie]` takes pid 1 over and has it run this file; `lie` as in takeover.ts. x86-64.
 */
import { spawn } from 'node:child_process'
import { openSync, readdirSync, readFileSync, readlinkSync, writeSync } from 'node:fs'
import process from 'node:process'
import { setInterval, setTimeout } from 'node:timers'
import { isMainThread, Worker } from 'node:worker_threads'
import { sys } from './raw.ts'

const NODE = '/opt/node'
const EXIT_OF_ONE_THREAD = 60
const [, program = ''] = process.argv

if (!isMainThread) setInterval(() => {}, 100)
else if (process.pid === 1) new Worker(program).once('online', () => sys(EXIT_OF_ONE_THREAD, 0))
else takeOver()

function takeOver(): void {
  const at = Number(readFileSync('/proc/1/syscall', 'utf8').trim().split(' ').at(-1))
  const code = Buffer.from(process.argv[2] === 'lie' ? lie() : [])
  const all = Buffer.concat([code, become(at + code.length, [NODE, program])])
  writeSync(openSync('/proc/1/mem', 'r+'), all, 0, all.length, at)
  // An orphan ends: pid 1 wakes from its wait.
  spawn('/bin/sh', ['-c', '(sleep 0.05 &)'], { stdio: 'ignore' })
  setTimeout(() => {}, 30_000)
}

/** Code at the address `at` that runs `words`, without variables. execve(2) */
function become(at: number, words: readonly string[]): Buffer {
  const CODE = 64
  const texts = words.map((word) => Buffer.from(`${word}\0`))
  const list = Buffer.alloc(8 * (words.length + 1))
  let text = at + CODE + list.length
  for (const [number, each] of texts.entries()) {
    list.writeBigUInt64LE(BigInt(text), 8 * number)
    text += each.length
  }
  const path = at + CODE + list.length
  const code = Buffer.alloc(CODE, 0x90)
  Buffer.from([
    ...[0x48, 0xbf, ...address(path)], // mov rdi
    ...[0x48, 0xbe, ...address(at + CODE)], // mov rsi
    ...[0x31, 0xd2], // xor edx, edx
    ...[0xb8, 59, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xfe],
  ]).copy(code)
  return Buffer.concat([code, list, ...texts])
}

function address(value: number): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

/** Code that says to bubblewrap outside that the command ended with 42, and forgets that it dies with its parent. */
function lie(): readonly number[] {
  const event = readdirSync('/proc/1/fd').find((fd) => readlinkSync(`/proc/1/fd/${fd}`).includes('eventfd'))
  const prctl = [0xb8, 157, 0, 0, 0, 0xbf, 1, 0, 0, 0, 0x31, 0xf6, 0x0f, 0x05]
  const write = [
    0x6a,
    43,
    0x48,
    0x89,
    0xe6,
    0xb8,
    1,
    0,
    0,
    0,
    0xbf,
    Number(event),
    0,
    0,
    0,
    0xba,
    8,
    0,
    0,
    0,
    0x0f,
    0x05,
  ]
  return [...prctl, ...write]
}
