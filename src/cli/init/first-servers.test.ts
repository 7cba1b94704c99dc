import assert from 'node:assert/strict'
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { SecretPlan } from '../../config/mcp-servers.ts'
import { firstServers } from './first-servers.ts'

describe('a directory outside that a list of servers names', () => {
  const home = realpathSync(temporaryDirectory())
  const documents = join(home, 'Documents')
  const { HOME } = process.env

  before(() => {
    process.env.HOME = home
    mkdirSync(documents)
  })
  after(() => {
    process.env.HOME = HOME
  })

  function taken(file: string) {
    const place = join(home, file)
    mkdirSync(dirname(place), { recursive: true })
    writeFileSync(place, JSON.stringify({ mcpServers: { docs: { command: 'sh', args: ['-s', documents] } } }))
    return firstServers(place, [], [], new SecretPlan())
  }

  it('is left out, with what to do, of a file that came with a project', () => {
    for (const file of ['src/proj/.mcp.json', '.cache/yay/x/.mcp.json', '.cursor/extensions/x/mcp.json', 'mcp.json']) {
      const found = taken(file)
      assert.ok(found.ok && found.value.upstreams.length === 0, file)
      assert.match(found.value.leftOut[0]?.why ?? '', /Documents: .* a person names: with --server/, file)
    }
  })

  it('is what a server works on where its file is a client’s own, as a person wrote it', () => {
    const own = ['.claude.json', '.cursor/mcp.json', '.config/Claude/claude_desktop_config.json']
    for (const file of own) {
      const found = taken(file)
      assert.equal(found.ok && found.value.upstreams[0]?.contained?.workspace, documents, file)
    }
  })
})

describe('the servers of a first configuration', () => {
  it('S10: get no secret by the name of a directory that a link of their project leads to', () => {
    const project = temporaryDirectory()
    for (const name of ['plain', '${secret:github-token}']) mkdirSync(join(project, name))
    symlinkSync('plain', join(project, 'one'))
    symlinkSync('${secret:github-token}', join(project, 'two'))
    const file = join(project, '.mcp.json')
    const started = (place: string) => ({
      command: '/bin/cat',
      args: ['/dev/null', `--data=${join(project, place)}`],
      env: { GITHUB_TOKEN: '${SHOP_TOKEN}' },
    })
    writeFileSync(file, JSON.stringify({ mcpServers: { one: started('one'), two: started('two') } }))
    const planned = firstServers(file, [], [], new SecretPlan())
    assert.ok(planned.ok)
    const [one, ...others] = planned.value.upstreams
    assert.deepEqual([one?.contained?.command.at(-1), others], [`--data=${join(project, 'plain')}`, []])
    assert.deepEqual(planned.value.leftOut, [
      { key: 'two', why: 'a path of it reads as a reference to a secret: rename it' },
    ])
  })
})
