import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { temporaryDirectory } from '../../test/kit/temporary.ts'
import { type Contained, containCommand } from './contain-command.ts'

const home = temporaryDirectory()
const own = join(home, 'tools')

function contained(...command: readonly string[]): Contained {
  const result = containCommand(command, home, `${own}:/usr/bin`)
  assert.ok(result.ok, result.ok ? '' : result.reason)
  return result.value
}

describe('a command of this host in a cell', () => {
  before(() => {
    const server = join(home, 'node_modules/@acme/server')
    for (const directory of [own, join(server, 'dist'), join(home, 'data'), join(home, 'more')])
      mkdirSync(directory, { recursive: true })
    writeFileSync(join(server, 'package.json'), JSON.stringify({ bin: { acme: 'dist/main.js' } }))
    writeFileSync(join(server, 'dist/main.js'), '')
    writeFileSync(join(home, 'package.json'), '{}')
    symlinkSync('loop', join(home, 'loop'))
    mkdirSync(join(home, 'more/sh'))
    writeFileSync(join(home, 'agent.mjs'), '')
    writeFileSync(join(own, 'helper'), '#!/bin/sh\n', { mode: 0o755 })
    writeFileSync(join(own, 'acme'), '#!/usr/bin/env node\n', { mode: 0o755 })
  })

  it('sees its script, the packages beside it and nothing else of where they lie', () => {
    const { command, files } = contained('sh', 'agent.mjs', '--quiet')
    assert.deepEqual(command, ['sh', join(home, 'agent.mjs'), '--quiet'])
    const shown = ['agent.mjs', 'node_modules', 'package.json'].map((name) => join(home, name))
    assert.deepEqual([...files].sort(), shown.map((path) => [path, path]).sort())
  })

  it('has the first directory among its arguments as its workspace, others read-only', () => {
    const { command, files, workspace } = contained('sh', '-c', './data', 'more/')
    assert.equal(workspace, join(home, 'data'))
    assert.deepEqual(command, ['sh', '-c', '/workspace', join(home, 'more')])
    assert.deepEqual([...files.keys()], [join(home, 'more')])
  })

  it('has a program that is not of /usr shown to it, alone', () => {
    const { command, files } = contained('helper', 'data')
    assert.deepEqual(command, [join(own, 'helper'), 'data'], 'a plain word stays a word')
    assert.deepEqual([...files], [[join(own, 'helper'), join(own, 'helper')]])
  })

  it('has a Node where its script asks for one', () => {
    const { command, files } = contained('acme')
    assert.match(command[0] ?? '', /^(?:node|\/opt\/node)$/)
    assert.equal(command[1], join(own, 'acme'))
    assert.ok(files.has(join(own, 'acme')))
  })

  it('is what npx would have fetched, where that is installed', () => {
    const { command, files } = contained('npx', '-y', '@acme/server@1.2.3', './data')
    assert.deepEqual(command.slice(1), [join(home, 'node_modules/@acme/server/dist/main.js'), '/workspace'])
    assert.ok(files.has(join(home, 'node_modules')))
  })

  it('is looked for where a PATH can be read, and past what cannot', () => {
    const result = containCommand(['sh'], home, `${join(home, 'loop')}:${join(home, 'more')}:/usr/bin`)
    assert.deepEqual(result.ok && result.value.command, ['sh'])
  })

  it('is refused with what to do where it is fetched at each start, or not there', () => {
    const fetched = containCommand(['npx', '-y', 'other-server'], home)
    assert.ok(!fetched.ok)
    assert.match(fetched.reason, /no network: npm install other-server/)
    const missing = containCommand(['no-such-program'], home)
    assert.ok(!missing.ok)
    assert.match(missing.reason, /there is no program "no-such-program"/)
  })
})
