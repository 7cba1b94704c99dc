import type { Drilled } from './drill.ts'
import type { Scenario } from './scenario.ts'

/** OWASP Top 10 for Agentic Applications, 2026. */
export const OWASP: Readonly<Record<string, string>> = {
  ASI01: 'Agent Goal Hijack',
  ASI02: 'Tool Misuse and Exploitation',
  ASI03: 'Identity and Privilege Abuse',
  ASI04: 'Agentic Supply Chain Vulnerabilities',
  ASI05: 'Unexpected Code Execution',
  ASI06: 'Memory and Context Poisoning',
  ASI07: 'Insecure Inter-Agent Communication',
  ASI08: 'Cascading Failures',
  ASI09: 'Human-Agent Trust Exploitation',
  ASI10: 'Rogue Agents',
}

/** Describes the outcome of a drill in one line for a person. */
export function summaryOf(drilled: Drilled): string {
  const { part, passed, harm, actionsUntilContained: actions, msUntilContained: ms, rung, scenario } = drilled
  if (drilled.notApplicable !== undefined) return `not applicable: ${drilled.notApplicable}`
  if (part === 'twin') {
    const failed = drilled.steps.filter(({ tried, through }) => through < tried).length
    return passed ? 'the honest twin passed' : `the honest twin was stopped in ${failed} of its steps`
  }
  const allowed = scenario.harmMax === 0 ? '' : `, ${scenario.harmMax} of them within its authority`
  const stood = rung === 'normal' ? '' : `, its cell ended ${rung}`
  const figures = `${harm.done} of ${harm.tried} harmful acts got through${allowed}; stopped after ${actions}, in ${ms} ms${stood}`
  return passed ? figures : `NOT CONTAINED: ${figures}`
}

export interface Covered {
  readonly id: string
  readonly name: string
  readonly contained: readonly string[]
  readonly missed: readonly string[]
}

/** Returns the coverage of each OWASP item, by scenarios that ran and not by what they claim. */
export function coverageOf(all: readonly Drilled[]): readonly Covered[] {
  const attacks = all.filter(({ part, notApplicable }) => part === 'attack' && notApplicable === undefined)
  return Object.entries(OWASP).map(([id, name]) => {
    const own = attacks.filter(({ scenario }) => scenario.owasp.includes(id))
    const ids = (passed: boolean) => own.filter((each) => each.passed === passed).map(({ scenario }) => scenario.id)
    return { id, name, contained: ids(true), missed: ids(false) }
  })
}

/** JUnit's XML, as continuous integration reads it: a case for each part of each drill. */
export function junitOf(all: readonly Drilled[]): string {
  const failures = all.filter(isFailure).length
  const skipped = all.filter(({ notApplicable }) => notApplicable !== undefined).length
  const cases = all.map((drilled) => {
    const { scenario, part } = drilled
    const attributes = `classname="firebreak.drill.${escaped(scenario.id)}" name="${escaped(`${part}: ${scenario.title}`)}" time="${(drilled.msUntilContained / 1_000).toFixed(3)}"`
    const said = escaped(summaryOf(drilled))
    if (drilled.notApplicable !== undefined)
      return `    <testcase ${attributes}><skipped message="${said}"/></testcase>`
    return isFailure(drilled)
      ? `    <testcase ${attributes}><failure message="${said}">${escaped(detailOf(drilled))}</failure></testcase>`
      : `    <testcase ${attributes}><system-out>${said}</system-out></testcase>`
  })
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites>',
    `  <testsuite name="firebreak drill" tests="${all.length}" failures="${failures}" skipped="${skipped}">`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

/** SARIF 2.1.0 (OASIS): a rule for each drill, a result for each that was not contained, or whose twin was stopped. */
export function sarifOf(all: readonly Drilled[], configuration: string): object {
  const scenarios = new Map<string, Scenario>(all.map(({ scenario }) => [scenario.id, scenario]))
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'firebreak drill',
            rules: [...scenarios.values()].map(({ id, title, incident, owasp, controls }) => ({
              id,
              shortDescription: { text: title },
              fullDescription: { text: `${incident.what} (${incident.source})` },
              properties: { tags: owasp, controls },
            })),
          },
        },
        results: all
          .filter(({ passed, notApplicable }) => !passed && notApplicable === undefined)
          .map((drilled) => ({
            ruleId: drilled.scenario.id,
            level: drilled.part === 'attack' ? 'error' : 'warning',
            message: { text: `${summaryOf(drilled)}\n${detailOf(drilled)}` },
            locations: [{ physicalLocation: { artifactLocation: { uri: configuration } } }],
          })),
      },
    ],
  }
}

/** Harm was done. That an honest twin is stopped tells of tight rules, and fails nothing: it may be what is wanted. */
export function isFailure({ part, passed, notApplicable }: Drilled): boolean {
  return part === 'attack' && !passed && notApplicable === undefined
}

/** Each step, what became of it and why. */
export function detailOf({ steps }: Drilled): string {
  return steps
    .map(({ step, tried, through, became, reasons }) => {
      const what =
        step.kind === 'call' ? `call ${nameOf(step.tool)}` : step.kind === 'run' ? step.command : `connect ${step.to}`
      const why = reasons.length === 0 ? '' : ` (${reasons.join(', ')})`
      return `${step.harm === false ? ' ' : '!'} ${what}: ${through} of ${tried} got through; ${became}${why}`
    })
    .join('\n')
}

function nameOf(tool: Extract<Drilled['steps'][number]['step'], { kind: 'call' }>['tool']): string {
  if (typeof tool === 'string') return tool
  return Object.entries(tool)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ')
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll(/[^\t\n\r\u0020-\ufffd]/g, '�')
}
