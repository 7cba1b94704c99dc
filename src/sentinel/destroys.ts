import { isJsonObject, type Json } from '../model/index.ts'

/** Tells whether a text has a command or statement that destroys at size in one line, whatever tool carries it. */
export function destroys(text: string): boolean {
  return STATEMENT.test(text) || (LATER.test(text) && text.split('\n').some(destroysLater))
}

const STATEMENT =
  /\brm\s+(?:-\w*\s+)*-\w*[rR]\w*|\bdrop\s+(?:table|database|schema)\b|\btruncate\s+table\b|\bdelete\s+from\s+[\w."`]+\s*(?:;|$)|\bmkfs\b|\bterraform\s+destroy\b/i

/**
 * Tells whether a later word of the line makes a command destructive: each is looked for once, so that no line takes
 * quadratic time.
 */
function destroysLater(line: string): boolean {
  return LATER_ONES.some(([begins, says]) => {
    const at = line.search(begins)
    return at !== -1 && says.test(line.slice(at))
  })
}

const LATER_ONES = [
  [/\bdd\s/i, /\bof=\/dev\//i],
  [/\bgit\s+push\s/i, /--force\b/i],
  [/\bkubectl\s+delete\s/i, /--all\b/i],
] as const
const LATER = /of=\/dev\/|--force\b|--all\b/i

/** Tells whether arguments say that all of something is meant. */
export function saysAll(value: Json, key = ''): boolean {
  if (value === true) return ALL_KEY.test(key)
  if (typeof value === 'string') return value.length <= ALL_CHARACTERS_MAX && ALL.test(value.trim())
  if (Array.isArray(value)) return value.some((item) => saysAll(item))
  return isJsonObject(value) && Object.entries(value).some(([name, item]) => saysAll(item, name))
}

const ALL = /^(?:\*|\*\*|%|\/|~|\.|\.\*|\/\*+|all|everything|\*\.\*)$/i
const ALL_KEY = /^(?:all|recursive|force_all|purge|cascade|everything)$/i
const ALL_CHARACTERS_MAX = 1_024

/** Names under which an attempt's entry notes what of it its arguments no longer show. */
export const NOTED = { statement: 'a statement that destroys', all: 'all of something' } as const
