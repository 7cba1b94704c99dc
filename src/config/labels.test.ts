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

it('S15: what the command works on is data, wherever it is named and whatever lies in /opt or /etc', () => {
  const files = { '/srv': '/work/srv', '/data/inbox.mbox': '/work/inbox.mbox' }
  for (const command of [
    ['python3', '/srv/agent.py', '/data/inbox.mbox'],
    ['python3', '-u', '/srv/agent.py', '/data/inbox.mbox'],
    ['python3', '/srv/agent.py', '--in', 'inbox.mbox'],
    ['node', '/srv/agent', '/data/inbox.mbox'],
    ['/srv/agent', '/data/inbox.mbox'],
    ['env', 'A=1', 'python3', '/srv/agent.py', '/data/inbox.mbox'],
    ['python3', '-', '/data/inbox.mbox'],
    ['python3'],
    ['env'],
    [],
  ])
    assert.deepEqual(labelsAtStart(cell(files), command), ['untrusted'], command.join(' '))
  for (const command of [
    ['/srv/agent', '/data/today.js'],
    ['env', 'A=1', '/srv/agent', '/data/today.js'],
    ['node', '-e', 'work()', '/data/today.js'],
    ['python3', '-c', 'work()', '/data/today.py'],
    ['npx', 'tsx', '/srv/agent.ts', '/data/today.js'],
  ])
    assert.deepEqual(labelsAtStart(cell({ '/data': '/work/mails' }), command), ['untrusted'], command.join(' '))
  for (const from of ['/opt/helpdesk/mails', '/etc/helpdesk', '/snap/helpdesk/mails'])
    assert.deepEqual(labelsAtStart(cell({ '/srv': '/work/srv', '/data': from }), ['node', '/srv/a.mjs']), ['untrusted'])
})

it('S15: the value of an option of what starts the program is no program', () => {
  for (const command of [
    ['env', '-C', '/data', 'cat', 'mail.txt'],
    ['env', '--chdir', '/data', 'agent'],
    ['env', '-i', '-u', '/data', 'agent'],
    ['/usr/bin/env', '-S', 'agent /data/today'],
    ['uv', 'run', '--directory', '/data', 'agent'],
    ['uvx', '--from', '/data', 'agent'],
    ['npm', '--prefix', '/data', 'start'],
    ['bun', '--cwd', '/data', 'run', 'agent'],
    ['deno', 'run', '-A', '--config', '/data/today.ts', '/srv/x.ts'],
    ['timeout', '-k', '/data', '5', 'agent'],
    ['timeout', '-k', '5', '-s', '/data', 'agent'],
    ['nice', '-n', '/data', 'agent'],
    ['setsid', 'env', '-C', '/data', 'agent'],
    ['stdbuf', '-o', '/data', 'agent'],
  ])
    assert.deepEqual(labelsAtStart(cell({ '/data': '/work/mails' }), command), ['untrusted'], command.join(' '))
  for (const command of [
    ['env', '-i', '/srv/agent'],
    ['env', '--chdir=/tmp', '/srv/agent'],
    ['env', '--', '/srv/agent'],
    ['tini', '-s', '--', '/srv/agent'],
    ['timeout', '-k', '5', '60', '/srv/agent'],
    ['nice', '-n', '10', '/srv/agent'],
    ['timeout', '--preserve-status', '60', '/srv/agent'],
    ['stdbuf', '-oL', '/srv/agent'],
    ['npx', '-y', 'tsx', '/srv/agent.ts'],
    ['deno', 'run', '--allow-net=shop.example', '/srv/agent.ts'],
  ])
    assert.deepEqual(labelsAtStart(cell({ '/srv': '/work/srv' }), command), [], command.join(' '))
})

it('S15: what the command runs is a program, with all that is shown together with it', () => {
  for (const command of [
    ['python3', '/srv/agent.py', 'now'],
    ['python3', '-u', '/srv/agent.py'],
    ['python3', '-X', 'utf8', '/srv/agent.py'],
    ['/usr/bin/bash', '/srv/run'],
    ['env', 'A=1', 'python3', '/srv/agent.py'],
    ['java', '-jar', '/srv/agent.jar'],
    ['deno', 'run', '-A', '/srv/agent.ts'],
    ['python3', '-m', 'srv'],
    ['/srv/agent', '--fast'],
    ['timeout', '60', '/srv/agent'],
    ['npx', 'tsx', '/srv/agent.ts'],
    ['uv', 'run', '/srv/agent.py'],
  ])
    assert.deepEqual(labelsAtStart(cell({ '/srv': '/work/srv' }), command), [], command.join(' '))
})
