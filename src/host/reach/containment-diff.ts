import type { Containment } from '../../model/index.ts'
import { meaningOf, meansSame } from './meaning.ts'
import type { PartChange } from './parts.ts'

/** Returns how closely agents are watched otherwise than before. */
export function ruleChanges(old: Containment, next: Containment): readonly PartChange[] {
  const rules = new Map<string, unknown>(Object.entries(old.rules))
  const changed = Object.entries(next.rules).filter(([name, rule]) => !meansSame(rules.get(name), rule))
  return changed.map(([name, { mode, rung }]): PartChange => {
    const was = rules.get(name)
    const isStricter =
      mode === 'enforce' && meansSame(was, { ...next.rules[name as keyof typeof next.rules], mode: 'observe' })
    return change(!isStricter, `${name} is to ${mode}, and lead to ${rung}`, `containment rules ${name}`)
  })
}

/** Returns the decoys that are fewer or more than before. */
export function decoyChanges(old: Containment, next: Containment): readonly PartChange[] {
  return (['tools', 'files', 'credentials', 'hosts'] as const).flatMap((kind): readonly PartChange[] => {
    const [was, is] = [new Set(old.decoys[kind].map(meaningOf)), new Set(next.decoys[kind].map(meaningOf))]
    const [gone, added] = [was.difference(is).size, is.difference(was).size]
    const part = `containment decoys ${kind}`
    return [
      ...(gone > 0 ? [change(true, `${gone} decoys fewer among ${kind}`, part)] : []),
      ...(added > 0 ? [change(false, `${added} decoys more among ${kind}`, part)] : []),
    ]
  })
}

function change(widens: boolean, text: string, part: string): PartChange {
  return { widens, rank: 4, about: 'containment', text, part }
}
