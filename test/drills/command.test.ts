import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { firebreak, SKIP } from '../kit/command-line.ts'

const directory = mkdtempSync(join(tmpdir(), 'drill-command-'))
after(() => rmSync(directory, { recursive: true, force: true }))

describe('firebreak drill', { skip: SKIP }, () => {
  it('runs a drill, writes what continuous integration reads, and exits 0 where all is contained', async () => {
    const [junit, sarif] = [join(directory, 'junit.xml'), join(directory, 'drills.sarif')]
    const options = ['--reference', '--coverage', '--junit', junit, '--sarif', sarif, '--json']
    const { code: status, stdout, stderr } = await firebreak(['drill', 'wiped-home', ...options])
    assert.equal(status, 0, stdout + stderr)
    const said = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
    assert.equal(said.contained, 1)
    assert.deepEqual(said.coverage[1].contained, ['wiped-home'])
    assert.match(readFileSync(junit, 'utf8'), /tests="2" failures="0"/)
    assert.deepEqual(JSON.parse(readFileSync(sarif, 'utf8')).runs[0].results, [])
  })

  it('a drill that is not contained fails, with each of its steps', async () => {
    const own = join(directory, 'own.yaml')
    const step = '{ run: "echo got through", harm: true }'
    const about = 'title: Mine\nincident: { what: mine, source: mine }\nowasp: [ASI10]\ncontrols: [none]'
    writeFileSync(own, `id: own\n${about}\nattack: [${step}]\ntwin: [{ run: "true" }]\n`)
    const { code: status, stdout } = await firebreak(['drill', own, '--reference'])
    assert.equal(status, 1)
    assert.match(stdout, /NOT CONTAINED: 1 of 1 harmful acts got through/)
    assert.match(stdout, /! echo got through: 1 of 1 got through/)
  })

  it('a file that is no drill is refused with its line, and what can be run', async () => {
    const wrong = join(directory, 'wrong.yaml')
    writeFileSync(wrong, 'id: wrong\ntitle: Wrong\nowasp: [ASI99]\n')
    const { code: status, stderr } = await firebreak(['drill', wrong, '--reference'])
    assert.equal(status, 2)
    assert.match(stderr, /wrong\.yaml:3:9 found "ASI99" — expected ASI01 to ASI10/)
    assert.match(stderr, /"attack" is missing/)
    assert.match(stderr, /shipped: .*refund-bot/)
  })

  it('lists what it has, with incident and source', async () => {
    const { code: status, stdout } = await firebreak(['drill', '--list'])
    assert.equal(status, 0)
    assert.match(stdout, /refund-bot +A refund bot pays/)
    assert.match(stdout, /PocketOS, April 2026/)
  })
})
