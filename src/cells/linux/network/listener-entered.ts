/**
 * The sockets of a cell whose warden has no root. Whoever made a user namespace has every capability in it and in the
 * network namespace that it owns; a process of one thread may enter both. Node has several, so nsenter goes in and
 * becomes a Node that makes the sockets, and the route to them, and hands them back. Nothing of it stays.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fstatSync, openSync, statSync } from 'node:fs'
import process from 'node:process'
import { programPath } from '../../../model/host/program-file.ts'
import { no, ok, type Result } from '../../../model/result.ts'
import type { CellSocket } from '../../cell-sockets.ts'
import { openChannel, receiveOne } from '../../descriptors.ts'
import { type Handle, hold } from '../../handle.ts'
import { COMPILED } from '../../kernel/compile-cache.ts'
import { ownerOf, systemFaultText } from '../../kernel/libc.ts'
import { socketWord } from './open-sockets.ts'

const HELPER_TIMEOUT_MS = 10_000
/** Descriptors at which the helper finds the two namespaces; the channel is 3. */
const [OWNER, NETWORK] = [4, 5]

export async function listenByHelper(
  pid: number,
  sockets: readonly CellSocket[],
): Promise<Result<readonly Handle[], string>> {
  if (sockets.length === 0) return ok([])
  const held: Handle[] = []
  try {
    const network = hold(openSync(`/proc/${pid}/ns/net`, 'r'))
    held.push(network)
    if (fstatSync(network.fd).ino === statSync('/proc/self/ns/net').ino)
      return no('the cell has no network namespace of its own')
    const owner = ownerOf(network.fd)
    if (!owner.ok) return no(systemFaultText(owner.reason))
    held.push(hold(owner.value))
    const channel = openChannel()
    if (!channel.ok) return no('no channel to the helper')
    const far = hold(channel.value.far)
    held.push(hold(channel.value.near), far)

    const program = programPath('cells/linux/network/listener-main')
    const entering = ['--preserve-credentials', `--user=/proc/self/fd/${OWNER}`, `--net=/proc/self/fd/${NETWORK}`]
    const words = sockets.map(socketWord)
    const helper = spawn('/usr/bin/nsenter', [...entering, '--', process.execPath, program, ...words], {
      stdio: ['ignore', 'ignore', 'ignore', far.fd, owner.value, network.fd],
      cwd: '/',
      env: COMPILED,
      timeout: HELPER_TIMEOUT_MS,
    })
    far.close()
    const [code] = await Promise.race([once(helper, 'exit'), once(helper, 'error').then(() => [-1])])
    const message = receiveOne(channel.value.near)
    if (message === 'later' || !message.ok) return no(`${words.join(' ')}: nsenter ended with ${code}`)
    const received = message.value.fds.map(hold)
    if (received.length === sockets.length) return ok(received)
    for (const handle of received) handle.close()
    return no(Buffer.from(message.value.message).toString('utf8'))
  } finally {
    for (const handle of held) handle.close()
  }
}
