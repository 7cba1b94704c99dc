import { existsSync, readFileSync } from 'node:fs'
import { isJsonObject, type Json, type JsonObject } from '../../src/model/index.ts'
import { record } from '../agentdojo/recorded.ts'
import type { Offered } from '../agentdojo/server.ts'

/** A domain of tau2-bench, exported: tools, and tasks with the calls that a good agent makes. No results are recorded. */
export interface Domain {
  readonly domain: string
  readonly tools: readonly {
    readonly name: string
    readonly type: string
    readonly args: readonly { readonly name: string; readonly type: string }[]
    readonly doc: string
  }[]
  readonly tasks: readonly Task[]
}

export interface Task {
  readonly id: string
  readonly scenario: Json
  readonly actions: readonly { readonly requestor: string; readonly tool: string; readonly args: JsonObject }[]
}

export function readDomain(file: string): Domain {
  const domain = JSON.parse(readFileSync(file, 'utf8')) as Domain
  if (!Array.isArray(domain.tools) || !Array.isArray(domain.tasks))
    throw new Error(`${file} is no domain of tau2-bench`)
  return domain
}

export function kindOf({ tools }: Domain, tool: string): 'read' | 'write' | undefined {
  const type = tools.find(({ name }) => name === tool)?.type ?? ''
  return type.includes('.READ') ? 'read' : type.includes('.WRITE') ? 'write' : undefined
}

/** Types are Python's; of one that is no basic type nothing is known but that it is JSON. */
export function offeredBy({ tools }: Domain): readonly Offered[] {
  return tools.map(({ name, args, doc }) => ({
    name,
    description: doc,
    inputSchema: { type: 'object', properties: Object.fromEntries(args.map((arg) => [arg.name, schemaOf(arg.type)])) },
  }))
}

function schemaOf(type: string): JsonObject {
  if (/^str$/.test(type)) return { type: 'string' }
  if (/^int$/.test(type)) return { type: 'integer' }
  if (/^float$/.test(type)) return { type: 'number' }
  if (/^bool$/.test(type)) return { type: 'boolean' }
  if (/^List\[/i.test(type)) return { type: 'array', items: {} }
  return {}
}

/** What the customer says: the assignment that a cell is opened for. */
export function requestOf({ scenario }: Task): string {
  const said: string[] = []
  const look = (value: Json): void => {
    if (typeof value === 'string') said.push(value)
    else if (Array.isArray(value)) value.forEach(look)
    else if (isJsonObject(value)) Object.values(value).forEach(look)
  }
  look(scenario)
  return said.join('\n')
}

interface Lookup {
  readonly tool: string
  readonly args: JsonObject
}

/**
 * The records behind the tools that look one up by its id: those that the tasks speak of. Where none are known, a lookup
 * answers what the task's later calls name and the customer does not say: from elsewhere a good agent cannot have it.
 */
export class Answers {
  readonly #domain: Domain
  readonly #records: ReadonlyMap<string, ReadonlyMap<string, JsonObject>>

  /** A file of lines, each `{"tool","key","answer"}`. */
  constructor(domain: Domain, file: string) {
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []
    const all = lines.map((line) => JSON.parse(line) as { tool: string; key: string; answer: JsonObject })
    this.#domain = domain
    this.#records = new Map(
      [...Map.groupBy(all, ({ tool }) => tool)].map(([tool, own]) => [
        tool,
        new Map(own.map(({ key, answer }) => [key, answer])),
      ]),
    )
  }

  get known(): boolean {
    return this.#records.size > 0
  }

  to({ tool, args }: Lookup, task: Task): JsonObject {
    if (!this.known && kindOf(this.#domain, tool) === 'read') return record(unsaid(task))
    const [key] = Object.values(args)
    return record(this.#records.get(tool)?.get(String(key)) ?? {})
  }

  /**
   * What a good agent looks up before it changes anything, and the tasks do not list: the records that the customer
   * names, and of those that these name the ones that the task goes on to change.
   */
  lookups(task: Task): readonly Lookup[] {
    const named = new Set(requestOf(task).match(/\w+/g))
    if (!this.known) return this.#first([...named])
    const changed = new Set(JSON.stringify(task.actions.map(({ args }) => args)).match(/\w+/g))
    const found: Lookup[] = []
    for (const [tool, records] of this.#records) {
      const argument = this.#argumentOf(tool)
      for (const key of records.keys()) {
        if (argument === undefined || !(named.has(key) || (changed.has(key) && this.#leadTo(found, key, task))))
          continue
        found.push({ tool, args: { [argument]: key } })
      }
    }
    return found
  }

  #leadTo(found: readonly Lookup[], key: string, task: Task): boolean {
    return found.some((lookup) => JSON.stringify(this.to(lookup, task)).includes(`"${key}"`))
  }

  /** One is enough to answer all: by the first of the customer's words that looks like an id. */
  #first(named: readonly string[]): readonly Lookup[] {
    const id = named.find((word) => word.length > 4 && /\d/.test(word) && /[a-z]/i.test(word))
    const lookup = this.#domain.tools.find(
      ({ name, args }) => kindOf(this.#domain, name) === 'read' && args.length === 1,
    )
    const argument = lookup?.args[0]?.name
    return id === undefined || argument === undefined ? [] : [{ tool: lookup?.name ?? '', args: { [argument]: id } }]
  }

  #argumentOf(tool: string): string | undefined {
    return this.#domain.tools.find(({ name }) => name === tool)?.args[0]?.name
  }
}

/** The texts that a task's calls name and its customer does not, under the names that the calls have for them. */
function unsaid(task: Task): JsonObject {
  const said = requestOf(task)
  const found = new Map<string, Set<string>>()
  const look = (name: string, value: Json): void => {
    if (typeof value === 'string' && !said.includes(value)) found.set(name, (found.get(name) ?? new Set()).add(value))
    else if (Array.isArray(value)) for (const item of value) look(name, item)
    else if (isJsonObject(value)) for (const [inner, item] of Object.entries(value)) look(inner, item)
  }
  for (const { args } of task.actions) look('', args)
  return Object.fromEntries([...found].map(([name, values]) => [name, [...values]]))
}
