/** The way back, as a person walks it: a run's files saved and restored on the command line, and all of it in the ledger. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Entry } from '../../src/model/entry.ts'
import { firebreak, ledgerOf, NODE_CELL, SKIP, startFirebreak } from '../kit/command-line.ts'
import { type CellPlan, writeConfig } from '../kit/config-text.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'

const MARIA = ['--as', 'maria.silva@shop.example']

interface Desk {
  readonly state: string
  readonly work: string
  /** `firebreak <command> … --json`, and what it printed last. */
  readonly call: (...args: readonly string[]) => Promise<{ readonly code: number | null; readonly said: Said }>
  readonly run: (...command: readonly string[]) => ReturnType<typeof startFirebreak>
}

type Said = Readonly<Record<string, never>>

function desk(cell: CellPlan = {}): Desk {
  const directory = temporaryDirectory()
  const work = join(directory, 'work')
  mkdirSync(work)
  writeFileSync(join(work, 'given'), 'given\n')
  const config = writeConfig(directory, {
    upstreams: {},
    agents: { desk: { cell: { ...NODE_CELL, workspace: 'work', ...cell }, grants: [] } },
  })
  const state = join(directory, 'state')
  const own = ['--config', config, '--state', state]
  return {
    state,
    work,
    call: async (command = '', ...args) => {
      const ran = await firebreak([command, ...own, '--json', ...args])
      return { code: ran.code, said: JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? '{}') }
    },
    run: (...command) => startFirebreak(['run', ...own, '--', ...command]),
  }
}

async function entriesOf<K extends Entry['kind']>(
  state: string,
  kind: K,
): Promise<readonly Extract<Entry, { kind: K }>[]> {
  return (await ledgerOf(state)).filter((entry): entry is Extract<Entry, { kind: K }> => entry.kind === kind)
}

describe('S16: checkpoints on the command line', { skip: SKIP }, () => {
  it('S16: at rest: saved, shown, rehearsed, restored, and in the ledger by whom and why', async () => {
    const { state, call, run } = desk()
    await run('sh', '-c', 'echo one > file').ended
    const saved = await call('checkpoint', 'desk', '--name', 'first', '--why', 'a good state', ...MARIA)
    assert.equal(saved.code, 0, JSON.stringify(saved))
    await run('sh', '-c', 'echo two > file; rm given').ended
    const rehearsed = await call('restore', 'desk', 'first', '--dry-run')
    assert.deepEqual(rehearsed.said.differences, [
      { path: 'file', what: 'put-back' },
      { path: 'given', what: 'returns' },
    ])
    const undecided = await call('restore', 'desk', 'first', '--no-input')
    assert.equal(undecided.code, 4)
    const restored = await call('restore', 'desk', 'first', '--yes', '--why', 'two was wrong', ...MARIA)
    assert.equal(restored.code, 0, JSON.stringify(restored))
    const after = await run('sh', '-c', 'cat file given').ended
    assert.equal(after.stdout, 'one\ngiven\n')

    const made = await entriesOf(state, 'checkpoint.made')
    assert.deepEqual(
      made.map(({ agent, workspace, name, by, why }) => [agent, workspace, name, by, why]),
      [
        ['desk', 'desk', 'first', 'maria.silva@shop.example', 'a good state'],
        ['desk', 'desk', undefined, 'maria.silva@shop.example', `before ${made[0]?.checkpoint} was restored`],
      ],
    )
    const [back] = await entriesOf(state, 'checkpoint.restored')
    assert.equal(back?.checkpoint, made[0]?.checkpoint)
    assert.equal(back?.before, made[1]?.checkpoint)
    assert.deepEqual([back?.by, back?.why], ['maria.silva@shop.example', 'two was wrong'])

    const again = await call('restore', 'desk', String(made[1]?.checkpoint), '--yes')
    assert.equal(again.code, 0, 'a restoration can be taken back')
    assert.equal((await run('sh', '-c', 'cat file; ls').ended).stdout, 'two\nfile\n')
    const shown = await call('checkpoint', 'desk', '--list')
    const [history] = shown.said.workspaces as unknown as readonly { head: string; checkpoints: readonly unknown[] }[]
    assert.equal(history?.head, made[1]?.checkpoint)
    assert.equal(history?.checkpoints.length, 3)
  })

  it('S16: of a run that goes on: saved at once, and restored only by ending its cell, whose command begins anew', async () => {
    const { state, call, run } = desk()
    const running = run(
      'sh',
      '-c',
      'cat file 2>/dev/null; echo begun >> begun; echo up; while :; do echo x >> file; sleep 0.05; done',
    )
    await until('it runs', () => running.stdout().includes('up'))
    const saved = await call('checkpoint', 'desk', '--name', 'early')
    assert.equal(saved.code, 0, JSON.stringify(saved))
    const refused = await call('restore', 'desk', 'early', '--yes')
    assert.equal(refused.code, 3, JSON.stringify(refused))
    const restored = await call('restore', 'desk', 'early', '--yes', '--restart', '--why', 'it went astray', ...MARIA)
    assert.equal(restored.code, 0, JSON.stringify(restored))
    await until('it runs again', () => running.stdout().split('up').length === 3)
    const [back] = await entriesOf(state, 'checkpoint.restored')
    const [first, second] = await entriesOf(state, 'cell.started')
    assert.equal(back?.cell, first?.cell)
    assert.notEqual(second?.cell, undefined, 'another cell lives on them')
    running.child.kill('SIGTERM')
    running.child.kill('SIGTERM')
    await running.ended
    const begun = await run('sh', '-c', 'cat begun').ended
    assert.equal(begun.stdout, 'begun\nbegun\n', 'once before the checkpoint, once on the restored files')
  })

  it('S17: a history shows what is damaged, and restores nothing of it', async () => {
    const { state, call, run } = desk()
    await run('sh', '-c', 'echo one > file').ended
    const id = String(((await call('checkpoint', 'desk')).said.checkpoint as unknown as { id: string }).id)
    const record = join(state, 'workspaces/desk/checkpoints', id, 'checkpoint.json')
    writeFileSync(record, readFileSync(record, 'utf8').slice(0, -20))
    const shown = await call('checkpoint', 'desk', '--list')
    assert.match(JSON.stringify(shown.said), new RegExp(`"damaged":\\["${id}"\\]`))
    assert.equal((await call('restore', 'desk', id, '--yes')).code, 2)
    assert.equal((await call('checkpoint', 'desk', '--remove', id, '--yes')).code, 0)
    assert.match(JSON.stringify((await call('checkpoint', 'desk', '--list')).said), /"damaged":\[\]/)
  })
})
