/** Stands where a gateway process stands: receives listeners over descriptor 3 and answers each connection with the cell's name. */
import { createServer } from 'node:net'
import process from 'node:process'
import { receiveDescriptors } from '../../src/cells/descriptors.ts'

receiveDescriptors(
  3,
  ({ message, fds }) => {
    const cell = Buffer.from(message).toString()
    for (const fd of fds) {
      createServer((socket) => socket.end(`you are ${cell}\n`)).listen({ fd }, () =>
        process.stdout.write(`ready ${cell}\n`),
      )
    }
  },
  () => process.exit(0),
)
