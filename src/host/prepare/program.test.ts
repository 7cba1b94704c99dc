import assert from 'node:assert/strict'
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { loadConfig } from '../../config/load.ts'
import { programFault } from './program.ts'

it('S10: a program that is a link is shown by advice where it leads to an installation or packages', async () => {
  const home = realpathSync(temporaryDirectory())
  for (const path of ['bin', '.mozilla', 'x/node_modules']) mkdirSync(join(home, path), { recursive: true })
  const file = join(home, 'firebreak.yaml')
  writeFileSync(
    file,
    'environments: { test: {} }\nagents: { a: { owner: a@x.example, environment: test, command: [x], cell: { files: { /srv/bin: ./bin } } } }',
  )
  const loaded = await loadConfig(file, { node: process.execPath })
  assert.ok(loaded.ok)
  const [agent] = loaded.value.agents.values()
  assert.ok(agent)
  const fixOf = (name: string) => programFault(agent.cell, `/srv/bin/${name}`)?.fix ?? ''
  for (const place of ['.mozilla/keys', 'x/node_modules/tool']) {
    writeFileSync(join(home, place), '', { mode: 0o755 })
    symlinkSync(join(home, place), join(home, 'bin', place.slice(-4)))
  }
  assert.match(fixOf('keys'), /^show it by hand under cell: \{ files \}, if .+keys is what it should lead to$/)
  assert.match(fixOf('tool'), /^show it: cell: \{ files: \{ .+node_modules\/tool: /)
})
