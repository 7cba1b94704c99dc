import { budgetText, type HolderId } from '../../model/budget.ts'
import type { Decision, HoldReason, LooksNamed, Reason, Seen } from '../../model/decision.ts'
import type { Grant } from '../../model/grant.ts'
import type { PersonName } from '../../model/ids.ts'
import { UNTRUSTED } from '../../model/label.ts'
import { type Source, sourceText } from '../../model/source.ts'
import { jsonPath, pathKey } from '../../model/text/path.ts'
import { named } from '../../model/text/text.ts'

/**
 * Explains a decision to the owner: each reason in one line, with the rule, its author and place, and the change that
 * would lift it. Never shown to a cell. `grants` adds the names of the people who made them.
 */
export function explain(decision: Pick<Decision, 'reasons'>, grants: Iterable<Grant> = []): string[] {
  const makers = new Map<HolderId, PersonName>([...grants].map(({ id, grantedBy }) => [id, grantedBy]))
  const grantAt = (id: HolderId, source: Source): string => {
    const maker = makers.get(id)
    return `grant ${id}${maker === undefined ? '' : ` · made by ${maker}`} · ${sourceText(source)}`
  }
  return decision.reasons.map((reason) => line(reason, grantAt))
}

function line(reason: Reason, grantAt: (id: HolderId, source: Source) => string): string {
  switch (reason.kind) {
    case 'permit':
      return `allowed by ${grantAt(reason.grant, reason.source)}`
    case 'approved':
      return `approved by a person, this once: no grant permits it, ${
        reason.grant && reason.source
          ? `and it takes from the budget of ${grantAt(reason.grant, reason.source)}`
          : 'and none covers it whose budget it would take from'
      }`
    case 'rung':
      return `the cell is ${reason.rung}${reason.rung === 'restricted' ? ', and may only read' : ''} — a named person can release it`
    case 'environment':
      return `the cell belongs to ${reason.cell}, the upstream to ${reason.upstream} — no grant or policy reaches across`
    case 'egress':
      return `${named(reason.place)} is no origin of the egress of ${reason.environment} — whoever owns the configuration can add it there`
    case 'origin':
      return `${named(reason.place)} is no origin that it is granted in ${reason.environment} — whoever owns the configuration can declare one (http:) and grant its requests`
    case 'delegation':
      return `outside delegation ${reason.delegation}: ${reason.problem} — the cell that delegated can give another part`
    case 'task':
      return `${named(reason.tool)} is not among the tools that the owner accepted for this task — a task that names it: --tools`
    case 'no-grant':
      return `no grant for ${named(reason.tool)} of ${named(reason.upstream)} — ${
        reason.closest && reason.source
          ? `the closest is ${grantAt(reason.closest, reason.source)}; add the tool to it, or a grant of its own`
          : 'add one under "grants" of the agent'
      }`
    case 'grant-expired':
      return `expired at ${time(reason.atMs)}: ${grantAt(reason.grant, reason.source)} — a new run of the agent renews it`
    case 'grant-revoked':
      return `revoked at ${time(reason.atMs)}: ${grantAt(reason.grant, reason.source)} — only a new grant allows it again`
    case 'grant-condition':
      return `outside the condition of ${grantAt(reason.grant, reason.source)}: ${oneLine(reason.condition)}${because(reason.error)}`
    case 'forbid':
      return `forbidden by ${policyAt(reason.policy, reason.source)}${because(reason.error)}${advice(reason.advice)} — its author can change it`
    case 'unrepresentable':
      return `${placeText(reason.path)} ${reason.problem}, and ${policyAt(reason.policy, reason.source)} looks at it — send a value that it can judge`
    case 'arguments':
      return `${placeText(reason.path)} is refused: ${reason.problem} — send other arguments`
    case 'definition':
      return `the definition of ${named(reason.tool)} is ${reason.problem} — a person can accept it: firebreak accept`
    case 'budget':
      return `over the budget of ${
        reason.source === undefined ? reason.holder : grantAt(reason.holder, reason.source)
      }: ${reason.asked} asked, ${reason.left} left of ${budgetText(reason.budget)}${
        reason.setAside === undefined ? '' : `, ${reason.setAside} of it set aside for tasks until they end`
      }${reason.returnsAtMs === undefined ? ' — no wait is enough' : ` — enough returns at ${time(reason.returnsAtMs)}`}`
    case 'spend':
      return `the amount at ${placeText(reason.path)} is refused: ${reason.problem} — send it as the tool's declaration says`
    case 'label':
      return `the cell has seen ${reason.label} data${seen(reason.cause)}, which the tool does not accept${
        reason.accepts.length === 0 ? '' : ` (it accepts ${reason.accepts.join(', ')})`
      } — ${approval(reason)}; "accepts: [${reason.label}]" under the tool lets all pass`
    case 'requested':
      return `the agent asks for it, and says: ${JSON.stringify(reason.why)} — its own words, which prove nothing`
    case 'destination':
      if (reason.nothing === true) {
        return `${placeText(reason.path)} is ${reason.value}: it names nothing, which to many tools is everything — ${approval(reason)}; "destinations: { ${keyOf(reason.path)}: [null] }" under the tool lets nothing pass`
      }
      return `${placeText(reason.path)} is ${toldText(reason)}, which neither the task, nor the configuration, nor a trusted field names${
        reason.seen === undefined ? NOT_FOUND : `: it was first seen${seen(reason.seen)}`
      }${like(reason.like)} — ${approval(reason)}`
    case 'link':
      return `${placeText(reason.path)} leads its reader to ${toldText(reason)}, which neither the task, nor the configuration, nor a trusted field names${
        reason.seen === undefined ? NOT_FOUND : `: it was first seen${seen(reason.seen)}`
      }${like(reason.like)} — ${approval(reason)}; "links: any" under the tool lets all pass`
    case 'unavailable':
      if (reason.what === 'checkpoint')
        return `its files could not be saved first: ${reason.problem} — "required: false" under checkpoints lets it pass without`
      return `the ${reason.what} is unavailable: ${reason.problem} — nothing leaves until it is back`
  }
}

/** Returns a place in arguments or answers; its names are in quotes where they are more than names (`stepText`). */
function placeText(place: string): string {
  return PLACE.test(place) ? place : named(place)
}

const PLACE = /^\$(?:\.[A-Za-z_][A-Za-z0-9_]*|\[(?:\d+|\*|"(?:[^"\\]|\\.)*")\])*$/

/** A place as a configuration declares it; only what is declared can name nothing. */
function keyOf(place: string): string {
  const path = jsonPath(place.replaceAll(/\[\d+\]/g, '[*]'))
  return path === undefined ? '…' : pathKey(path)
}

function approval({ unseen }: Pick<HoldReason, 'unseen'>): string {
  return unseen
    ? 'no person can approve it, since more leaves than they could be shown'
    : 'a person can approve this one'
}

function toldText({ value, characters }: { readonly value: string; readonly characters?: number }): string {
  const told = JSON.stringify(value)
  return characters === undefined ? told : `${told}… (the beginning of ${characters} characters)`
}

const NOT_FOUND = '; it was not found in what the cell was shown'

function like(who: LooksNamed | undefined): string {
  return who === undefined ? '' : `; BEWARE: it looks the same as what ${who} names, and is another`
}

function seen(from: Seen | undefined): string {
  if (from === undefined) return ''
  const { action, tool, path, labels, as, shape } = from
  const who = labels.includes(UNTRUSTED) ? ', which anyone can write' : ''
  const where = action === undefined ? `${tool}` : `${placeText(path)} of what ${named(tool)} returned (${action})`
  return ` in ${where}${who}${as === undefined ? '' : `, as ${as}`}${shape === undefined ? '' : ` (${shape})`}`
}

/** A policy without an `@id` is named after its place. */
function policyAt(policy: string, source: Source): string {
  const place = sourceText(source)
  return policy === place ? place : `${policy} · ${place}`
}

function because(error: string | undefined): string {
  return error === undefined ? '' : `, which could not be evaluated: ${error}`
}

function advice(text: string | undefined): string {
  return text === undefined ? '' : ` (${text})`
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
