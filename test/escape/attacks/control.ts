/** Looks for the ways of people to a warden: told where they lie on the host, and by all that a cell has itself. */
import { lstatSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import process from 'node:process'

const [, , ...paths] = process.argv

function tried(act: () => unknown): string {
  try {
    return `did it: ${String(act()).slice(0, 80)}`
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

function connecting(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(path, () => resolve('did it: connected'))
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? String(error)))
  })
}

const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
/** The way through another process's root, and through what it holds open. */
const around = pids.flatMap((pid) => paths.map((path) => `/proc/${pid}/root${path}`))
const report = {
  reached: Object.fromEntries(
    await Promise.all(
      [...paths, ...around].map(async (path) => [
        path,
        [
          tried(() => lstatSync(path).mode),
          tried(() => readdirSync(path).length),
          tried(() => writeFileSync(path, '{}')),
          await connecting(path),
          await connecting(`\0${path}`),
        ],
      ]),
    ),
  ),
  pids: pids.length,
  sockets: readFileSync('/proc/net/unix', 'utf8').trim().split('\n').slice(1),
  held: pids.flatMap((pid) =>
    ['self', pid].flatMap((who) => {
      try {
        return readdirSync(`/proc/${who}/fd`).map((fd) => tried(() => readlinkSync(`/proc/${who}/fd/${fd}`)))
      } catch {
        return []
      }
    }),
  ),
}
console.log(`report ${JSON.stringify(report)}`)
setInterval(() => undefined, 1_000)
