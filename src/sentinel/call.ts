import {
  type ActionHeld,
  type ActionIntent,
  type ActionRefused,
  type DeclaredTool,
  type Effect,
  grantedName,
  isJsonObject,
  type Json,
  type JsonPath,
  jsonPath,
} from '../model/index.ts'

export type AttemptEntry = ActionIntent | ActionHeld | ActionRefused

/** An attempt as detectors compare it with others. What takes time is made when it is first asked for. */
export class ComparedCall {
  /** `upstream/tool`, as grants call it. */
  readonly name: string
  readonly effect: Effect
  /** The intent's place in the log. */
  readonly seq: number
  /** Bytes of the arguments that are sent. */
  readonly bytes: number
  /** Digits of the amount that is spent, and its currency. */
  readonly spend: string | undefined
  readonly args: Json
  readonly #declared: DeclaredTool | undefined
  #exact: string | undefined
  #alike: string | null | undefined
  #repeated: string | undefined
  #destinations: readonly string[] | undefined

  constructor(entry: AttemptEntry & { readonly seq: number }, declared: DeclaredTool | undefined) {
    this.name = nameOf(entry) ?? ''
    this.effect = entry.effect ?? declared?.effect ?? 'irreversible'
    this.seq = entry.seq
    this.bytes = entry.kind === 'action.intent' ? entry.payload.bytes : 0
    this.spend = 'spend' in entry ? entry.spend : undefined
    this.args = entry.args ?? {}
    this.#declared = declared
  }

  /** The same for the same tool with the same arguments, in whatever order they were written. */
  get exact(): string {
    this.#exact ??= `${this.name}${written(this.args, [], [], false)}${isCut(this.args) ? `#${this.bytes}` : ''}`
    return this.#exact
  }

  /**
   * The same for calls that differ in their amount, content, or in what clients make up for each (idempotency keys, request
   * numbers, times). Undefined where nothing else is left to compare.
   */
  get alike(): string | undefined {
    if (this.#alike === undefined) {
      const amount = this.#declared?.amount === undefined ? undefined : jsonPath(this.#declared.amount)
      const skip = [...(this.#declared?.content ?? []), ...(amount ? [amount] : [])]
      const text = written(this.args, [], skip, true)
      this.#alike = /[^{}[\],\s]/.test(text) ? `${this.name}${text}` : null
    }
    return this.#alike ?? undefined
  }

  /** The same for calls that differ only in what clients make up for each. */
  get repeated(): string {
    this.#repeated ??= `${this.name}${written(this.args, [], [], true)}`
    return this.#repeated
  }

  /** True where the call takes no arguments. */
  get isBare(): boolean {
    return isJsonObject(this.args) && Object.keys(this.args).length === 0
  }

  /**
   * The places that the call goes to, or the objects that it changes: the declared destinations, or every text of a
   * call that is no read.
   */
  get destinations(): readonly string[] {
    this.#destinations ??= this.#declared?.destinations
      ? this.#declared.destinations.flatMap(({ path }) => valuesAt(this.args, path))
      : this.effect === 'read'
        ? []
        : [...textsOf(this.args, this.#declared?.content ?? [])]
    return this.#destinations
  }

  /** Every text in its arguments except those that are only carried along. */
  get texts(): Iterable<string> {
    return textsOf(this.args, this.#declared?.content ?? [])
  }
}

/** Returns the name of an attempt's tool; undefined where it was refused before it named one. */
export function nameOf({ upstream, operation, tool }: AttemptEntry): string | undefined {
  if (upstream === undefined || tool === undefined) return undefined
  return `${upstream}/${operation === undefined ? tool : grantedName(operation, cut(tool))}`
}

/** A name from a refusal may have any length up to a tool's own, and a prefix before it. */
function cut<T extends string>(tool: T): T {
  return tool.length > 240 ? (tool.slice(0, 240) as T) : tool // a part of a checked name
}

/** Names of arguments that clients make up anew for each call. */
const MADE_UP =
  /^(?:x[-_])?(?:idempoten\w*|nonce|request[-_]?(?:id|key)|trace\w*|correlation\w*|attempt\w*|retry\w*|timestamp|uuid|message[-_]?id)(?:[-_]?(?:key|id|token))?$/i

function written(value: Json, path: JsonPath, skip: readonly JsonPath[], loose: boolean): string {
  if (skip.length > 0 && skip.some((other) => samePath(path, other))) return ''
  if (typeof value === 'string') return loose ? JSON.stringify(value.trim().toLowerCase()) : JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map((item) => written(item, [...path, 'items'], skip, loose)).join()}]`
  if (!isJsonObject(value)) return String(value)
  const members: string[] = []
  for (const key of Object.keys(value).sort()) {
    if (loose && MADE_UP.test(key)) continue
    const text = written(value[key] ?? null, [...path, { name: key }], skip, loose)
    if (text !== '') members.push(loose ? `${key.toLowerCase()}:${text}` : `${JSON.stringify(key)}:${text}`)
  }
  return loose && members.length === 0 ? '' : `{${members.join()}}`
}

function samePath(one: JsonPath, other: JsonPath): boolean {
  return one.length === other.length && one.every((step, i) => nameAt(step) === nameAt(other[i]))
}

function nameAt(step: JsonPath[number] | undefined): string | undefined {
  return typeof step === 'object' ? `.${step.name}` : step
}

/** An entry shows long lists and objects in part. */
function isCut(value: Json): boolean {
  if (Array.isArray(value)) return value.at(-1) === '…' || value.some(isCut)
  return isJsonObject(value) && ('…' in value || Object.values(value).some(isCut))
}

function valuesAt(value: Json, [step, ...rest]: JsonPath): readonly string[] {
  if (step === undefined) return [...textsOf(value, [])]
  if (step === 'items') return Array.isArray(value) ? value.flatMap((item) => valuesAt(item, rest)) : []
  const member = isJsonObject(value) && Object.hasOwn(value, step.name) ? value[step.name] : undefined
  return member === undefined ? [] : valuesAt(member, rest)
}

/** Yields every text in a value, except those at a path to skip; with `names`, names of members too. */
export function textsOf(value: Json, skip: readonly JsonPath[], names = false): readonly string[] {
  const texts: string[] = []
  collect(value, [], skip, names, texts)
  return texts
}

function collect(value: Json, path: JsonPath, skip: readonly JsonPath[], names: boolean, texts: string[]): void {
  if (skip.length > 0 && skip.some((other) => samePath(path, other))) return
  if (typeof value === 'string') texts.push(value)
  else if (Array.isArray(value))
    for (const item of value) collect(item, skip.length === 0 ? path : [...path, 'items'], skip, names, texts)
  else if (isJsonObject(value))
    for (const [name, item] of Object.entries(value)) {
      if (names) texts.push(name)
      collect(item, skip.length === 0 ? path : [...path, { name }], skip, names, texts)
    }
}
