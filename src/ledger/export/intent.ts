import type { Entry } from '../../model/entry.ts'

/** The entry that an outcome belongs to: only the intent says who acted. */
export type Intent = Extract<Entry, { kind: 'action.intent' }>
