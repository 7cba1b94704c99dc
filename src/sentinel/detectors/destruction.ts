import { isJsonObject, type Json } from '../../model/index.ts'
import { destroys, NOTED, saysAll } from '../destroys.ts'
import { type Detector, NOTHING } from '../detector.ts'
import { RecentTimes } from '../recent.ts'

/**
 * Sees: calls that destroy, by the verb in the tool's name or by a command or statement in its arguments, times how much:
 * items in their lists, all of something (`*`, `/`, a missing WHERE, `recursive: true`), and what adds up in the tree over
 * its window.
 *
 * Source: our own (volumes, databases, inboxes and homes that agents have emptied since 2025).
 *
 * Blind to: verbs that say nothing (`update`, `run`, `exec` with a script inside); destruction by overwriting; tools whose
 * names are in no language that it knows; what is deleted slower than its window (budgets and undo are for that).
 */
export const destruction: Detector<'destruction', RecentTimes> = {
  name: 'destruction',
  scope: 'tree',
  kinds: ['action.intent'],
  initial: () => new RecentTimes(),
  fold: (times, { seq, atMs }, { call, noticed }, { objects, window }) => {
    if (call === undefined || call.effect === 'read') return NOTHING
    const verb = VERB.exec(spaced(call.name.slice(call.name.indexOf('/') + 1)))?.[0]
    const isNoted = (what: string) => noticed.some(({ kind, name }) => kind === 'destruction' && name === what)
    const isStatement = isNoted(NOTED.statement) || [...call.texts].some(destroys)
    if (verb === undefined && !isStatement) return NOTHING
    const isAll = isStatement || isNoted(NOTED.all) || saysAll(call.args)
    const size = Math.max(1, listed(call.args))
    let count = 0
    for (let i = 0; i < Math.min(size, objects); i++) count = times.add(atMs, seq, window, objects)
    if (!isAll && count < objects) return NOTHING
    const how = isAll ? 'all of something at once' : `${Math.max(size, count)} objects`
    return [{ what: `${call.name} destroys ${how}`, evidence: isAll ? [seq] : times.seqs }]
  },
}

const VERB =
  /(?<![a-z])(?:delet|destroy|drop|wip(?:e|ing)|purg|truncat|eras|remov|terminat|shred|format|uninstall|nuke|rm|rmdir|unlink)(?:e|es|ed|ing|s)?(?![a-z])/

/** Splits a name into words: `deleteAllUsers` and `delete_all_users` become the same. */
function spaced(name: string): string {
  return name.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase()
}

/** The longest list in its arguments. */
function listed(value: Json): number {
  if (Array.isArray(value)) return Math.max(value.length, ...value.map(listed))
  return isJsonObject(value) ? Math.max(0, ...Object.values(value).map(listed)) : 0
}
