/** git of a real cell, at the place where a person knows its server: a real one, `git http-backend`, on loopback. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import type { Entry } from '../../src/model/entry.ts'
import { saidIn, scriptOf } from '../kit/attempts.ts'
import { firebreak, ledgerOf, SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { type GitServer, git, gitServer } from '../kit/git-server.ts'
import { temporaryDirectory } from '../kit/temporary.ts'

const GIT = existsSync('/usr/bin/git')
const OID = 'a'.repeat(64)

describe('git of a cell', { skip: SKIP || (!GIT && 'no git') }, () => {
  let said: Readonly<Record<string, string>> = {}
  let entries: readonly Entry[] = []
  let server: GitServer
  const refs: Record<string, string> = {}

  before(async () => {
    server = await gitServer(['shop/desk.git', 'shop/secret.git'])
    const directory = temporaryDirectory()
    const own = join(directory, 'own')
    await git(directory, 'clone', '-q', join(server.directory, 'shop/desk.git'), own)
    await git(own, 'commit', '-q', '--allow-empty', '-m', 'one')
    await git(own, 'commit', '-q', '--allow-empty', '-m', 'two')
    await git(
      own,
      'push',
      '-q',
      'origin',
      'HEAD:main',
      'HEAD:refs/heads/agent/old',
      'HEAD~1:refs/heads/agent/behind',
      'HEAD~1:refs/heads/hidden',
    )
    await git(own, 'push', '-q', join(server.directory, 'shop/secret.git'), 'HEAD:main')
    const at = `${server.url}/shop/desk.git`
    const attempts: Record<string, string> = {
      clone: `cd /tmp && git clone -q ${at} desk && cd desk && git log --format=%s origin/main && git branch -r`,
      'other repository': `cd /tmp && git clone -q ${server.url}/shop/secret.git`,
      branch: `cd /tmp/desk && git checkout -q -b agent/new && git commit -q --allow-empty -m three && git push origin HEAD`,
      forward: `cd /tmp/desk && git commit -q --allow-empty -m four && git push origin HEAD`,
      'what is there': `cd /tmp/desk && git push origin origin/main:agent/behind`,
      main: `cd /tmp/desk && git push origin HEAD:main`,
      force: `cd /tmp/desk && git commit -q --amend --allow-empty -m five && git push -f origin HEAD`,
      delete: `cd /tmp/desk && git push origin :agent/old`,
      tag: `cd /tmp/desk && git tag v1 && git push origin v1`,
      both: `cd /tmp/desk && git push origin HEAD:agent/both HEAD:main`,
      'two grants': `cd /tmp/desk && git push origin origin/main:refs/heads/agent/two origin/main:refs/heads/review/two`,
      'one of two is used up': `cd /tmp/desk && git push origin origin/main:refs/heads/agent/three origin/main:refs/heads/review/three`,
    }
    const lfs = `${at}/info/lfs/objects`
    const type = 'application/vnd.git-lfs+json'
    const batch = JSON.stringify({ operation: 'download', objects: [{ oid: OID, size: 4 }] })
    attempts.lfs = `curl -sS -m 20 -H 'content-type: ${type}' -d '${batch}' ${lfs}/batch; echo; curl -sS -m 20 ${lfs}/${OID}`
    server.answers = ({ method, target }) => {
      if (!target.includes('/info/lfs/') && target !== '/kept/file?signed=1') return undefined
      const actions = { download: { href: `${server.url}/kept/file?signed=1`, header: { 'x-signed': 'secret-sign' } } }
      const said = JSON.stringify({ objects: [{ oid: OID, size: 4, actions }] })
      return { status: 200, headers: [['content-type', type]], body: Buffer.from(method === 'GET' ? 'file' : said) }
    }
    const who = 'git config --global user.name A; git config --global user.email a@example.org'
    const script = scriptOf(attempts, 'echo "rc $?"')
    const state = join(directory, 'state')
    const file = writeConfig(directory, {
      upstreams: {
        forge: {
          git: { origin: server.url },
          tools: {
            'shop/desk refs/heads/main: fetch': 'read',
            // As a person writes it, who lets it push what it has read.
            'shop/desk refs/heads/agent/*: fetch, push': { effect: 'write', accepts: ['untrusted'] },
            'shop/desk refs/heads/review/*: push': 'irreversible',
            'shop/desk: lfs': 'read',
          },
        },
      },
      agents: {
        alpha: {
          grants: [
            {
              upstream: 'forge',
              tools: [
                'shop/desk refs/heads/main: fetch',
                'shop/desk refs/heads/agent/*: fetch, push',
                'shop/desk: lfs',
              ],
              expires: '1d',
            },
            {
              upstream: 'forge',
              tools: ['shop/desk refs/heads/review/*: push'],
              budget: { calls: '1 total' },
              expires: '1d',
            },
          ],
        },
      },
    })
    const ran = await firebreak(['run', '--config', file, '--state', state, '--', 'bash', '-c', `${who}\n${script}`])
    assert.equal(ran.code, 0, ran.stderr)
    said = saidIn(ran.stdout)
    entries = await ledgerOf(state)
    const listed = await git(join(server.directory, 'shop/desk.git'), 'for-each-ref', '--format=%(refname) %(subject)')
    for (const line of listed.split('\n')) refs[line.split(' ')[0] ?? ''] = line.slice(line.indexOf(' ') + 1)
  })

  it('a clone has the branches that it is shown, and no other', () => {
    assert.match(said.clone ?? '', /^two\none\n/)
    assert.match(said.clone ?? '', /origin\/agent\/old/)
    assert.doesNotMatch(said.clone ?? '', /hidden/)
    assert.match(
      said['other repository'] ?? '',
      /remote error: refused by Firebreak: shop\/secret is none of the repos/,
    )
    assert.ok(server.exchanges.every(({ target }) => !target.includes('secret')))
  })

  it('S4: a push is an action, whose changes are known before its pack leaves', () => {
    assert.match(said.branch ?? '', /rc 0$/)
    assert.match(said.forward ?? '', /rc 0$/)
    assert.equal(refs['refs/heads/agent/new'], 'four')
    assert.equal(refs['refs/heads/agent/behind'], 'two')
    const pushes = entries.flatMap((entry) =>
      entry.kind === 'action.intent' && entry.effect === 'write' && 'changes' in (entry.args as object)
        ? [(entry.args as { readonly changes: readonly { readonly ref: string; readonly kind: string }[] }).changes]
        : [],
    )
    assert.deepEqual(
      pushes.map((changes) => changes.map(({ ref, kind }) => `${kind} ${ref}`)),
      [
        ['create refs/heads/agent/new'],
        ['fast-forward refs/heads/agent/new'],
        // Its pack has nothing: the server was asked what lies between.
        ['fast-forward refs/heads/agent/behind'],
      ],
    )
  })

  it('S7: of two patterns takes from the grant of each, with the graver effect; where one is used up nothing is sent', () => {
    assert.match(said['two grants'] ?? '', /rc 0$/)
    assert.match(said['one of two is used up'] ?? '', /refused by Firebreak[\s\S]*rc 1$/)
    const [intent, ...more] = entries.flatMap((entry) =>
      entry.kind === 'action.intent' && entry.alongside !== undefined && 'changes' in (entry.args as object)
        ? [entry]
        : [],
    )
    assert.deepEqual([intent?.effect, intent?.charge?.holders?.length, more.length], ['irreversible', 2, 0])
    assert.ok(
      entries.some((entry) => entry.kind === 'action.refused' && JSON.stringify(entry.reasons).includes('budget')),
    )
  })

  it('a file of LFS comes from where its server says, and nothing of that is shown', () => {
    const [listed = '', file] = (said.lfs ?? '').split('\n')
    assert.match(listed, /"href":"http:\/\/127\.0\.0\.1:\d+\/shop\/desk\.git\/info\/lfs\/objects\//)
    assert.doesNotMatch(listed, /sign|kept/)
    assert.equal(file, 'filerc 0')
    const sent = server.exchanges.find(({ target }) => target === '/kept/file?signed=1')
    assert.ok(sent?.headers.some(([name, value]) => name === 'x-signed' && value === 'secret-sign'))
  })

  it('another branch, a force, a deletion, a tag: refused in git’s words, and nothing of it was sent', () => {
    assert.match(said.main ?? '', /remote rejected.*main.*it moves refs\/heads\/main|remote rejected/s)
    for (const name of ['main', 'force', 'delete', 'tag', 'both']) {
      assert.match(said[name] ?? '', /refused by Firebreak: it .* which it is not granted/, name)
      assert.match(said[name] ?? '', /rc 1$/, name)
    }
    assert.deepEqual(Object.keys(refs).sort(), [
      'refs/heads/agent/behind',
      'refs/heads/agent/new',
      'refs/heads/agent/old',
      'refs/heads/agent/two',
      'refs/heads/hidden',
      'refs/heads/main',
      'refs/heads/review/two',
    ])
    assert.equal(refs['refs/heads/main'], 'two')
    const received = server.exchanges.filter(({ target }) => target.endsWith('/git-receive-pack'))
    assert.equal(received.length, 4)
  })
})
