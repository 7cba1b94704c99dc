/**
 * The pump between a person's terminal and a cell's own: `pump-main.ts [uid]`, with the person's on 0 and 1 and the
 * cell's controller on 3. Gives up root before it reads the first byte; copies, and understands nothing of what it
 * copies.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import process from 'node:process'
import { resizeTerminal } from './terminal.ts'

const CONTROLLER = 3
const [uid] = process.argv.slice(2)

if (uid !== undefined) {
  process.setgroups?.([])
  process.setgid?.(Number(uid))
  process.setuid?.(Number(uid))
  if (process.getuid?.() !== Number(uid) || process.geteuid?.() !== Number(uid)) throw new Error('still privileged')
}

const resize = (): void => {
  if (process.stdout.isTTY) resizeTerminal(CONTROLLER, process.stdout.columns, process.stdout.rows)
}
resize()
process.stdout.on('resize', resize)
if (process.stdin.isTTY) process.stdin.setRawMode(true)

const toCell = createWriteStream('', { fd: CONTROLLER, autoClose: false })
const fromCell = createReadStream('', { fd: CONTROLLER, autoClose: false })
process.stdin.on('data', (chunk) => {
  // What is typed faster than the cell reads waits in the terminal, not here.
  if (!toCell.write(chunk)) {
    process.stdin.pause()
    toCell.once('drain', () => process.stdin.resume())
  }
})
fromCell.on('data', (chunk) => {
  if (!process.stdout.write(chunk)) {
    fromCell.pause()
    process.stdout.once('drain', () => fromCell.resume())
  }
})
// EIO: nobody holds the cell's end any more.
fromCell.on('error', () => finish())
fromCell.on('end', () => finish())
toCell.on('error', () => {})
process.stdout.on('error', () => finish())

function finish(): void {
  if (process.stdin.isTTY) process.stdin.setRawMode(false)
  process.exit(0)
}
