/** S9: nobody is let go on a terminal that a cell can write to, whoever types there. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { SKIP, startFirebreak } from '../kit/command-line.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { exitOf, onTerminal, shellOn, terminal } from '../kit/terminal.ts'
import { until } from '../kit/until.ts'
import { BY_MARIA, desk, fenced } from './kit.ts'

const RELEASED = ['--by', 'maria.silva@shop.example', '--reason', 'a test'] as const

describe('S9: the terminal of a run', { skip: SKIP }, () => {
  it('releases, approves and asks nothing; another one does', async () => {
    const shared = await desk()
    const own = ['--config', shared.config, '--state', shared.state]
    const [ofRun, ofPerson] = [terminal(), terminal()]
    const run = onTerminal(ofRun, ['run', '--agent', 'alpha', ...own])
    await until('it acts', () => shared.upstream.calls.length > 5)
    const contained = await shared.ask(['contain', 'alpha', '--rung', 'restricted', ...BY_MARIA])
    assert.equal(contained.code, 0, contained.stdout)

    const release = ['release', 'alpha', ...RELEASED, ...own]
    const approve = ['approve', 'a_00000000000000000000', '--as', 'maria.silva@shop.example', ...own]
    assert.equal(await exitOf(onTerminal(ofRun, release)), 3)
    assert.match(
      ofRun.shown(),
      new RegExp(`a run \\(process ${run.pid}\\) shows what its cell writes on this terminal`),
    )
    assert.equal(await exitOf(onTerminal(ofRun, approve)), 3)
    assert.equal(fenced(shared.state), 'restricted')

    const asking = onTerminal(ofRun, ['approvals', '--ask', '--as', 'maria.silva@shop.example', ...own])
    assert.equal(await exitOf(asking), 3)
    // What asks before it does something asks nobody there.
    mkdirSync(join(shared.state, 'workspaces', 'desk'), { recursive: true })
    assert.equal(await exitOf(onTerminal(ofRun, ['commit', '--agent', 'desk', '--discard', ...own])), 4)
    assert.doesNotMatch(ofRun.shown(), /Throw away/)

    // Whatever is decided there: it is the terminal that counts, and no state.
    const other = ['--config', shared.config, '--state', join(temporaryDirectory(), 'state')]
    assert.equal(await exitOf(onTerminal(ofRun, ['release', 'alpha', ...RELEASED, ...other])), 3)
    // What reads a pipe on its input may write on the terminal all the same.
    assert.equal(await exitOf(onTerminal(ofRun, release, 'ignore')), 3)
    assert.equal(await exitOf(onTerminal(ofPerson, release)), 0, ofPerson.shown())
    assert.equal(fenced(shared.state), undefined)
    const ended = exitOf(run)
    assert.equal((await shared.ask(['kill', 'alpha', ...BY_MARIA])).code, 0)
    await ended
  })
})

describe('S9: the terminal of a run through a host', { skip: SKIP }, () => {
  it('shows its cell, and releases nothing; another one does', async () => {
    const shared = await desk()
    const own = ['--config', shared.config, '--state', shared.state]
    const host = startFirebreak(['up', ...own])
    await until('it is up', () => host.stdout().includes('up: process'))
    const [ofRun, ofPerson] = [terminal(), terminal()]
    const script = 'test -t 0 && test -t 1 && echo "a terminal of $(stty size | wc -w)"; sleep 1000'
    const run = onTerminal(ofRun, ['run', '--agent', 'alpha', ...own, '--', 'sh', '-c', script])
    await until('its cell has a terminal', () => ofRun.shown().includes('a terminal of 2'))
    const contained = await shared.ask(['contain', 'alpha', '--rung', 'restricted', ...BY_MARIA])
    assert.equal(contained.code, 0, contained.stdout)
    const release = ['release', 'alpha', ...RELEASED, ...own]
    assert.equal(await exitOf(onTerminal(ofRun, release)), 3)
    assert.equal(fenced(shared.state), 'restricted')
    assert.equal(await exitOf(onTerminal(ofPerson, release)), 0, ofPerson.shown())
    const ended = exitOf(run)
    assert.equal((await shared.ask(['kill', 'alpha', ...BY_MARIA])).code, 0)
    await ended
    assert.equal((await shared.ask(['down'])).code, 0)
  })
})

/** Programs that stand for wardens: it is the kernel that says where their output goes. */
describe('S9: where what a run writes may be shown', () => {
  const WARDEN = `sh -c 'echo $$ > "$PLACE/pid"; exec sleep 60'`
  const DECIDE =
    'until [ -e "$PLACE/stamped" ]; do sleep 0.05; done; firebreak release nobody --by m@x.example --reason r; echo "ended $?"; sleep 60'

  for (const [where, script, denied] of [
    ['through a pipe, on the terminal of its shell', `${WARDEN} </dev/null 2>&1 | cat & ${DECIDE}`, true],
    [
      'through a pipe, on the terminal of another session',
      `${WARDEN} </dev/null 2>&1 | cat & ${DECIDE.replace('firebreak', 'setsid --wait firebreak')}`,
      true,
    ],
    [
      'in a session that has no terminal of its own',
      `setsid --wait sh -c '(${inQuotes(`${WARDEN} </dev/null 2>&1 | cat`)}) & ${inQuotes(DECIDE)}'`,
      true,
    ],
    ['on what whoever decides calls /dev/tty', `${WARDEN} & ${DECIDE} </dev/tty >/dev/tty 2>/dev/tty`, true],
    [
      'on a terminal that script makes and shows here',
      `script -qec 'exec "$PLACE/warden"' /dev/null </dev/null & ${DECIDE}`,
      true,
    ],
    ['in a file', `${WARDEN} </dev/null >"$PLACE/log" 2>&1 & ${DECIDE}`, false],
  ] as const)
    it(`${where}: ${denied ? 'decided elsewhere' : 'decided here'}`, async () => {
      const place = temporaryDirectory()
      writeFileSync(join(place, 'warden'), `#!/bin/sh\n${WARDEN}\n`, { mode: 0o700 })
      const own = terminal()
      shellOn(own, script, { PLACE: place, XDG_RUNTIME_DIR: place })
      const pid = () => (existsSync(join(place, 'pid')) ? Number(readFileSync(join(place, 'pid'), 'utf8')) : 0)
      await until('it runs', () => pid() > 0)
      try {
        const run = join(place, `firebreak-${process.geteuid?.()}`, 'runs', 'r_0000000000000000')
        mkdirSync(run, { recursive: true, mode: 0o700 })
        const startTicks = readFileSync(`/proc/${pid()}/stat`, 'utf8').split(') ')[1]?.split(' ')[19]
        writeFileSync(join(run, 'owner'), JSON.stringify({ pid: pid(), startTicks }))
        writeFileSync(join(place, 'stamped'), '')
        await until('it ends', () => own.shown().includes('ended '))
        assert.equal(own.shown().includes(`a run (process ${pid()}) shows`), denied, own.shown())
        assert.equal(own.shown().includes('ended 3'), denied, own.shown())
      } finally {
        process.kill(pid(), 'SIGKILL')
      }
    })
})

function inQuotes(script: string): string {
  return script.replaceAll("'", `'\\''`)
}
