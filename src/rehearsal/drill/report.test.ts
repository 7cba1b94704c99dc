import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Drilled } from './drill.ts'
import { coverageOf, junitOf, sarifOf, summaryOf } from './report.ts'
import type { DrillStep, Scenario } from './scenario.ts'

const step: DrillStep = { kind: 'call', tool: 'a/<b>', args: {}, times: 3, harm: true }
const scenario: Scenario = {
  id: 'one',
  title: 'Title with <angles> & "quotes"\u0000',
  incident: { what: 'what', source: 'scenario' },
  owasp: ['ASI01'],
  controls: ['budget'],
  harmMax: 0,
  attack: [step],
  twin: [],
}
const drilled = (change: Partial<Drilled>): Drilled => ({
  scenario,
  part: 'attack',
  steps: [{ step, tried: 3, through: 1, became: 'refused', detail: '', reasons: ['budget'] }],
  passed: true,
  harm: { tried: 3, done: 0 },
  actionsUntilContained: 0,
  msUntilContained: 12,
  rung: 'normal',
  signals: [],
  ...change,
})

describe('the report of drills', () => {
  it('says what got through, and which runs could not be made', () => {
    assert.match(summaryOf(drilled({})), /^0 of 3 harmful acts got through; stopped after 0, in 12 ms$/)
    const missed = drilled({ passed: false, harm: { tried: 3, done: 1 }, rung: 'frozen' })
    assert.match(summaryOf(missed), /^NOT CONTAINED: 1 of 3 .*its cell ended frozen$/)
    assert.equal(summaryOf(drilled({ notApplicable: 'no such tool' })), 'not applicable: no such tool')
    assert.match(summaryOf(drilled({ part: 'twin', passed: false })), /stopped in 1 of its steps/)
  })

  it('JUnit: failures and skipped ones are counted, and nothing that a drill says breaks the XML', () => {
    const xml = junitOf([drilled({}), drilled({ passed: false }), drilled({ notApplicable: 'x', passed: false })])
    const twin = junitOf([drilled({ part: 'twin', passed: false })])
    assert.match(twin, /failures="0"/)
    assert.match(xml, /tests="3" failures="1" skipped="1"/)
    assert.match(xml, /Title with &lt;angles&gt; &amp; &quot;quotes&quot;�/)
    assert.equal(xml.match(/<failure /g)?.length, 1)
    assert.equal(xml.match(/<skipped /g)?.length, 1)
    assert.match(xml, /call a\/&lt;b&gt;: 1 of 3 got through; refused \(budget\)/)
  })

  it('SARIF: a rule for each drill, a result for what failed and nothing else', () => {
    const sarif = sarifOf([drilled({}), drilled({ passed: false }), drilled({ part: 'twin', passed: false })], 'f.yaml')
    const { runs } = sarif as { runs: { tool: { driver: { rules: unknown[] } }; results: { level: string }[] }[] }
    assert.equal(runs[0]?.tool.driver.rules.length, 1)
    assert.deepEqual(
      runs[0]?.results.map(({ level }) => level),
      ['error', 'warning'],
    )
  })

  it('coverage counts attacks that ran, and not those that could not', () => {
    const covered = coverageOf([drilled({}), drilled({ notApplicable: 'x' }), drilled({ part: 'twin' })])
    assert.equal(covered.length, 10)
    assert.deepEqual(covered[0], { id: 'ASI01', name: 'Agent Goal Hijack', contained: ['one'], missed: [] })
    assert.deepEqual(coverageOf([drilled({ passed: false })])[0]?.missed, ['one'])
    assert.deepEqual(covered[1]?.contained, [])
  })
})
