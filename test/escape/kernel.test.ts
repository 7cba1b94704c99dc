import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { before, describe, it } from 'node:test'
import { CHECKOUT, NODE_FOR_ALL, UNREADABLE } from '../kit/open-checkout.ts'
import { attacked, lastReport, NODE, ran, SKIP, spec } from './kit.ts'

const [EPERM, ENOMEM, ENODEV, EINVAL, ENOSYS] = [-1, -12, -19, -22, -38]
const [ENOPROTOOPT, EPROTONOSUPPORT, EOPNOTSUPP, EAFNOSUPPORT] = [-92, -93, -95, -97]

describe('kernel interfaces', {
  skip: SKIP || (process.arch === 'x64' ? false : 'the attack has numbers of x86-64'),
}, () => {
  let inside: Readonly<Record<string, unknown>> = {}
  before(async () => {
    inside = await attacked('kernel.ts')
  })

  const refused: readonly (readonly [string, number, readonly string[]])[] = [
    [
      'no new namespace',
      EPERM,
      [
        'unshare user',
        'unshare network',
        'unshare nothing',
        'clone new user',
        'clone new mount',
        'clone new network',
        'clone new pid',
        'clone new user, high bits',
        'setns network of pid 1',
      ],
    ],
    ['clone3, whose flags no filter can see, is not there', ENOSYS, ['clone3']],
    [
      'no mount, old interface or new',
      EPERM,
      [
        'mount',
        'mount over procfs',
        'umount',
        'pivot_root',
        'chroot',
        'fsopen',
        'open_tree',
        'move_mount',
        'fspick',
        'mount_setattr',
        'swapon',
        'quotactl',
      ],
    ],
    [
      'no other process’s memory or descriptors',
      EPERM,
      ['ptrace traceme', 'ptrace attach 1', 'process_vm_readv', 'process_vm_writev', 'kcmp', 'pidfd_getfd'],
    ],
    ['no bpf, perf, userfaultfd', EPERM, ['bpf', 'perf_event_open', 'userfaultfd']],
    ['no io_uring, no kernel aio', ENOSYS, ['io_uring_setup', 'io_setup']],
    ['no keyring', EPERM, ['keyctl', 'add_key', 'request_key']],
    [
      'no module, no other kernel, no reboot',
      EPERM,
      ['init_module', 'finit_module', 'delete_module', 'kexec_load', 'reboot'],
    ],
    ['no file by handle', EPERM, ['open_by_handle_at', 'name_to_handle_at', 'fanotify_init']],
    [
      'no kernel log, host name, clock, port or accounting',
      EPERM,
      ['syslog', 'sethostname', 'settimeofday', 'clock_settime', 'iopl', 'acct'],
    ],
    ['no device node', EPERM, ['mknod memory', 'mknodat disk']],
    ['no odd personality', EPERM, ['personality']],
    [
      'no odd socket family',
      EAFNOSUPPORT,
      ['socket packet', 'socket vsock', 'socket alg', 'socket key', 'socket xdp', 'socket bluetooth'],
    ],
    [
      'no netlink but what lists its own interfaces',
      EPROTONOSUPPORT,
      [
        'socket netlink',
        'socket netlink events',
        'socket netlink generic',
        'socket netlink audit',
        'socket netlink, stream',
        'socket netlink, high bits',
      ],
    ],
    ['its own network is not its to change', EPERM, ['down with the loopback', 'another address']],
    ['no group joined, which no cgroup counts', ENODEV, ['join a group', 'join a group, version 6']],
    ['no keys of a socket, which no cgroup counts', ENOPROTOOPT, ['keys of a connection']],
    ['no queue of time stamps or of pages that were sent', EOPNOTSUPP, ['send without a copy', 'time stamps']],
    ['no rare transport', EPROTONOSUPPORT, ['socket sctp', 'socket mptcp']],
    ['no raw socket', EPERM, ['socket raw inet', 'socket raw inet6']],
    ['no pages that were set aside for others', ENOMEM, ['huge pages']],
    [
      'no file in them; a browser that asks with all flags hears what it waits for',
      EINVAL,
      ['huge pages, as a file', 'all flags of a file in memory'],
    ],
    ['nor shared ones', EPERM, ['huge pages, shared']],
    ['no page merged with another’s', EINVAL, ['merge pages']],
    ['no urgent byte', EOPNOTSUPP, ['an urgent byte']],
    ['no odd prctl', EINVAL, ['prctl set mm', 'prctl memory merge']],
    [
      'what a later kernel adds is not there, nor what a small one leaves out',
      ENOSYS,
      ['a number from the future', 'memfd_secret', 'modify_ldt', 'vmsplice', 'a placement in memory'],
    ],
  ]
  for (const [promise, errno, attempts] of refused) {
    it(`S1: ${promise}`, () => {
      for (const attempt of attempts) assert.equal(inside[attempt], errno, attempt)
    })
  }

  it('S1: no number without a name is answered', () => {
    assert.equal(inside['numbers without a name'], `${ENOSYS}`)
  })

  it('S1: no set-user-ID bit', () => {
    assert.equal(inside['chmod setuid'], 'done: -1')
  })

  it('what programs need is there', () => {
    const needed = ['personality asked', 'socket tcp', 'socket unix', 'socket unix, raw', 'socket netlink route']
    for (const attempt of [...needed, 'ordinary pages']) assert.equal(inside[attempt], true, attempt)
    assert.equal(inside['read the core limit'], '1 1')
  })

  it('S1: no core handler of the host: a lower limit is taken with a yes, and not set', () => {
    for (const attempt of ['lower the core limit', 'lower the core limit, prlimit'])
      assert.equal(inside[attempt], '0, 1 1', attempt)
  })

  it('S17: a queue of errors, which no cgroup counts, is taken with a yes, and is not there', () => {
    assert.equal(inside['errors are queued'], 0)
  })

  it('control: outside a cell an unprivileged user gets through with the same attempts', { skip: UNREADABLE }, () => {
    // One process for each: a process in a new namespace would answer the next attempt differently.
    const program = join(CHECKOUT, 'test/escape/attacks/kernel.ts')
    for (const attempt of [
      'unshare network',
      'clone new user',
      'io_uring_setup',
      'keyctl',
      'socket netlink generic',
      'userfaultfd',
      'personality',
      'socket mptcp',
      'huge pages, as a file',
      'an urgent byte',
    ]) {
      const { stdout, stderr } = spawnSync(NODE_FOR_ALL, [program, attempt], {
        uid: 65_534,
        gid: 65_534,
        cwd: '/',
        env: {},
        encoding: 'utf8',
      })
      const answer = lastReport(stdout, stderr)[attempt]
      const expected = attempt === 'unshare network' ? answer === EPERM : Number(answer) >= 0
      assert.ok(expected, `${attempt}: ${answer}`)
    }
  })

  it('S1: x32 calls end the process', async () => {
    const getpid =
      'console.log(require("/opt/node_modules/koffi").load("libc.so.6").func("long syscall(long)")(0x40000000 + 39))'
    const { exit, stdout } = await ran(spec([NODE, '-e', getpid]))
    assert.equal(exit.code, 128 + 31, `SIGSYS, not ${exit.code}: ${stdout}`)
  })

  it('S1: pid 1 has its filter before the command has its first instruction', async () => {
    // Many at once, so that pid 1 is often the later of the two.
    const waiting = Array.from({ length: 40 }, () => ran(spec(['grep', '^Seccomp:', '/proc/1/status'])))
    for (const { stdout, stderr, exit } of await Promise.all(waiting)) {
      assert.equal(stdout, 'Seccomp:\t2\n', `${JSON.stringify(exit)} ${stderr}`)
    }
  })

  it('S1: a filter, no_new_privs, no capability, one uid', async () => {
    const { stdout } = await ran(spec(['cat', '/proc/self/status', '/proc/1/status', '/proc/self/uid_map']))
    for (const line of [
      'CapEff:\\t0{16}',
      'CapPrm:\\t0{16}',
      'CapBnd:\\t0{16}',
      'CapAmb:\\t0{16}',
      'NoNewPrivs:\\t1',
      'Seccomp:\\t2',
      'Groups:\\t ?$',
    ]) {
      assert.equal(stdout.match(new RegExp(`^${line}`, 'gm'))?.length, 2, `${line} of both`)
    }
    assert.match(stdout, /^ +1000 +\d+ +1$/m)
  })
})
