/** Every way to a file of the host that a path, a link or a device can name. */
import { existsSync, linkSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { report, tried } from './raw.ts'

const read = (path: string) => tried(() => readFileSync(path).length)
const write = (path: string) => tried(() => writeFileSync(path, '1'))

report({
  shadow: read('/etc/shadow'),
  root: tried(() => readdirSync('/root')),
  homes: readdirSync('/home').join(' '),
  top: readdirSync('/').toSorted().join(' '),
  'root of pid 1': read('/proc/1/root/etc/shadow'),
  'link to the root of pid 1': tried(() => readlinkSync('/proc/1/root')),
  'directory of pid 1': tried(() => readdirSync('/proc/1/cwd/..').length),
  'environment of pid 1': tried(() => readFileSync('/proc/1/environ')),
  'memory of pid 1': read('/proc/1/mem'),
  'descriptors of pid 1': tried(() => readdirSync('/proc/1/fd').map((fd) => readlinkSync(`/proc/1/fd/${fd}`))),
  'symlink out': read('/work/out'),
  'symlink up': read('/work/up/etc/shadow'),
  'symlink made here': tried(() => {
    symlinkSync('/etc/shadow', '/work/made')
    return readFileSync('/work/made').length
  }),
  'hard link to a program': tried(() => linkSync('/usr/bin/su', '/work/su')),
  'hard link to a given file': tried(() => linkSync('/opt/node', '/work/node')),
  'write to /': write('/x'),
  'write to /usr': write('/usr/x'),
  'write to /etc': write('/etc/passwd'),
  'write to a given file': write('/opt/attacks/x'),
  'write to /proc/sys': write('/proc/sys/kernel/hostname'),
  'write to the core pattern': write('/proc/sys/kernel/core_pattern'),
  'write to /proc/sys/net': write('/proc/sys/net/ipv4/ip_forward'),
  'write to sysrq': write('/proc/sysrq-trigger'),
  'write its own oom score down': tried(() => writeFileSync('/proc/self/oom_score_adj', '-1000')),
  'write its uid map': write('/proc/self/uid_map'),
  kcore: read('/proc/kcore'),
  kallsyms: read('/proc/kallsyms'),
  'how the host was booted': read('/proc/cmdline'),
  kmsg: read('/dev/kmsg'),
  memory: read('/dev/mem'),
  disk: read('/dev/vda'),
  sys: existsSync('/sys'),
  'a file of its own in /dev': write('/dev/mine'),
  devices: readdirSync('/dev').toSorted().join(' '),
  'tty of the host': tried(() => writeFileSync('/dev/tty', 'hello')),
  'own file in the workspace': write('/work/mine'),
  'given file in the workspace': write('/work/given'),
  'device in the workspace': read('/work/device'),
})
