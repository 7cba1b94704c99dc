/** A warden without root, run by the tests as an ordinary uid: `user-warden.ts <base> <lower>`. Reports what its cells could do. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { openWarden } from '../../src/cells/linux/launch/warden.ts'
import type { CellSpec } from '../../src/cells/spec.ts'
import { transportOf } from '../kit/listener.ts'
import { answering, FULL_HOUSE } from './answering.ts'
import { lastReport, NODE, outputOf, spec } from './kit.ts'

const WEB = [
  { transport: 'tcp', port: 80 },
  { transport: 'tcp', port: 443 },
  { transport: 'udp', port: 53 },
] as const
const DIALS = JSON.stringify([
  ['tcp', '1.1.1.1', 80],
  ['tcp', '169.254.169.254', 80],
  ['udp', '8.8.8.8', 53],
  ['tcp', '1.1.1.1', 22],
])

const [base = '', lower = ''] = process.argv.slice(2)
const opened = await openWarden({ runDirectory: join(base, 'run') })
if (!opened.ok) throw new Error(JSON.stringify(opened.reason))
const warden = opened.value
const accepts = ['memory', 'cpu', 'pids', 'freeze', 'disk'] as const

async function run(wanted: CellSpec, answer: string) {
  const cell = await warden.launch(wanted)
  if (!cell.ok) throw new Error(JSON.stringify(cell.reason))
  const output = outputOf(cell.value)
  const [listener] = cell.value.listeners
  // Here the gateway is this process: it takes the listener over.
  const server = listener ? createServer((socket) => socket.end(answer)).listen({ fd: listener.take() }) : undefined
  cell.value.start()
  const exit = await cell.value.exited
  const [stdout, stderr] = await Promise.all([output.stdout, output.stderr])
  server?.close()
  return { exit, stdout, stderr, torn: await cell.value.teardown(), receipt: cell.value.receipt }
}

const workspace = { lower, changes: join(base, 'changes'), at: '/work' }
const refused = await warden.launch(spec(['true']))
const kernel = await run(spec([NODE, '/opt/attacks/kernel.ts'], { accepts }), 'x')
const files = await run(spec([NODE, '/opt/attacks/files.ts'], { accepts, workspace }), 'x')
const network = await run(
  spec([NODE, '/opt/attacks/network.ts', '22', '192.0.2.1', 'x'], { accepts, workspace }),
  'the gateway',
)
const descriptors = await run(spec(['sh', '-c', 'ls -l /proc/$$/fd'], { accepts, workspace, ports: [] }), 'x')
const over = { lower, changes: join(base, 'hiding'), at: '/work', hidden: ['given'] }
const hiding = await run(
  spec(['sh', '-c', 'cat given; rm given; mv given a; cat given'], { accepts, workspace: over, ports: [] }),
  'x',
)
/** Runs an attack in a cell of which every address leads to this process, twice: with doors made at first and anew. */
async function anywhere(wanted: CellSpec, anew = false) {
  const cell = await warden.launch({ ...wanted, anywhere: WEB })
  if (!cell.ok) throw new Error(JSON.stringify(cell.reason))
  if (anew) for (const listener of cell.value.listeners) listener.close()
  const again = anew ? await cell.value.listenAgain() : { ok: true as const, value: cell.value.listeners }
  if (!again.ok) throw new Error(again.reason)
  const held = await cell.value.connections(process.pid)
  const output = outputOf(cell.value)
  const gateway = await answering(cell.value, again.value)
  cell.value.start()
  await cell.value.exited
  await gateway.close()
  const said = lastReport(await output.stdout, await output.stderr)
  const { gone } = await cell.value.teardown()
  return { said, dialled: gateway.dialled, held, gone }
}
const dials = spec([NODE, '/opt/attacks/anywhere.ts', DIALS], { accepts })
const routed = {
  first: await anywhere(dials),
  // Its network is owned by a namespace within the one that mounts the overlay.
  overlay: await anywhere({ ...dials, workspace }),
  anew: await anywhere(dials, true),
  routes: await anywhere(spec([NODE, '/opt/attacks/routes.ts'], { accepts })),
}
const full = await warden.launch({ ...spec(['sleep', '60'], { accepts }), ...FULL_HOUSE })
const doors = full.ok ? full.value.listeners.map(({ fd }) => transportOf(fd)).join(' ') : JSON.stringify(full.reason)
const beside = full.ok ? await full.value.listenAgain() : undefined
if (full.ok) await full.value.teardown()
const diff = await warden.diff(workspace.changes)
const landing = await warden.commit(workspace.changes, ['mine'], [])
await warden.close()
const removing = spawnSync('rm', ['-rf', workspace.changes], { encoding: 'utf8' })
console.log(
  JSON.stringify({
    profile: warden.profile,
    refused: !refused.ok && refused.reason.kind === 'lacking' ? refused.reason.layer : refused.ok,
    kernel: lastReport(kernel.stdout, kernel.stderr),
    files: lastReport(files.stdout, files.stderr),
    routed,
    doors,
    beside: beside?.ok === false && beside.reason,
    network: lastReport(network.stdout, network.stderr),
    descriptors: descriptors.stdout.trim().split('\n').length - 1,
    gone: [kernel, files, network].every(({ torn }) => torn.gone),
    cgroup: kernel.torn.checks.find(({ what }) => what === 'cgroup')?.detail,
    enforcedBy: kernel.receipt.enforcedBy,
    hiding: hiding.stdout,
    without: kernel.receipt.without,
    diff: diff.ok ? diff.value.changes.map(({ kind, path }) => `${kind} ${path}`).toSorted() : diff.reason,
    landing: landing.ok ? landing.value : landing.reason,
    landed: readdirSync(lower).toSorted(),
    uid: process.getuid?.(),
    removing: removing.stderr,
    left: readdirSync(join(base, 'run/runs')),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8').includes(base),
    processes: spawnSync('pgrep', ['-r', 'R,S,D', '-u', `${process.getuid?.()}`, 'bwrap'], { encoding: 'utf8' }).stdout,
  }),
)
process.exit(0)
