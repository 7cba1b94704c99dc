/**
 * Names and ids. Names come from the configuration and are written by people; ids are made by Firebreak.
 * Both are branded, so that a cell's id can never be passed where an agent's name is meant.
 */
declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

export type AgentName = Branded<'AgentName'>
export type EnvironmentName = Branded<'EnvironmentName'>
export type TenantName = Branded<'TenantName'>
export type UpstreamName = Branded<'UpstreamName'>
/** A wire protocol, as intents record it: `mcp`. */
export type ProtocolName = Branded<'ProtocolName'>
/** A tool, resource or prompt as its upstream calls it; unique within the upstream only. */
export type ToolName = Branded<'ToolName'>
/** An accountable person, as the configuration names them (usually a mail address). */
export type PersonName = Branded<'PersonName'>
export type CellId = Branded<'CellId'>
export type ActionId = Branded<'ActionId'>
export type GrantId = Branded<'GrantId'>
export type DelegationId = Branded<'DelegationId'>
export type CheckpointId = Branded<'CheckpointId'>
/** 64 lower-case hexadecimal digits. */
export type Sha256 = Branded<'Sha256'>

/**
 * Agents, environments and upstreams share one shape: it can stand in a path, a cgroup name, a Cedar id and an MCP
 * tool name (`upstream__tool`) without escaping. An underscore is left out so that `__` always separates.
 */
export const NAME_PATTERN: RegExp = /^[a-z][a-z0-9-]{0,47}$/

export function agentName(text: string): AgentName {
  return checkedName(text, 'agent') as AgentName
}

export function environmentName(text: string): EnvironmentName {
  return checkedName(text, 'environment') as EnvironmentName
}

export function upstreamName(text: string): UpstreamName {
  return checkedName(text, 'upstream') as UpstreamName
}

export function protocolName(text: string): ProtocolName {
  return checkedName(text, 'protocol') as ProtocolName
}

export function tenantName(text: string): TenantName {
  return checkedName(text, 'tenant') as TenantName
}

/**
 * Brands a tool's name: any non-empty text without control characters, at most 256 characters. Upstreams choose these,
 * not we. Throws for any other.
 */
export function toolName(text: string): ToolName {
  if (text.length === 0 || text.length > 256 || /\p{Cc}/u.test(text)) throw new RangeError('not a tool name')
  return text as ToolName
}

export function personName(text: string): PersonName {
  if (!isPersonName(text)) throw new RangeError('not a person')
  return text as PersonName
}

/**
 * Tells whether a text can name a person: 1 to 256 characters, without control characters. `firebreak` is what entries and
 * orders call Firebreak itself, and no person's.
 */
export function isPersonName(text: string): boolean {
  const isText = text.length > 0 && text.length <= 256 && text.isWellFormed() && !/\p{Cc}/u.test(text)
  return isText && !samePerson(text, 'firebreak')
}

/** Tells whether two names mean the same person: case, width and space make no difference. */
export function samePerson(one: string, other: string): boolean {
  const plain = (name: string) => name.normalize('NFKC').trim().toLowerCase()
  return plain(one) === plain(other)
}

export function sha256(hex: string): Sha256 {
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new RangeError('not a sha256 digest')
  return hex as Sha256
}

export function grantId(text: string): GrantId {
  if (!/^g_[a-z0-9-]{1,80}$/.test(text)) throw new RangeError('not a grant id')
  return text as GrantId
}

/** Brands a cell's id: `c_` and 16 characters. */
export function cellId(text: string): CellId {
  return checkedId(text, 'c_', 16) as CellId
}

/** Brands an action's id: `a_` and 20 characters; sorts by time of creation. */
export function actionId(text: string): ActionId {
  return checkedId(text, 'a_', 20) as ActionId
}

/** Brands a checkpoint's id: `k_` and 20 characters; sorts by time of creation. */
export function checkpointId(text: string): CheckpointId {
  return checkedId(text, 'k_', 20) as CheckpointId
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/**
 * Makes an action's id: time first (10 characters, ms), then 50 bits of `random`. Sortable, unguessable enough for a
 * reference, no secret.
 */
export function newActionId(nowMs: number, random: Uint8Array): ActionId {
  return `a_${base32Number(nowMs, 10)}${base32Bytes(random, 10)}` as ActionId
}

/** Makes a cell's id from 80 bits of `random`. */
export function newCellId(random: Uint8Array): CellId {
  return `c_${base32Bytes(random, 16)}` as CellId
}

/** Makes a checkpoint's id as an action's is made. */
export function newCheckpointId(nowMs: number, random: Uint8Array): CheckpointId {
  return `k_${base32Number(nowMs, 10)}${base32Bytes(random, 10)}` as CheckpointId
}

/** Returns the id of a delegation: `d_` and the characters of the action that made it. */
export function delegationId(action: ActionId): DelegationId {
  return `d_${action.slice(2)}` as DelegationId
}

function checkedName(text: string, what: string): string {
  if (!NAME_PATTERN.test(text)) throw new RangeError(`not a name for an ${what}: lower-case letters, digits and "-"`)
  return text
}

function checkedId(text: string, prefix: string, length: number): string {
  const body = text.slice(prefix.length)
  const clean = text.startsWith(prefix) && body.length === length && [...body].every((c) => ALPHABET.includes(c))
  if (!clean) throw new RangeError(`not an id: ${prefix} and ${length} characters`)
  return text
}

function base32Number(value: number, length: number): string {
  let text = ''
  for (let rest = value; text.length < length; rest = Math.floor(rest / 32)) text = ALPHABET.charAt(rest % 32) + text
  return text
}

/** Encodes five bits of each byte: wasteful, simple, and exact for any length up to the bytes given. */
function base32Bytes(random: Uint8Array, length: number): string {
  if (random.length < length) throw new RangeError(`${length} random bytes needed`)
  let text = ''
  for (let i = 0; i < length; i++) text += ALPHABET.charAt((random[i] ?? 0) & 31)
  return text
}
