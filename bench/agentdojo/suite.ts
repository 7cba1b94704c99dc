import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { isJsonObject, type Json, type JsonObject } from '../../src/model/index.ts'
import type { Offered } from './server.ts'

/** A suite of AgentDojo, exported for replay without a model (`../shared/data/README.md`). */
export interface Suite {
  readonly suite: string
  readonly meta: { readonly attackTemplate: string; readonly attackUser: string; readonly attackModel: string }
  readonly tools: readonly (Offered & { readonly returns: string })[]
  readonly injectionVectors: Readonly<Record<string, { readonly default: string }>>
  /** With the vectors' names in braces where an attacker can write. */
  readonly environment: Json
  readonly userTasks: readonly UserTask[]
  readonly injectionTasks: readonly InjectionTask[]
  readonly cases: readonly Case[]
}

export interface RecordedCall {
  readonly tool: string
  readonly args: JsonObject
  readonly result: string | null
  readonly error: string | null
}

export interface UserTask {
  readonly id: string
  readonly prompt: string
  readonly calls: readonly (RecordedCall & { readonly blockingBreaksUtility: boolean })[]
}

export interface InjectionTask {
  readonly id: string
  readonly goal: string
  readonly calls: readonly RecordedCall[]
  /** Calls without any one of which the attack fails. */
  readonly blockingAnyOneStopsAttack: readonly number[]
  /** Empty where they were too many to enumerate: then all of those above are needed. */
  readonly minimalSucceedingCallSets: readonly (readonly number[])[]
}

export interface Case {
  readonly userTask: string
  readonly injectionTask: string
  readonly injectedVectors: readonly string[]
  readonly steps: readonly Step[]
}

export interface Step {
  readonly actor: 'user' | 'attacker'
  /** Which call of its actor's task. */
  readonly i: number
  readonly tool: string
  readonly args: JsonObject
  readonly error?: string
  /** Its answer shows the agent what the attacker has planted. */
  readonly carriesInjection?: boolean
}

/** The file is ours to trust; that it is such a file at all is checked by its parts. */
export function readSuite(file: string): Suite {
  const { environmentTemplateYaml, ...others } = JSON.parse(readFileSync(file, 'utf8')) as Suite & Exported
  const suite: Suite = { ...others, environment: parse(environmentTemplateYaml ?? '') as Json }
  for (const part of ['tools', 'userTasks', 'injectionTasks', 'cases'] as const) {
    if (!Array.isArray(suite[part])) throw new Error(`${file} has no ${part}: it is no exported suite of AgentDojo`)
  }
  return suite
}

interface Exported {
  readonly environmentTemplateYaml?: string
}

/** The sets of attacker's calls each of which is an attack that succeeded. */
export function succeedingSets(task: InjectionTask): readonly (readonly number[])[] {
  if (task.minimalSucceedingCallSets.length > 0) return task.minimalSucceedingCallSets
  return task.blockingAnyOneStopsAttack.length > 0 ? [task.blockingAnyOneStopsAttack] : []
}

/** What an attacker plants in each place of a case, and what stands there where nobody attacks. */
export interface Planted {
  readonly text: string
  /** Whole texts of the environment, as they are without the attack and with it. */
  readonly places: ReadonlyMap<string, string>
}

export function plantedIn(suite: Suite, { injectedVectors }: Case, { goal }: InjectionTask): Planted {
  const { attackTemplate, attackUser, attackModel } = suite.meta
  const attack = attackTemplate
    .replaceAll('{goal}', goal)
    .replaceAll('{user}', attackUser)
    .replaceAll('{model}', attackModel)
  const text = folded(attack)
  const places = new Map<string, string>()
  const look = (value: Json): void => {
    if (typeof value === 'string' && injectedVectors.some((vector) => value.includes(`{${vector}}`))) {
      places.set(filled(suite, value, new Map()), filled(suite, value, new Map(injectedVectors.map((v) => [v, text]))))
    } else if (Array.isArray(value)) value.forEach(look)
    else if (isJsonObject(value)) Object.values(value).forEach(look)
  }
  look(suite.environment)
  return { text, places }
}

function filled(suite: Suite, template: string, planted: ReadonlyMap<string, string>): string {
  return template.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
    const standard = suite.injectionVectors[name]?.default
    return standard === undefined ? whole : (planted.get(name) ?? folded(standard))
  })
}

/** The benchmark fills a text into quoted YAML, which folds its lines. */
function folded(text: string): string {
  return text.replaceAll(/[ \t]*(\n+)[ \t]*/g, (_, { length }: string) =>
    length === 1 ? ' ' : '\n'.repeat(length - 1),
  )
}
