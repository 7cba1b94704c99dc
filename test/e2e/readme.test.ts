/**
 * README.md is followed to the letter: a stranger types what stands there, and it does what stands beside it. That what the
 * pages name is there, `test/docs.test.ts` holds.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { before, describe, it } from 'node:test'
import { repository, SKIP } from '../kit/command-line.ts'
import { temporaryDirectory } from '../kit/temporary.ts'

const README = readFileSync(join(repository, 'README.md'), 'utf8')

/** Fenced blocks of one language below a heading, in order. */
function blocks(heading: string, language: string): readonly string[] {
  const section = README.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  return [...section.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, of, text = '']) =>
    of === language ? [text] : [],
  )
}

/** Twenty commands, most of which start cells. */
const PATIENCE = { timeout: 300_000 }

const OWN = 'Contain your own, in ten minutes'

describe('README.md, followed', { skip: SKIP }, () => {
  const home = temporaryDirectory()
  /** Line → what came of it. */
  const typed = new Map<string, { readonly code: number | null; readonly said: string }>()
  let cwd = home

  /** One line in a shell, as it stands there; what a person would be asked is answered, and references are those of this run. */
  function type(line: string): void {
    const command = (line.split(/ {2,}#/)[0] ?? '')
      .replace(/^(firebreak (?:accept|commit) .*)$/, '$1 --yes')
      .replace(
        'a_01m82853vq550y88gntt',
        () => /firebreak approve (a_\w+)/.exec(saidBy('firebreak approvals'))?.[1] ?? 'no-hold',
      )
      .replace(
        'a_01m81y75kr4317w2mawh',
        () => /(a_\w+) {2}REFUSED/.exec(saidBy('firebreak logs --refused'))?.[1] ?? 'no-action',
      )
    const { status, stdout, stderr } = spawnSync('bash', ['-c', `${command}\nstatus=$?; pwd >&3; exit $status`], {
      cwd,
      env: { PATH: `${join(repository, 'bin')}:${process.env.PATH}` },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      timeout: 240_000,
    })
    if (command.startsWith('cd ')) cwd = join(cwd, command.slice(3).trim())
    const times = [...typed.keys()].filter((each) => each.startsWith(command)).length
    typed.set(times === 0 ? command : `${command} (${times + 1})`, { code: status, said: `${stdout}${stderr}` })
  }

  const saidBy = (command: string) => typed.get(command)?.said ?? `nobody typed "${command}"`
  const codeOf = (command: string) => typed.get(command)?.code

  before(() => {
    // What npm would install.
    symlinkSync(join(repository, 'node_modules'), join(home, 'node_modules'))
    writeFileSync(join(home, 'agent.mjs'), blocks(OWN, 'js')[0] ?? '')
    for (const block of blocks(OWN, 'sh'))
      for (const line of block.split('\n').filter((each) => each !== '' && !each.startsWith('npm '))) type(line)
  }, PATIENCE)

  it('every line ends as it says', () => {
    const expected = (line: string) =>
      line.includes('doctor') ? 1 : line.includes('--diff') || line === 'firebreak approvals' ? 4 : 0
    for (const [line, { code, said }] of typed) assert.equal(code, expected(line), `${line}\n${said}`)
    assert.ok(typed.size >= 18)
  })

  it('the agent reads, and does not write before that was granted', () => {
    assert.match(saidBy('firebreak run'), /Call Ana on Monday/)
    assert.match(saidBy('firebreak run'), /refused by Firebreak[\s\S]*1 action was refused: firebreak logs --refused/)
    assert.match(saidBy('firebreak logs --refused'), /REFUSED .*files\/write_file/)
    assert.match(saidBy('firebreak doctor'), /nobody has accepted/)
    assert.match(saidBy('firebreak reach agent'), /^SPENDS nothing/m)
    assert.match(saidBy('firebreak drill'), /(\d+) of \1 contained, 0 honest twins stopped/)
  })

  it('what a change adds is told before it runs', () => {
    const diff = [...typed].find(([line]) => line.startsWith('firebreak reach --diff'))?.[1].said ?? ''
    assert.match(diff, /files\/write_file/)
  })

  it('a call that nobody named waits, passes once when a person agrees, and lands when a person says so', () => {
    assert.match(saidBy('firebreak run (2)'), /1 action waits for a person: firebreak approvals/)
    assert.match(saidBy('firebreak approvals'), /path +"\/workspace\/reply.txt"[\s\S]*because/)
    assert.match(saidBy('firebreak run (3)'), /Successfully wrote/)
    assert.match(saidBy('firebreak diff'), /\+ reply.txt/)
    assert.equal(readFileSync(join(home, 'data/reply.txt'), 'utf8'), 'I shall.')
    assert.equal(codeOf('firebreak ledger verify'), 0)
    assert.match(saidBy('firebreak ledger verify'), /^intact/m)
  })

  it('what happened is explained, and judged again under what stood there before', () => {
    assert.match(
      [...typed].find(([line]) => line.startsWith('firebreak why'))?.[1].said ?? '',
      /^refused: files\/write_file/,
    )
    assert.match(saidBy('firebreak replay --config before.yaml'), /actions judged again/)
  })
})
