import type { DetectorRules } from '../../model/index.ts'
import { type PreparedDetector, prepared } from '../detector.ts'
import { decoy } from './decoy.ts'
import { destruction } from './destruction.ts'
import { drift } from './drift.ts'
import { duplicates } from './duplicates.ts'
import { environmentCrossing } from './environment-crossing.ts'
import { leaks } from './leaks.ts'
import { loops } from './loops.ts'
import { novelty } from './novelty.ts'
import { outflow } from './outflow.ts'
import { ownAuthority } from './own-authority.ts'
import { refusals } from './refusals.ts'
import { velocity } from './velocity.ts'

/** Every detector there is. Their order is that of `DETECTORS`, and changes nothing. */
export function preparedDetectors(rules: DetectorRules): readonly PreparedDetector[] {
  return [
    prepared(decoy, rules.decoy.thresholds),
    prepared(environmentCrossing, rules['environment-crossing'].thresholds),
    prepared(ownAuthority, rules['own-authority'].thresholds),
    prepared(refusals, rules.refusals.thresholds),
    prepared(novelty, rules.novelty.thresholds),
    prepared(velocity, rules.velocity.thresholds),
    prepared(duplicates, rules.duplicates.thresholds),
    prepared(loops, rules.loops.thresholds),
    prepared(destruction, rules.destruction.thresholds),
    prepared(outflow, rules.outflow.thresholds),
    prepared(drift, rules.drift.thresholds),
    prepared(leaks, rules.leaks.thresholds),
  ]
}
