import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'

const missing = ['bwrap', 'npm'].filter(
  (program) => !(process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program))),
)

interface Told {
  readonly claims: Readonly<Record<string, boolean>>
  readonly results: Readonly<Record<string, readonly { readonly had?: string; readonly told?: string }[]>>
  readonly skipped?: readonly string[]
}

describe('the package install', { skip: missing.length > 0 ? `needs ${missing.join(' and ')}` : false }, () => {
  it('S1 S2 S4 S6: each manager has what it may have, and no more', { timeout: 400_000 }, (t) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, 'start.ts'), '--json'], {
      encoding: 'utf8',
    })
    const last = stdout.trimEnd().split('\n').at(-1) ?? ''
    assert.equal(status, 0, stderr + last)
    const { claims, results, skipped = [] } = JSON.parse(last) as Told
    for (const name of skipped) t.diagnostic(`${name} is skipped: no Python that cells see has it`)
    const managers = ['npm', 'pip'].filter((name) => !skipped.includes(name))
    assert.deepEqual(Object.keys(results), managers)
    assert.ok(
      Object.keys(claims).length === 4 * managers.length && Object.values(claims).every((holds) => holds === true),
      last,
    )
    for (const name of managers)
      assert.deepEqual(
        results[name]?.map(({ had }) => had),
        ['1.0.0', '1.0.0', undefined, undefined, undefined, undefined, undefined],
      )
  })
})
