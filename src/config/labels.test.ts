import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Label } from '../model/index.ts'
import { labelsAtStart } from './labels.ts'

const cell = (files: Readonly<Record<string, string>>, more: object = {}) => ({
  files: new Map(Object.entries(files)),
  labels: [],
  labelled: false,
  ...more,
})
const COMMAND = ['/opt/node', '/opt/agent/main.mjs']
const PROGRAM = { '/opt/node': '/work/node', '/opt/agent': '/work/agent', '/opt/node_modules': '/work/node_modules' }

it('S15: files and a standard input that may be data are untrusted, as a workspace is; its program is not', () => {
  assert.deepEqual(labelsAtStart(cell(PROGRAM), COMMAND), [])
  assert.deepEqual(labelsAtStart(cell({ ...PROGRAM, '/etc/ssl': '/etc/ssl/certs' }), COMMAND), [])
  assert.deepEqual(labelsAtStart(cell({ ...PROGRAM, '/mail': '/srv/mail' }), COMMAND), ['untrusted'])
  assert.deepEqual(labelsAtStart(cell({ ...PROGRAM, '/opt/agent.json': '/work/a.json' }), COMMAND), ['untrusted'])
  assert.deepEqual(labelsAtStart(cell(PROGRAM), COMMAND, true), ['untrusted'])
  assert.deepEqual(labelsAtStart(cell(PROGRAM, { workspace: '/work/x' }), COMMAND), ['untrusted'])
  // Of a program that nobody names, everything may be data.
  assert.deepEqual(labelsAtStart(cell(PROGRAM), []), ['untrusted'])
})

it('S15: what the configuration says of them is believed', () => {
  const said = (labels: readonly string[]) =>
    labelsAtStart(cell({ '/mail': '/srv/mail' }, { labelled: true, labels: labels as readonly Label[] }), COMMAND, true)
  assert.deepEqual(said([]), [])
  assert.deepEqual(said(['confidential:staff']), ['confidential:staff'])
})
