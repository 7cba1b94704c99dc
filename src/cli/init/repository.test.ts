import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { gitSettings, readRemote, repositoryNeeds } from './repository.ts'

describe('the needs of a repository', () => {
  it('are the registries whose manifests lie in it, and files of servers that are told', () => {
    const directory = temporaryDirectory()
    const { author: _, ...none } = repositoryNeeds(directory, {})
    assert.deepEqual(none, { registries: [], serverFiles: [] })
    mkdirSync(join(directory, '.cursor'))
    for (const name of ['package.json', 'requirements-dev.txt', '.cursor/mcp.json'])
      writeFileSync(join(directory, name), '{}')
    const { registries, serverFiles } = repositoryNeeds(directory, {})
    assert.deepEqual([registries, serverFiles], [['npm', 'pypi'], ['.cursor/mcp.json']])
  })

  it('are the server of its remote, without credentials, over HTTPS where it is reached over SSH', () => {
    const at = (url: string) => {
      const { origin, repository } = readRemote(url, {}) ?? {}
      return origin === undefined ? undefined : `${origin} ${repository}`
    }
    assert.equal(at('https://ana:secret@github.com/shop/desk.git'), 'https://github.com shop/desk')
    assert.equal(at('http://git.intern:3000/a/b/c'), 'http://git.intern:3000 a/b/c')
    assert.equal(at('https://constructor.example/a/b'), 'https://constructor.example a/b')
    assert.equal(at('git@github.com:shop/desk.git'), 'https://github.com shop/desk')
    assert.equal(at('ssh://git@git.shop.example:2222/shop/desk.git'), 'https://git.shop.example shop/desk')
    for (const odd of [
      '',
      '/srv/git/desk.git',
      'file:///srv/git/desk.git',
      'git@work:shop/desk.git',
      'https://github.com/../x',
      'http://169.254.169.254/a/b',
      'http://127.0.0.1:2375/a/b',
      'https://gitlab/a/b',
      'https://constructor/a/b',
      'https://github.com/a b',
      'https://github.com/',
      'ext::sh -c id',
      'https://GitHub.com/"/x',
    ])
      assert.equal(at(odd), undefined, odd)
  })

  it('name a token for its server where this host has one', () => {
    const token = (environment: Record<string, string>, url = 'git@github.com:a/b') =>
      readRemote(url, environment)?.token
    assert.equal(token({}), undefined)
    assert.equal(token({ GITHUB_TOKEN: 'x' }), 'GITHUB_TOKEN')
    assert.equal(token({ GITHUB_TOKEN: 'x' }, 'https://elsewhere.example/a/b'), undefined)
  })

  it('are written as settings of git: the author, and HTTPS for what is reached over SSH', () => {
    const remote = readRemote('git@github.com:a/b', {})
    const needs = { registries: [], serverFiles: [], ...(remote && { remote }) }
    assert.equal(
      gitSettings({ ...needs, author: { name: 'Ana', email: 'ana@shop.example' } }),
      '[user]\n\tname = Ana\n\temail = ana@shop.example\n[url "https://github.com/"]\n\tinsteadOf = git@github.com:\n\tinsteadOf = ssh://git@github.com/\n',
    )
    assert.equal(gitSettings({ registries: [], serverFiles: [] }), '')
  })
})
