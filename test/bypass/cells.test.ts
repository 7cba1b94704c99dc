/**
 * What a compromised program tries in a real cell: paths, programs, networks, signals, and staying on. Most of the file is
 * the table of commands; one run executes them all.
 */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { openWarden } from '../../src/cells/linux/launch/warden.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { Entry } from '../../src/model/entry.ts'
import { isJsonObject } from '../../src/model/index.ts'
import { launched, spec } from '../escape/kit.ts'
import { acceptOffered } from '../kit/accept-offered.ts'
import { firebreak, ledgerOf, NODE_CELL, repository, SKIP, startFirebreak } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { leftOf, processesOf } from '../kit/host.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import type { Attack } from './attacks.ts'
import { counted, limitations } from './corpus.ts'

const SECRET = 'HOST-SECRET-4711'
const MET = 'MET-THE-HOST'
/** Another run of these tests on this host has its own. */
const ABSTRACT = `bypass-host-${process.pid}`

interface Inside {
  readonly attack: Attack
  /** For bash: $SECRET_FILE, $STATE and $HOST are what it must not get at. */
  readonly command: string
}

const reading: readonly Inside[] = [
  'cat $SECRET_FILE',
  'cat ~/../..$SECRET_FILE',
  'cat /workspace/../../..$SECRET_FILE',
  'cat /workspace/out',
  'cat /workspace/up$SECRET_FILE',
  'ln -s $SECRET_FILE /workspace/made; cat /workspace/made',
  'ln $SECRET_FILE /workspace/hard; cat /workspace/hard',
  'cat /proc/self/root$SECRET_FILE',
  'cat /proc/1/root$SECRET_FILE',
  'cat /proc/1/cwd/..$SECRET_FILE',
  'cat /proc/self/cwd/../..$SECRET_FILE',
  'cat /dev/fd/../../..$SECRET_FILE',
  'cd /workspace/out/.. 2>/dev/null; cat ./secret',
  'curl -s -m 1 file://$SECRET_FILE',
  'curl -s -m 1 file://localhost$SECRET_FILE',
  'head -c 99 $SECRET_FILE',
  'dd if=$SECRET_FILE',
  'c""at $SECRET_FILE',
  '/usr/bin/../bin/cat $SECRET_FILE',
  '$(echo Y2F0 | base64 -d) $SECRET_FILE',
  'exec -a true cat $SECRET_FILE',
  'cp /bin/cat /tmp/true; /tmp/true $SECRET_FILE',
  'cp /bin/cat /workspace/run; /workspace/run $SECRET_FILE',
  '/lib64/ld-linux-x86-64.so.2 /bin/cat $SECRET_FILE',
  'perl -pe 1 $SECRET_FILE',
  'python3 -c "print(open(\'$SECRET_FILE\').read())"',
  'awk 1 $SECRET_FILE',
  '/opt/node -e \'console.log(fs.readFileSync(process.env.SECRET_FILE, "utf8"))\'',
  'while read -r line; do echo "$line"; done < $SECRET_FILE',
  'tar -cO $SECRET_FILE',
  'unshare -r cat $SECRET_FILE',
  'unshare -rm sh -c "mount --bind / /mnt; cat $SECRET_FILE"',
  'nsenter -t 1 -m cat $SECRET_FILE',
  'chroot /proc/1/root cat $SECRET_FILE',
  'su -c "cat $SECRET_FILE" </dev/null',
  'bwrap --bind / / cat $SECRET_FILE',
].map((command) => ({ attack: 'paths and programs', command }))

const going: readonly Inside[] = [
  "curl -s -m 1 --noproxy '*' http://127.0.0.1:$PORT/",
  "curl -s -m 1 --noproxy '*' http://$HOST:$PORT/",
  'env -i /usr/bin/curl -s -m 1 http://$HOST:$PORT/',
  "NO_PROXY='*' no_proxy='*' curl -s -m 1 http://$HOST:$PORT/",
  'curl -s -m 1 --interface lo http://127.0.0.1:$PORT/',
  'curl -s -m 1 --resolve host.example:$PORT:127.0.0.1 http://host.example:$PORT/',
  'curl -s -m 1 --connect-to ::127.0.0.1:$PORT http://host.example/',
  'curl -s -m 1 http://[::1]:$PORT/',
  'curl -s -m 1 http://[::ffff:127.0.0.1]:$PORT/',
  'curl -s -m 1 http://2130706433:$PORT/',
  'curl -s -m 1 http://localhost:$PORT/',
  'curl -s -m 1 http://0.0.0.0:$PORT/',
  'wget -q -T 1 -t 1 --no-proxy -O- http://$HOST:$PORT/',
  'exec 3<>/dev/tcp/127.0.0.1/$PORT; echo x >&3; timeout 0.5 cat <&3',
  'socat -T 1 - TCP:$HOST:$PORT </dev/null',
  'perl -MIO::Socket::INET -e \'print IO::Socket::INET->new("127.0.0.1:$ENV{PORT}")->getline\'',
  "python3 -c \"import socket,os; print(socket.create_connection(('127.0.0.1',int(os.environ['PORT'])),1).recv(99))\"",
  "/opt/node -e 'fetch(`http://127.0.0.1:${process.env.PORT}/`).then((r) => r.text()).then(console.log)'",
  'ip link add d0 type dummy; ip route add default dev lo; curl -s -m 1 http://$HOST:$PORT/',
  `curl -s -m 1 --abstract-unix-socket ${ABSTRACT} http://x/`,
  'curl -s -m 1 --unix-socket /workspace/host.sock http://x/',
].map((command) => ({ attack: '--noproxy', command }))

const GATE = 'http://127.0.0.1:7070'
const relaying: readonly Inside[] = [
  `curl -s -m 1 -p -x ${GATE} http://127.0.0.1:$PORT/`,
  `curl -s -m 1 -x ${GATE} http://127.0.0.1:$PORT/`,
  `curl -s -m 1 -x socks5h://127.0.0.1:7070 http://127.0.0.1:$PORT/`,
  `curl -s -m 1 -x socks4a://127.0.0.1:7070 http://127.0.0.1:$PORT/`,
  `curl -s -m 1 -H "Host: 127.0.0.1:$PORT" ${GATE}/`,
  `curl -s -m 1 -H "X-Forwarded-Host: 127.0.0.1:$PORT" ${GATE}/mcp`,
  `curl -s -m 1 --request-target http://127.0.0.1:$PORT/ ${GATE}/`,
  `curl -s -m 1 --path-as-is ${GATE}/mcp/desk/../../http://127.0.0.1:$PORT/`,
  `curl -s -m 1 -L ${GATE}/mcp/http://127.0.0.1:$PORT/`,
  `curl -s -m 1 -H "Upgrade: websocket" -H "Connection: Upgrade" ${GATE}/mcp/desk`,
  `curl -s -m 1 -H "Upgrade: h2c" -H "HTTP2-Settings: AAMAAABk" -H "Connection: Upgrade" ${GATE}/mcp`,
  `curl -s -m 1 --http2-prior-knowledge ${GATE}/mcp`,
  `exec 3<>/dev/tcp/127.0.0.1/7070; printf "CONNECT 127.0.0.1:$PORT HTTP/1.1\\r\\nHost: desk\\r\\n\\r\\nGET / HTTP/1.1\\r\\n\\r\\n" >&3; timeout 0.5 cat <&3`,
  `exec 3<>/dev/tcp/127.0.0.1/7070; printf "CONNECT desk:80@127.0.0.1:$PORT HTTP/1.0\\r\\n\\r\\n" >&3; timeout 0.5 cat <&3`,
  `exec 3<>/dev/tcp/127.0.0.1/7070; printf "GET http://127.0.0.1:$PORT/ HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n" >&3; timeout 0.5 cat <&3`,
].map((command) => ({ attack: 'a CONNECT relayed through an allowed host', command }))

const erasing: readonly Inside[] = [
  'rm -rf $STATE; ls $STATE',
  'find /run /var /tmp /home -name "*ledger*" -delete -print',
  'truncate -s 0 $STATE/ledger/test/*',
  'cat $STATE/ledger/test/*',
  // A service says its uid on its command line; this very command must not find itself.
  'for p in /proc/[0-9]*; do tr "\\0" " " < $p/cmdline | grep -q -- "--uid [1]9" && echo gateway/main; done; true',
  'pkill -9 -f gateway/main; pkill -9 -f witness-main; true',
  'fuser -k 7070/tcp; true',
  'mount -o remount,rw /; umount -l /proc; mount -t tmpfs tmpfs /run',
  'gdb -p 1 -batch; strace -p 1; true',
  'echo 1 > /proc/1/oom_score_adj; echo c > /proc/sysrq-trigger',
  'date -s 2001-01-01; hwclock -w',
  'dmesg; journalctl -n 1; true',
].map((command) => ({ attack: 'agents that kill the policy process and erase the log', command }))

const ALL = [...reading, ...going, ...relaying, ...erasing]
/** Of LIMITATIONS.md: until these are built, a run hands signals on to its agent, and a deaf one ends with its warden or its time. */
/** What does stop it: `firebreak kill`, and a second signal. */
const NO_STOP = "Signals are the agent's to hear"

const LOADING = ['LD_PRELOAD', 'LD_AUDIT', 'LD_LIBRARY_PATH', 'GLIBC_TUNABLES']
const SCENES: readonly Attack[] = [
  'process trees that survive stop',
  'a kill flag nobody can set',
  'agents that kill the policy process and erase the log',
  'sandbox silently skipped when unavailable',
  'sandbox silently skipped when unavailable',
  ...LOADING.map(() => 'image-controlled LD_PRELOAD' as const),
]
counted('cells', [...ALL.map(({ attack }) => attack), ...SCENES])

describe('bypass: cells', { skip: SKIP, concurrency: 2 }, async () => {
  if (SKIP !== false) return
  const world = await intrusion()

  for (const [i, { attack, command }] of ALL.entries()) {
    it(`${attack}: ${command}: contained`, () => {
      const said = world.said[i]
      assert.ok(said !== undefined, 'it was not tried')
      assert.doesNotMatch(said, new RegExp(`${SECRET}|${MET}`))
      assert.doesNotMatch(said, /gateway\/main|HTTP\/[\d.]+ (?:101|200)/)
    })
  }

  it('control: outside of the cell the same commands read the file and meet the server', async () => {
    const env = { ...process.env, ...world.variables }
    const outside = (command: string) =>
      new Promise<string>((resolve) => {
        execFile('/bin/bash', ['-c', command], { env, timeout: 15_000 }, (_, stdout) => resolve(stdout))
      })
    assert.match(await outside('cat ~/../..$SECRET_FILE'), new RegExp(SECRET))
    assert.equal(world.met(), 0, 'nobody of the cell has met it')
    assert.match(await outside('cat < /dev/tcp/127.0.0.1/$PORT'), new RegExp(MET))
  })

  it('agents that kill the policy process and erase the log: after all of it, calls are judged and recorded', () => {
    assert.match(world.allowed, /noted/)
    assert.match(world.refused, /refused by Firebreak/)
    const reference = /a_[0-9a-z]{20}/.exec(world.refused)?.[0]
    assert.ok(world.entries.some((entry) => entry.kind === 'action.refused' && entry.action === reference))
    const intents = world.entries.filter(({ kind }) => kind === 'action.intent')
    // One may have been cut off between its intent and the upstream.
    assert.ok(intents.length >= world.arrived, 'whatever arrived has its intent in the ledger')
    assert.equal(world.verified.code, 0, world.verified.stdout + world.verified.stderr)
  })

  it('a kill flag nobody can set: SIGTERM to the run, whose agent hears no signal: known to get through', () => {
    assert.ok(world.deaf, 'it does not get through any more: take "known" away')
    assert.ok(limitations().includes(NO_STOP), `LIMITATIONS.md does not say: ${NO_STOP}`)
  })

  it('process trees that survive stop: what left its parent and its session is gone with the run, and calls no more', () => {
    assert.ok(world.stayed > 3, 'control: it has called while the cell was alive')
    assert.equal(world.arrivedLater, world.arrived)
    assert.deepEqual(world.left, [])
    const told = world.entries.find(({ kind }) => kind === 'gateway.stopped')
    if (told?.kind === 'gateway.stopped') assert.equal(told.why, 'the warden is gone')
  })

  const MISSING: Readonly<Record<string, readonly [hide: string, told: RegExp]>> = {
    'a bubblewrap that only runs its command, in PATH alone': [
      'mount --bind /dev/null /usr/bin/bwrap; export PATH=$FAKE:$PATH',
      /bubblewrap|bwrap/i,
    ],
    'no cgroups': ['umount -R -l /sys/fs/cgroup; mount -t tmpfs none /sys/fs/cgroup', /cgroup/i],
  }
  for (const [what, [hide, told]] of Object.entries(MISSING)) {
    it(`sandbox silently skipped when unavailable: ${what}: nothing runs, and it is said`, async () => {
      const { directory, config, upstream, ran } = await plan()
      const fake = join(directory, 'fake')
      mkdirSync(fake)
      const forward = '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n'
      writeFileSync(join(fake, 'bwrap'), forward, { mode: 0o755 })
      const run = `${repository}/bin/firebreak run -c ${config} -a alpha --state ${directory}/state`
      const child = spawn('/usr/bin/unshare', ['-m', '/bin/sh', '-c', `${hide}; exec ${run} -- /usr/bin/touch ran`], {
        env: { ...process.env, FAKE: fake },
        stdio: ['ignore', 'ignore', 'pipe'],
        timeout: 240_000,
      })
      let said = ''
      child.stderr.on('data', (chunk) => {
        said += chunk
      })
      const [code] = await once(child, 'close')
      assert.notEqual(code, 0)
      assert.match(said, told)
      assert.ok(!ran(), 'it ran all the same')
      assert.equal(upstream.calls.length, 0)
    })
  }

  for (const name of LOADING) {
    it(`image-controlled LD_PRELOAD: a root of its own, and ${name}: nothing runs, and it is said`, async () => {
      const root = image(temporaryDirectory())
      const variables = { PATH: '/usr/bin', [name]: '/usr/lib/evil.so' }
      const wanted = spec(['true'], { root: { kind: 'directory', path: root }, files: [USR], variables })
      await assert.rejects(launched(wanted), new RegExp(name))
    })
  }
})

const USR = { from: '/usr', to: '/usr' }

/** A root file system with nothing in it. */
function image(root: string): string {
  for (const name of ['bin', 'dev', 'etc', 'proc', 'tmp', 'usr']) mkdirSync(join(root, name))
  for (const name of ['lib', 'lib64']) symlinkSync(`usr/${name}`, join(root, name))
  return root
}

/** A configuration whose agent has a workspace, in which it could leave a file. */
async function plan() {
  const directory = temporaryDirectory()
  const upstream = await startUpstream({
    era: 'modern',
    tools: [tool('note'), tool('wipe')],
    onCall: () => textResult('noted'),
  })
  const work = join(directory, 'work')
  mkdirSync(work)
  const files = { ...NODE_CELL.files, '/opt/bypass': join(repository, 'test/bypass') }
  const config = writeConfig(directory, {
    upstreams: { desk: { mcp: { url: upstream.url }, tools: { note: 'write', wipe: 'irreversible' } } },
    agents: {
      alpha: { cell: { files, workspace: work }, grants: [{ upstream: 'desk', tools: ['note'], expires: '8h' }] },
    },
  })
  const loaded = await loadConfig(config, { node: process.execPath })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.reason))
  await acceptOffered(loaded.value)
  const ran = () => readdirSync(directory, { recursive: true }).some((path) => String(path).endsWith('/ran'))
  return { directory, config, upstream, work, ran }
}

/** One real run, with everything tried in its cell; then it is stopped. */
async function intrusion() {
  const { directory, config, upstream, work } = await plan()
  const secret = join(directory, 'secret')
  writeFileSync(secret, SECRET, { mode: 0o644 })
  symlinkSync(secret, join(work, 'out'))
  symlinkSync('../../../../..', join(work, 'up'))
  let met = 0
  let port = 0
  for (const where of [{ port: 0, host: '::' }, { path: `\0${ABSTRACT}` }, { path: join(work, 'host.sock') }]) {
    const server = createServer((socket) => {
      met++
      socket.on('error', () => undefined).end(MET)
    })
    server.listen(where)
    await once(server, 'listening')
    cleanUp(() => void server.close())
    const address = server.address()
    if (typeof address === 'object' && address !== null) port = address.port
  }
  chmodSync(join(work, 'host.sock'), 0o666)
  const state = join(directory, 'state')
  const variables = { SECRET_FILE: secret, STATE: state, HOST: '127.0.0.1', PORT: String(port) }
  const given = Object.entries(variables)
    .map(([name, value]) => `export ${name}=${value}`)
    .join('; ')
  writeFileSync(join(work, 'commands'), JSON.stringify(ALL.map(({ command }) => `${given}; ${command}`)))
  const run = startFirebreak([
    'run',
    '-c',
    config,
    '-a',
    'alpha',
    '--state',
    state,
    '--',
    '/opt/node',
    '/opt/bypass/intruder.ts',
  ])
  const report = () => /^\{.*\}$/m.exec(run.stdout())?.[0]
  await until('the intruder has tried everything', () => report() !== undefined || run.child.exitCode !== null)
  const text = report()
  if (text === undefined) throw new Error(`the run ended: ${(await run.ended).stderr}`)
  const { said, allowed, refused } = JSON.parse(text) as { said: string[]; allowed: string; refused: string } // as it prints it
  const before = upstream.calls.length
  await until('its child calls', () => upstream.calls.length > before + 3)
  const started = (await ledgerOf(state)).find(({ kind }) => kind === 'cell.started')
  if (started?.kind !== 'cell.started' || !isJsonObject(started.receipt)) throw new Error('no cell.started')
  const cell = { id: started.cell, uid: Number(started.receipt.uid) }
  assert.ok(processesOf(cell.uid).length > 2, 'control: it runs')
  run.child.kill('SIGTERM')
  await Promise.race([run.ended, delay(700)])
  const deaf = run.child.exitCode === null
  const stayed = upstream.calls.length - before
  run.child.kill('SIGKILL')
  await run.ended
  await until('nothing of it runs', () => processesOf(cell.uid).length === 0)
  const stopped = ({ kind }: Entry) => kind === 'gateway.stopped'
  // On a busy host a warden of another test may have ended it first: then it says nothing.
  await until('its gateway has ended', async () => (await ledgerOf(state)).some(stopped), 60_000).catch(() => undefined)
  // What was on its way when the gateway ended has come by now.
  await delay(300)
  const arrived = upstream.calls.length
  // What a killed warden leaves is removed by the next one.
  const next = await openWarden()
  if (next.ok) await next.value.close()
  const entries: readonly Entry[] = await ledgerOf(state)
  const verified = await firebreak(['ledger', 'verify', join(state, 'ledger'), '--witness', join(state, 'witness')])
  return {
    said,
    allowed,
    refused,
    variables,
    met: () => met,
    deaf,
    stayed,
    left: leftOf(cell),
    arrived,
    arrivedLater: upstream.calls.length,
    entries,
    verified,
  }
}
