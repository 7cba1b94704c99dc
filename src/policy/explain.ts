import type { Decision, Reason } from '../model/decision.ts'
import type { Grant } from '../model/grant.ts'
import type { GrantId } from '../model/ids.ts'
import { type Source, sourceText } from '../model/source.ts'

/**
 * For the owner: each reason in one line, which rule it is, who wrote it and where, and what would change it. Never shown
 * to a cell. `grants` adds the names of the people who made them.
 */
export function explain(decision: Pick<Decision, 'reasons'>, grants: Iterable<Grant> = []): string[] {
  const makers = new Map([...grants].map(({ id, grantedBy }) => [id, grantedBy]))
  const grantAt = (id: GrantId, source: Source): string => {
    const maker = makers.get(id)
    return `grant ${id}${maker === undefined ? '' : ` · made by ${maker}`} · ${sourceText(source)}`
  }
  return decision.reasons.map((reason) => line(reason, grantAt))
}

function line(reason: Reason, grantAt: (id: GrantId, source: Source) => string): string {
  switch (reason.kind) {
    case 'permit':
      return `allowed by ${grantAt(reason.grant, reason.source)}`
    case 'rung':
      return `the cell is ${reason.rung}${reason.rung === 'restricted' ? ', and may only read' : ''} — a named person can release it`
    case 'environment':
      return `the cell belongs to ${reason.cell}, the upstream to ${reason.upstream} — no grant or policy reaches across`
    case 'no-grant':
      return `no grant for ${reason.tool} of ${reason.upstream} — ${
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
      return `forbidden by ${named(reason.policy, reason.source)}${because(reason.error)}${advice(reason.advice)} — its author can change it`
    case 'unrepresentable':
      return `${reason.path} ${reason.problem}, and ${named(reason.policy, reason.source)} looks at it — send a value that it can judge`
    case 'arguments':
      return `${reason.path} is refused: ${reason.problem} — send other arguments`
    case 'definition':
      return `the definition of ${reason.tool} is ${reason.problem} — a person can accept it: firebreak accept`
    case 'budget':
      return `over the budget of ${grantAt(reason.grant, reason.source)}: ${reason.asked} asked, ${reason.left} left${
        reason.returnsAtMs === undefined ? ' — no wait is enough' : ` — enough returns at ${time(reason.returnsAtMs)}`
      }`
    case 'spend':
      return `the amount at ${reason.path} is refused: ${reason.problem} — send it as the tool's declaration says`
    case 'unavailable':
      return `the ${reason.what} is unavailable: ${reason.problem} — nothing leaves until it is back`
  }
}

/** A policy without an `@id` is named after its place. */
function named(policy: string, source: Source): string {
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
