import assert from 'node:assert/strict'
import { existsSync, readdirSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { temporaryDirectory } from '../../../../test/kit/temporary.ts'
import { newCellId } from '../../../model/ids.ts'
import { type CellSpec, launchFaultText } from '../../spec.ts'
import { mountsUnder } from './run-directory.ts'
import { CELLS_MAX, openWarden } from './warden.ts'

const skip =
  process.getuid?.() !== 0
    ? 'the full profile needs root'
    : !existsSync('/usr/bin/bwrap') && 'bubblewrap is not installed'

function spec(id: number): CellSpec {
  return {
    id: newCellId(new Uint8Array(16).fill(id)),
    command: ['true'],
    variables: { PATH: '/usr/bin:/bin' },
    root: { kind: 'host-usr' },
    files: [],
    limits: { memoryBytes: 2 ** 26, cpu: 1, pids: 8 },
    ports: [],
    stdio: { kind: 'pipes' },
    protectedPaths: [],
  }
}

describe('the warden', { skip }, () => {
  it('S17: a thousand cells are the most, and the next one is refused and leaves nothing', async () => {
    assert.equal(CELLS_MAX, 1_000)
    const opened = await openWarden()
    assert.ok(opened.ok)
    const warden = opened.value
    try {
      const refused = await withCellsMore(CELLS_MAX, () => warden.launch(spec(1)))
      assert.equal(
        refused.ok ? 'launched' : launchFaultText(refused.reason),
        'launch: 1000 cells are running or starting: end one first',
      )
      assert.deepEqual(warden.cells(), [])
      const fits = await withCellsMore(CELLS_MAX - 1, () => warden.launch(spec(2)))
      assert.ok(fits.ok, 'the last one that fits')
    } finally {
      await warden.close()
    }
  })

  it('S17: launches side by side do not pass the limit together', async () => {
    const opened = await openWarden()
    assert.ok(opened.ok)
    const warden = opened.value
    try {
      const both = () => Promise.all([warden.launch(spec(3)), warden.launch(spec(4))])
      const launched = await withCellsMore(CELLS_MAX - 1, both)
      assert.deepEqual(
        launched.map(({ ok }) => ok),
        [true, false],
      )
    } finally {
      await warden.close()
    }
  })

  it('keeps the /etc of its cells in memory, and nothing of it after its end', async () => {
    const runDirectory = temporaryDirectory()
    const opened = await openWarden({ runDirectory })
    assert.ok(opened.ok)
    const mounted = mountsUnder(runDirectory).find((path) => path.endsWith('/etc'))
    const kept =
      mounted !== undefined && existsSync(join(mounted, 'passwd')) && statfsSync(mounted).type === TMPFS_MAGIC
    await opened.value.close()
    assert.ok(kept)
    assert.deepEqual([mountsUnder(runDirectory), readdirSync(join(runDirectory, 'runs'))], [[], []])
  })
})

/** statfs(2) */
const TMPFS_MAGIC = 0x0102_1994

/** A thousand would take half a minute: the map that the warden asks for its size first says that it holds `more`. */
async function withCellsMore<T>(more: number, launch: () => Promise<T>): Promise<T> {
  const real = Object.getOwnPropertyDescriptor(Map.prototype, 'size')?.get
  assert.ok(real)
  let counted: unknown
  const size = function (this: unknown): number {
    counted ??= this
    return real.call(this) + (this === counted ? more : 0)
  }
  Object.defineProperty(Map.prototype, 'size', { configurable: true, get: size })
  try {
    return await launch()
  } finally {
    Object.defineProperty(Map.prototype, 'size', { configurable: true, get: real })
  }
}
