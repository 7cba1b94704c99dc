/** Inside a cell's network namespace, for as long as it takes: a listener for each port, sent over descriptor 3. */
import process from 'node:process'
import { sendDescriptor } from '../../descriptors.ts'
import { listenLoopback } from '../../kernel/libc.ts'
import { BACKLOG } from './listener.ts'

for (const port of process.argv.slice(2)) {
  const listener = listenLoopback(Number(port), BACKLOG)
  if (!listener.ok || !sendDescriptor(3, Buffer.from(port), listener.value).ok) process.exit(1)
}
