/**
 * The gateway's process, one for each environment: `node gateway/main.ts`, started by the warden under a uid of its own.
 *
 * Descriptors: 3 the setup (read to its end), 4 pulses to the warden, 5 the warden's channel (cells and their listeners),
 * 6 the witness. It ends when the channel does: then its listeners are gone, and the door is shut.
 */
import { createWriteStream, readFileSync } from 'node:fs'
import { Socket } from 'node:net'
import process from 'node:process'
import { receiveDescriptors } from '../cells/descriptors.ts'
import { shutProcess, uidArgument } from '../cells/unprivileged.ts'
import { writableLog } from '../ledger/files/writable-log.ts'
import { parseJson } from '../model/index.ts'
import { EnvironmentGateway } from './environment.ts'
import { startHeartbeat } from './link/heartbeat.ts'
import { type Pulse, pulseBytes } from './link/pulse.ts'
import { readSetup, type WardenMessage } from './link/setup.ts'

shutProcess(uidArgument(process.argv))
// Its log may lie on the disk that is full: what cannot be said must not end it.
process.stderr.on('error', () => undefined)
const setup = readSetup(readFileSync(3, 'utf8'))
const pulses = createWriteStream('', { fd: 4 })
pulses.on('error', () => process.exit(1))
const send = (pulse: Pulse) => void pulses.write(pulseBytes(pulse))

// The warden starts a gateway in its ledger's directory.
const log = writableLog('.', setup.environment)
const opened = await EnvironmentGateway.open(setup, log, new Socket({ fd: 6 }), send)
if (!opened.ok) {
  process.stderr.write(`gateway: ${opened.reason}\n`)
  process.exit(6)
}
const gateway = opened.value
startHeartbeat(4, gateway.slices, () => process.exit(1))
receiveDescriptors(
  5,
  ({ message, fds }) => {
    // The warden's own words: it made this process, and a cell has no way to this channel.
    const told = parseJson(new TextDecoder().decode(message)) as WardenMessage
    void gateway.take(told, fds)
  },
  () => void gateway.stop('the warden is gone').then(() => process.exit(0)),
)
send({ kind: 'ready', number: 0 })
