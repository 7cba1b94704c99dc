import type { Entry } from '../../model/entry.ts'

/**
 * Members that a page reads of each kind of entry: a text, unless another type is named; `?` where it may be absent.
 * Readers of a log believe its writer; a page is also made of a log that somebody else has written.
 */
const FIELDS: Readonly<Record<Entry['kind'], string>> = {
  'gateway.started': 'environment configuration tenant? replaces?',
  'configuration.applied': 'environment by before after narrowed?:object widened?:object',
  'cell.started': 'cell agent owner environment receipt:object approvers?:object delegation? labels?:object',
  'cell.taken-over': 'cell agent environment why rung labels:object',
  'cell.ended': 'cell receipt:object',
  'action.intent':
    'action cell agent environment upstream operation tool effect spend? charge?:object hold? undoes? checks?',
  'action.refused': 'action cell agent upstream? tool? more?:number undoes? checks?',
  'action.held': 'action hold cell agent upstream tool more?:number undoes? checks?',
  'hold.answered': 'hold by approved:boolean why?',
  'label.seen': 'cell label',
  'delegation.made': 'delegation cell agent to assignment',
  'delegation.ended': 'delegation why',
  'action.outcome': 'action outcome happened? passed?:object detail?',
  'definition.seen': 'upstream tool',
  'upstream.seen': 'upstream cell? problem?',
  'list.cut': 'upstream list what:object',
  'egress.tried': 'upstream place cell? problem? times?:number',
  'cell.sensed': 'cell sensor what',
  'signal.raised': 'cell detector mode what evidence:object action?',
  'rung.changed': 'agent from to by why cell? signal?:number',
  'cell.contained': 'cell rung receipt:object',
  'checkpoint.made': 'agent by why cell?',
  'checkpoint.restored': 'agent by why cell?',
  'undo.started': 'cell by why',
  'effect.checked': 'action undone?:boolean problem?',
  'undo.ended': 'cell',
  'gateway.stopped': 'environment',
}

interface Field {
  readonly name: string
  readonly type: string
  readonly optional: boolean
}

const PARSED: ReadonlyMap<string, readonly Field[]> = new Map(
  Object.entries(FIELDS).map(([kind, fields]) => [
    kind,
    fields.split(' ').map((field) => {
      const [name = '', type = 'string'] = field.split(':')
      return { name: name.replace('?', ''), type, optional: name.endsWith('?') }
    }),
  ]),
)

/** Tells whether an entry holds what a page reads of its kind. An unknown kind passes, since nothing of it is read. */
export function isWellFormed(entry: Entry): boolean {
  const fields = new Map<string, unknown>(Object.entries(entry))
  return (PARSED.get(entry.kind) ?? []).every(({ name, type, optional }) => {
    const value = fields.get(name)
    if (value === undefined) return optional
    return value !== null && typeof value === type
  })
}
