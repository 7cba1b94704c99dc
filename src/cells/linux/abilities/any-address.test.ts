// In a process of its own: it counts the descriptors of the process.
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import process from 'node:process'
import { it } from 'node:test'
import { anyAddressFault } from './any-address.ts'

const root = process.getuid?.() === 0
const skip = root && existsSync('/usr/bin/setpriv') ? false : 'setpriv takes capabilities from root alone'

it('where root may not change networks, or bind low ports, it is told by which step', { skip }, () => {
  const before = readdirSync('/proc/self/fd').length
  assert.equal(anyAddressFault(true), undefined, 'control: with all of root’s')
  assert.match(
    anyAddressFault(true, 'net_admin') ?? '',
    /^no address leads to the cell's gateway: RTM_NEWROUTE: EPERM$/,
  )
  assert.match(anyAddressFault(true, 'net_bind_service') ?? '', /^port 443: bind: EACCES$/)
  assert.match(anyAddressFault(true, 'sys_admin') ?? '', /unshare/)
  assert.equal(readdirSync('/proc/self/fd').length, before, 'nothing stays open')
})
