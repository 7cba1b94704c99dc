/** Throws one workspace away and is killed, by itself and with no warning: while it holds it, or while its files are removed. */

import process from 'node:process'
import { openWarden } from '../../src/cells/linux/launch/warden.ts'

const [changes = '', when = ''] = process.argv.slice(2)
const warden = await openWarden()
if (!warden.ok) throw new Error(JSON.stringify(warden.reason))
const die = () => {
  process.kill(process.pid, 'SIGKILL')
}
void warden.value.discard(changes, when === 'held' ? die : undefined)
die()
