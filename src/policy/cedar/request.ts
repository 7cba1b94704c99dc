import type { CedarRecord, Entity, Value } from './value.ts'

/** One question to Cedar. */
export interface Request {
  readonly principal: Entity
  readonly action: Entity
  readonly resource: Entity
  readonly context: CedarRecord
  readonly entities: EntityStore
}

/** The entities of a request, by their keys. An entity that is not in it does not exist. */
export interface EntityStore {
  get(key: string): EntityData | undefined
}

export interface EntityData {
  readonly attributes: ReadonlyMap<string, Value>
  /** Keys of everything it is in, itself not among them; transitively closed. */
  readonly ancestors: ReadonlySet<string>
}

/** Tells whether an entity is the ancestor itself or a descendant of it, as Cedar's `in`. */
export function isIn(entities: EntityStore, entity: Entity, ancestorKey: string): boolean {
  return entity.key === ancestorKey || entities.get(entity.key)?.ancestors.has(ancestorKey) === true
}
