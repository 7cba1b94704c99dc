import { spawnSync } from 'node:child_process'
import process from 'node:process'
import { programPath } from '../../../model/host/program-file.ts'
import { openChannel, receiveOne } from '../../descriptors.ts'
import { hold } from '../../handle.ts'
import { COMPILED } from '../../kernel/compile-cache.ts'
import { socketWord } from '../network/open-sockets.ts'

/**
 * Makes the doors of a cell that dials anywhere in a network of its own, with the rights that a warden would have here
 * (root's, or those of whoever makes a user namespace), and returns why that failed; undefined where it works. `without`
 * names a capability of root's to do without.
 */
export function anyAddressFault(root: boolean, without?: string): string | undefined {
  const channel = openChannel()
  if (!channel.ok) return 'no channel to a helper'
  const [near, far] = [hold(channel.value.near), hold(channel.value.far)]
  try {
    const program = programPath('cells/linux/network/listener-main')
    const entering = root ? ['--net'] : ['--user', '--map-root-user', '--net']
    const less = without === undefined ? [] : ['/usr/bin/setpriv', `--bounding-set=-${without}`, '--']
    const [first = '', ...rest] = [...less, '/usr/bin/unshare', ...entering, '--', process.execPath, program]
    const helper = spawnSync(first, [...rest, ...DOORS.map(socketWord)], {
      stdio: ['ignore', 'ignore', 'pipe', far.fd],
      cwd: '/',
      env: COMPILED,
      timeout: TIMEOUT_MS,
      encoding: 'utf8',
    })
    far.close()
    const message = receiveOne(near.fd)
    if (message === 'later' || !message.ok) {
      const words = helper.error?.message ?? helper.stderr.trim().split('\n').at(-1)
      return words ? words : `its helper ended with ${helper.status ?? helper.signal}`
    }
    for (const fd of message.value.fds) hold(fd).close()
    return message.value.fds.length === DOORS.length ? undefined : Buffer.from(message.value.message).toString('utf8')
  } finally {
    for (const end of [near, far]) end.close()
  }
}

const TIMEOUT_MS = 10_000
/** The web's and the names': of each kind one. */
const DOORS = [
  { transport: 'tcp', at: 'anywhere', port: 443 },
  { transport: 'udp', at: 'anywhere', port: 53 },
] as const
