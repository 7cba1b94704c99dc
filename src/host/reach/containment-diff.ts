import type { Containment } from '../../model/index.ts'
import { meaningOf, meansSame } from './meaning.ts'
import type { PartChange } from './parts.ts'

/** Returns how closely agents are watched otherwise than before. */
export function containmentChanges(old: Containment, next: Containment): readonly PartChange[] {
  const rules = new Map<string, unknown>(Object.entries(old.rules))
  const changed = Object.entries(next.rules).filter(([name, rule]) => !meansSame(rules.get(name), rule))
  const watched = changed.map(([name, { mode, rung }]): PartChange => {
    const was = rules.get(name)
    const isStricter =
      mode === 'enforce' && meansSame(was, { ...next.rules[name as keyof typeof next.rules], mode: 'observe' })
    return change(!isStricter, `${name} is to ${mode}, and lead to ${rung}`, `containment rules ${name}`)
  })
  const baits = (['tools', 'files', 'credentials', 'hosts'] as const).flatMap((kind): readonly PartChange[] => {
    const [was, is] = [new Set(old.decoys[kind].map(meaningOf)), new Set(next.decoys[kind].map(meaningOf))]
    const [gone, added] = [was.difference(is).size, is.difference(was).size]
    const part = `containment decoys ${kind}`
    return [
      ...(gone > 0 ? [change(true, `${gone} decoys fewer among ${kind}`, part)] : []),
      ...(added > 0 ? [change(false, `${added} decoys more among ${kind}`, part)] : []),
    ]
  })
  return [...watched, ...baits]
}

function change(widens: boolean, text: string, part: string): PartChange {
  return { widens, rank: 4, about: 'containment', text, part }
}
