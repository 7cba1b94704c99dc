/** Hosts that give less than a whole root: what `doctor` says of them is what `run` then does, in a sentence. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { repository, SKIP } from '../kit/command-line.ts'
import { temporaryDirectory } from '../kit/temporary.ts'

interface Host {
  readonly title: string
  /** Makes it, and runs what follows there; descriptor 3 is a filter of system calls. */
  readonly wrapper: readonly string[]
  /** System calls that this host refuses. x86-64 */
  readonly without?: readonly number[]
  /** The best profile there. */
  readonly best: 'user' | undefined
  /** What `doctor` says is not there. */
  readonly lacks: string
  readonly says: RegExp
}

const shell = (script: string): readonly string[] => ['unshare', '-m', 'sh', '-c', `${script}; exec "$@"`, 'sh']
const FILTERED = ['bwrap', '--dev-bind', '/', '/', '--cap-add', 'ALL', '--seccomp', '3', '--']
const [PIVOT_ROOT, FSOPEN] = [155, 430]

const HOSTS: readonly Host[] = [
  {
    title: 'root without CAP_SYS_ADMIN, as in a container',
    wrapper: ['setpriv', '--bounding-set=-sys_admin', '--inh-caps=-sys_admin'],
    best: 'user',
    lacks: 'root',
    says: /not started: the full profile needs root, and this root has no CAP_SYS_ADMIN: .*"profile: user".* works here/,
  },
  {
    title: 'a filter that takes the mount calls away',
    wrapper: FILTERED,
    without: [FSOPEN],
    best: 'user',
    lacks: 'root',
    says: /not started: .* this root cannot mount: fsopen: EPERM: .*"profile: user".* works here/,
  },
  {
    title: 'a filter that lets no cell have its root',
    wrapper: FILTERED,
    without: [PIVOT_ROOT],
    best: undefined,
    lacks: 'user-namespaces',
    says: /not started: bubblewrap: bwrap: pivot_root: .*: in a container: /,
  },
  {
    title: 'user namespaces switched off',
    wrapper: ['unshare', '-Ur', 'sh', '-c', 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"', 'sh'],
    best: undefined,
    lacks: 'user-namespaces',
    says: /not started: .*"profile: user" does not work here, either .*: sysctl user\.max_user_namespaces=10000/,
  },
  {
    title: 'control groups that are read-only',
    wrapper: shell(
      'for m in $(grep -o " /sys/fs/cgroup[^ ]* " /proc/self/mountinfo); do mount -o remount,ro,bind $m; done',
    ),
    best: 'user',
    lacks: 'cgroup-freeze',
    says: /not started: this host cannot enforce freeze: .*"profile: user"/,
  },
  {
    title: 'bubblewrap that nobody may execute',
    wrapper: shell('mount --bind /dev/null /usr/bin/bwrap'),
    best: undefined,
    lacks: 'bubblewrap',
    says: /not started: .*apt-get install bubblewrap/,
  },
]

describe('hosts', { skip: SKIP || (process.arch !== 'x64' && 'numbers of x86-64') }, () => {
  for (const host of HOSTS)
    it(`${host.title}: doctor says what is lacking, run says it in a sentence and leaves nothing`, {
      skip: unmade(host),
    }, async () => {
      const directory = temporaryDirectory()
      const desk = { owner: 'ana@shop.example', environment: 'test', command: ['id', '-u'] }
      const config = (profile: string) => {
        writeFileSync(
          join(directory, `${profile}.yaml`),
          JSON.stringify({ profile, environments: { test: {} }, agents: { desk } }),
        )
        return ['--config', join(directory, `${profile}.yaml`)]
      }
      const told = await on(host, directory, ['doctor', '--json'])
      const report: { readonly profile?: string; readonly findings: readonly Finding[] } = JSON.parse(told.stdout)
      assert.equal(report.profile, host.best)
      const lacking = report.findings.find(({ ability }) => ability === host.lacks)
      assert.equal(lacking?.holds, false)
      assert.ok((lacking?.fix ?? '').length > 10)

      const full = await on(host, directory, ['run', ...config('full'), '--state', join(directory, 'full')])
      assert.equal(full.code, 1, full.stderr)
      assert.match(full.stderr, host.says)
      assert.doesNotMatch(full.stderr, /\n {4}at |Node\.js v/, 'no stack')
      assert.equal(full.left, '', 'nothing is left in the directory of runs')
      if (host.best === undefined) return
      const user = await on(host, directory, ['run', ...config('user'), '--state', join(directory, 'user')])
      assert.equal(user.stdout, '1000\n', user.stderr)
      assert.equal(user.left, '')
    })
})

interface Finding {
  readonly ability: string
  readonly holds: boolean
  readonly fix?: string
}

/** Runs a command on that host, with directories of runs of its own; `left` is what lies in them afterwards. */
async function on(
  { wrapper, without = [] }: Host,
  directory: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string; readonly left: string }> {
  const [listed, filter] = [join(directory, 'left'), join(directory, 'filter')]
  writeFileSync(filter, refusing(without))
  const mine = join(directory, 'runtime')
  mkdirSync(mine, { recursive: true, mode: 0o700 })
  const runs = `/run/firebreak/runs ${mine}/firebreak-0/runs`
  // Both are this test's alone: others make and take away runs while it looks.
  const script = `mount -t tmpfs -o mode=755 none /run || exit 99
    "$@"; code=$?; ls -A ${runs} 2>/dev/null | grep -v -e ^/ -e '^$' > ${listed}; exit $code`
  const held = openSync(filter, 'r')
  const child = spawn(
    'unshare',
    ['-m', 'sh', '-c', script, 'sh', ...wrapper, join(repository, 'bin/firebreak'), ...args],
    {
      cwd: directory,
      env: { PATH: process.env.PATH, XDG_RUNTIME_DIR: mine },
      stdio: ['ignore', 'pipe', 'pipe', held],
      timeout: 240_000,
      killSignal: 'SIGKILL',
    },
  )
  closeSync(held)
  const [stdout, stderr, [code]] = await Promise.all([textOf(child.stdout), textOf(child.stderr), once(child, 'close')])
  return { code: Number(code), stdout, stderr, left: readFileSync(listed, 'utf8') }
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = ''
  for await (const chunk of stream ?? []) text += String(chunk)
  return text
}

/** A filter that answers EPERM to these calls and allows all others. seccomp(2) */
function refusing(numbers: readonly number[]): Buffer {
  const instructions = [
    [0x20, 0, 0, 0],
    ...numbers.flatMap((number) => [
      [0x15, 0, 1, number],
      [0x06, 0, 0, 0x0005_0001],
    ]),
    [0x06, 0, 0, 0x7fff_0000],
  ]
  const bytes = Buffer.alloc(8 * instructions.length)
  for (const [i, [code = 0, yes = 0, other = 0, value = 0]] of instructions.entries()) {
    bytes.writeUInt16LE(code, 8 * i)
    bytes.writeUInt8(yes, 8 * i + 2)
    bytes.writeUInt8(other, 8 * i + 3)
    bytes.writeUInt32LE(value, 8 * i + 4)
  }
  return bytes
}

function unmade({ wrapper }: Host): string | false {
  const program = `/usr/bin/${wrapper[0]}`
  return existsSync(program) ? false : `${program} is not installed here`
}
