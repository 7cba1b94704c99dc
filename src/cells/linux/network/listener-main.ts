/** Inside a cell's network namespace, for as long as it takes: the sockets of the arguments, sent over descriptor 3. */
import process from 'node:process'
import { sendDescriptors } from '../../descriptors.ts'
import { openSockets, socketIn } from './open-sockets.ts'

const words = process.argv.slice(2)
const sockets = words.flatMap((word) => socketIn(word) ?? [])
const opened = openSockets(sockets)
const said = opened.ok ? 'sockets' : opened.reason
const sent = sendDescriptors(3, Buffer.from(said), opened.ok ? opened.value : [])
if (sockets.length !== words.length || !opened.ok || !sent.ok) process.exit(1)
