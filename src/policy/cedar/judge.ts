import type { Request } from './request.ts'
import type { CompiledPolicy, Slice } from './slices.ts'
import { Entity, Fault } from './value.ts'

/** Cedar's findings about a request: every policy that holds, and every one that could not be evaluated. */
export interface Judgement {
  /** Permits that hold; as the other two lists, in the order of the bundle. */
  readonly permits: readonly CompiledPolicy[]
  readonly forbids: readonly CompiledPolicy[]
  readonly faults: readonly PolicyFault[]
}

export interface PolicyFault {
  readonly policy: CompiledPolicy
  readonly fault: Fault
}

/** Runs every policy of a slice that could be anything but false: a refusal names each rule that refuses, not the first. */
export function judge(slice: Slice, request: Request): Judgement {
  const judged: MutableJudgement = { permits: [], forbids: [], faults: [] }
  for (const { subject, byText, byEntity, all } of slice.guarded) {
    const value = subject(request)
    if (typeof value === 'string') run(byText.get(value), request, judged)
    else if (value instanceof Entity) run(byEntity.get(value.key), request, judged)
    else run(all, request, judged)
  }
  run(slice.unguarded, request, judged)
  if (slice.guarded.length > 0) inOrder(judged)
  return judged
}

interface MutableJudgement {
  readonly permits: CompiledPolicy[]
  readonly forbids: CompiledPolicy[]
  readonly faults: PolicyFault[]
}

function run(policies: readonly CompiledPolicy[] | undefined, request: Request, judged: MutableJudgement): void {
  if (policies === undefined) return
  for (const policy of policies) {
    const outcome = policy.condition(request)
    if (outcome === true) (policy.effect === 'permit' ? judged.permits : judged.forbids).push(policy)
    else if (outcome instanceof Fault) judged.faults.push({ policy, fault: outcome })
  }
}

function inOrder({ permits, forbids, faults }: MutableJudgement): void {
  permits.sort((a, b) => a.position - b.position)
  forbids.sort((a, b) => a.position - b.position)
  faults.sort((a, b) => a.policy.position - b.policy.position)
}
