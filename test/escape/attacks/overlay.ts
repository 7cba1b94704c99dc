/** Tries to write down what only overlayfs may: where a directory comes from, that it hides another, that a file is gone. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { arch } from 'node:process'
import { report, sys } from './raw.ts'

const SYS = arch === 'x64' ? { setxattr: 188, mknodat: 259 } : { setxattr: 5, mknodat: 33 }
const AT_FDCWD = -100
const S_IFCHR = 0o20000
const NAMES = [
  'trusted.overlay.redirect',
  'trusted.overlay.opaque',
  'trusted.overlay.metacopy',
  'user.overlay.redirect',
  'user.overlay.opaque',
  'user.overlay.whiteout',
]

mkdirSync('/work/plain-directory')
writeFileSync('/work/plain', 'mine')
const answers: Record<string, string | number> = {}
for (const name of NAMES) {
  const value = Buffer.from(name.endsWith('redirect') ? '/secret' : 'y')
  for (const path of ['/work/plain-directory', '/work/plain'])
    answers[name] = errno(sys(SYS.setxattr, path, name, value, value.length, 0))
}
answers['a whiteout'] = errno(sys(SYS.mknodat, AT_FDCWD, '/work/secret-gone', S_IFCHR | 0o600, 0))
report(answers)

function errno(value: number): string | number {
  return value === -1 ? 'EPERM' : value
}
