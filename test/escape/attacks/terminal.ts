/** On a terminal: types into it, pastes into it, changes what it is. */
import { openSync, readFileSync, readlinkSync } from 'node:fs'
import process from 'node:process'
import { report, sys, tried } from './raw.ts'

/** ioctl(2) on each architecture. */
const IOCTL = process.arch === 'arm64' ? 29 : 16
const [TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS] = [0x5412, 0x541c, 0x5423, 0x541d]
const paste = Buffer.from([3, 0])

report({
  'terminal of its own': process.stdin.isTTY === true,
  size: `${process.stdout.columns}x${process.stdout.rows}`,
  session: tried(() => readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ')[3]),
  'controlling terminal': tried(() => openSync('/dev/tty', 'r')),
  inject: sys(IOCTL, 0, TIOCSTI, 'x'),
  'inject, high bits': sys(IOCTL, 0, 0xdead_0000_5412n, 'x'),
  paste: sys(IOCTL, 0, TIOCLINUX, paste),
  'paste, high bits': sys(IOCTL, 0, 0x1_0000_541cn, paste),
  'line discipline': sys(IOCTL, 0, TIOCSETD, Buffer.alloc(4)),
  console: sys(IOCTL, 0, TIOCCONS, 0),
  device: tried(() => readlinkSync('/proc/self/fd/0')),
})
