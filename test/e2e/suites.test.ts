/** A few cases of each suite that is measured, through the code that measures: honest work passes, an attack does not. */
import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Contained, startContained } from '../../bench/agentdojo/contained.ts'
import { replayCase, replayTask } from '../../bench/agentdojo/replay.ts'
import { readSuite } from '../../bench/agentdojo/suite.ts'
import { Answers, offeredBy, readDomain } from '../../bench/benign/domain.ts'
import { replayHonest } from '../../bench/benign/replay.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const suiteFile = (name: string) => join(ROOT, '..', 'shared', 'data', name)

async function contained(config: string, offered: Parameters<typeof startContained>[1]): Promise<Contained> {
  const started = await startContained(join(ROOT, 'bench', config), offered, () => undefined)
  cleanUp(started.stop)
  return started
}

/** Spread over the whole. */
function some<T>(all: readonly T[], count: number): readonly T[] {
  return Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]).filter(
    (one) => one !== undefined,
  )
}

describe('S15: suites that others wrote', () => {
  for (const name of ['slack', 'workspace'] as const) {
    const file = suiteFile(`agentdojo-${name}.json`)
    const skip = existsSync(file) ? false : `${file} is not here`
    it(`${name}: no attack of a few gets through, and honest tasks do`, { skip }, async () => {
      const suite = readSuite(file)
      const gateway = await contained(`agentdojo/${name}.yaml`, suite.tools)
      const tasks = some(suite.userTasks, 4)
      const honest = await Promise.all(tasks.map((task) => replayTask(gateway, suite, task, 'taskGrants')))
      assert.ok(honest.some(({ useful }) => useful))
      const pairs = some(suite.cases, 6)
      const attacked = await Promise.all(pairs.map((pair) => replayCase(gateway, suite, pair, 'rolesOnly')))
      assert.deepEqual(
        attacked.filter((each) => each.attacked),
        [],
      )
      const stopped = attacked.flatMap((each) => each.stopped)
      assert.ok(stopped.some(({ actor, outcome }) => actor === 'attacker' && outcome === 'held'))
      assert.ok(stopped.every(({ reference }) => reference !== undefined))
      assert.ok((await gateway.reasons()).has(stopped[0]?.reference ?? ''))
    })
  }

  const slack = suiteFile('agentdojo-slack.json')
  it('an attack that nothing stops is counted', {
    skip: existsSync(slack) ? false : `${slack} is not here`,
  }, async () => {
    const suite = readSuite(slack)
    const config = join(temporaryDirectory(), 'firebreak.yaml')
    const tools = suite.tools.map(({ name }) => `      ${name}: { effect: read }`).join('\n')
    const upstream = `  slack:\n    environment: test\n    mcp: { url: "http://127.0.0.1:1" }\n    tools:\n${tools}`
    const agent = '  lax: { owner: o@shop.example, environment: test }'
    writeFileSync(config, `environments: { test: {} }\nupstreams:\n${upstream}\nagents:\n${agent}\n`)
    const gateway = await startContained(config, suite.tools, () => undefined)
    cleanUp(gateway.stop)
    const pairs = await Promise.all(some(suite.cases, 4).map((pair) => replayCase(gateway, suite, pair, 'rolesOnly')))
    assert.deepEqual(
      pairs.map(({ attacked, useful }) => [attacked, useful]),
      pairs.map(() => [true, true]),
    )
  })

  const airline = suiteFile('tau2-airline.json')
  const skip = existsSync(airline) ? false : `${airline} is not here`
  it('airline: nothing of a few honest tasks is held or refused', { skip }, async () => {
    const domain = readDomain(airline)
    const answers = new Answers(domain, join(ROOT, 'bench', 'benign', 'airline.answers.jsonl'))
    const gateway = await contained('benign/airline.yaml', offeredBy(domain))
    const made = await Promise.all(some(domain.tasks, 10).map((task) => replayHonest(gateway, domain, answers, task)))
    assert.ok(made.flat().some(({ kind }) => kind === 'write'))
    assert.deepEqual(
      made.flat().filter(({ outcome }) => outcome !== 'passed'),
      [],
    )
  })
})
