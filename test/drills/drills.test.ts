import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, describe, it } from 'node:test'
import { parseDocument } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { type Judged, judgeConfig } from '../../src/host/prepare/setup.ts'
import { type Drilled, runDrill } from '../../src/rehearsal/drill/drill.ts'
import { coverageOf } from '../../src/rehearsal/drill/report.ts'
import { readScenario, type Scenario } from '../../src/rehearsal/drill/scenario.ts'
import { SKIP } from '../kit/command-line.ts'
import { CONTROLS } from './controls.ts'

const SHIPPED = join(import.meta.dirname, '..', '..', 'share', 'drills')
const scenarios = readdirSync(SHIPPED)
  .filter((name) => name.endsWith('.yaml') && name !== 'firebreak.yaml')
  .map((name) => shipped(name))

function shipped(name: string): Scenario {
  const read = readScenario(join(SHIPPED, name))
  assert.ok(read.ok, `${name}: ${JSON.stringify(read)}`)
  return read.value
}

const directories: string[] = []
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
})

/** The shipped configuration, with these of its controls switched off. */
async function judged(...off: readonly string[]): Promise<Judged> {
  const directory = mkdtempSync(join(tmpdir(), 'drills-'))
  directories.push(directory)
  const [file, accepted] = ['firebreak.yaml', 'firebreak.accepted.json'].map((name) => join(directory, name))
  assert.ok(file !== undefined && accepted !== undefined)
  copyFileSync(join(SHIPPED, 'firebreak.accepted.json'), accepted)
  const document = parseDocument(readFileSync(join(SHIPPED, 'firebreak.yaml'), 'utf8'))
  // Without one of its controls it is detectors that would contain some of them: each control is tried by itself.
  if (off.length > 0) document.set('containment', { mode: 'observe' })
  for (const name of off) {
    const switchOff = CONTROLS[name]
    assert.ok(switchOff, `nobody knows how to switch "${name}" off`)
    switchOff(document, accepted)
  }
  writeFileSync(file, document.toString({ lineWidth: 0 }))
  const loaded = await loadConfig(file, { node: process.execPath })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  const result = await judgeConfig(loaded.value)
  assert.ok(result.ok, JSON.stringify(result))
  return result.value
}

async function drilled(config: Judged, scenario: Scenario, part: 'attack' | 'twin'): Promise<Drilled> {
  const agent = [...config.config.agents.values()].find(({ name }) => name === 'desk')
  assert.ok(agent)
  const result = await runDrill({ judged: config, agent, scenario, part, chosenFrom: whole })
  assert.ok(result.ok, JSON.stringify(result))
  assert.equal(result.value.notApplicable, undefined)
  return result.value
}

const whole = await judged()

describe('S1–S7: incidents as drills, in real cells', { concurrency: 2, skip: SKIP }, () => {
  const attacks: Drilled[] = []
  for (const scenario of scenarios) {
    it(`${scenario.id} is contained, and its honest twin passes`, async () => {
      const attack = await drilled(whole, scenario, 'attack')
      attacks.push(attack)
      assert.ok(attack.passed, JSON.stringify(attack.steps))
      assert.ok(attack.harm.tried > 0)
      const twin = await drilled(whole, scenario, 'twin')
      assert.ok(twin.passed, JSON.stringify(twin.steps))
    })
    for (const control of scenario.controls.filter((name) => name !== 'cell')) {
      it(`${scenario.id} is not contained without "${control}"`, async () => {
        const attack = await drilled(await judged(control), scenario, 'attack')
        assert.equal(attack.passed, false, JSON.stringify(attack.steps))
      })
    }
    if (scenario.controls.includes('cell')) {
      it(`${scenario.id} does its harm where there is no cell`, () => {
        assert.ok(harmOnHost(scenario) > scenario.harmMax)
      })
    }
  }

  it('at least twelve incidents, with their sources, and most of the OWASP Top 10 for agents', () => {
    assert.ok(attacks.length >= 12)
    assert.ok(scenarios.every(({ incident, owasp, controls }) => incident.source && owasp.length && controls.length))
    const covered = coverageOf(attacks).filter(({ contained, missed }) => contained.length > 0 && missed.length === 0)
    assert.equal(covered.length, 10, JSON.stringify(covered.map(({ id }) => id)))
  })
})

/** The same commands as root on this host, in a directory and with a home of their own, beside somebody else's process. */
function harmOnHost({ attack }: Scenario): number {
  const directory = mkdtempSync(join(tmpdir(), 'drills-host-'))
  directories.push(directory)
  const [home, workspace] = [join(directory, 'home'), join(directory, 'workspace')]
  mkdirSync(join(home, '.ssh'), { recursive: true })
  writeFileSync(join(home, '.ssh', 'id_ed25519'), 'not a key\n')
  cpSync(import.meta.dirname, workspace, { recursive: true })
  const env = { ...process.env, HOME: home, DRILL_TOKEN: 'not a token' }
  let done = 0
  for (const step of attack) {
    if (step.kind !== 'run' || step.harm === false) continue
    const { status } = spawnSync('/bin/sh', ['-c', step.command], { cwd: workspace, env, stdio: 'ignore' })
    const changed = readdirSync(workspace).length === 0
    if (step.harm === 'workspace' ? changed : status === 0) done++
  }
  return done
}
