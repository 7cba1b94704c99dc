import { endOfString, isJsonObject, type Json, LIMITS } from '../../../../model/index.ts'
import { cutShown } from '../../../content/cut-shown.ts'
import { FROM_UPSTREAM, jsonFaultText, parseStrictText } from '../../../content/strict-json.ts'
import type { LostItem } from '../rpc.ts'

/** An answer to a list, without those of its items that cannot be read. */
export interface ListRead {
  readonly json: Json
  readonly lost: readonly LostItem[]
}

/** The members of a result that are lists of definitions, in every revision. */
const LISTS: ReadonlySet<string> = new Set(['tools', 'prompts', 'resources', 'resourceTemplates'])

/** Bounds of one definition: a schema is the largest of its parts. */
const ITEM = { ...FROM_UPSTREAM, depthMax: LIMITS.schemaNestingMax + 8, valuesMax: LIMITS.jsonNodesMax }

/**
 * Reads an answer that is a list item by item, so that what is wrong with one definition costs that one and no other.
 * Undefined where it is no list, or where what is around the items cannot be read. Where an item begins and ends is told
 * by its brackets; what is in between is read as strictly as everything else.
 */
export function readListItems(text: string): ListRead | undefined {
  const result = membersOf(text, start(text, 0))?.find(({ key }) => key === 'result')
  const list = result && membersOf(text, result.from)?.find(({ key }) => LISTS.has(key))
  const items = list && partsOf(text, list.from, '[', ']')
  if (items === undefined || list === undefined || items.length > LIMITS.listItemsMax) return undefined
  const around = parseStrictText(`${text.slice(0, list.from)}[]${text.slice(list.to)}`, FROM_UPSTREAM)
  if (!around.ok || !isJsonObject(around.value) || !isJsonObject(around.value.result)) return undefined
  const lost: LostItem[] = []
  const read: Json[] = []
  for (const { from, to } of items) {
    const item = parseStrictText(text.slice(from, to), ITEM)
    if (item.ok) read.push(item.value)
    else lost.push({ name: nameIn(text, from), why: jsonFaultText(item.reason) })
  }
  return { json: { ...around.value, result: { ...around.value.result, [list.key]: read } }, lost }
}

interface Part {
  readonly from: number
  readonly to: number
}

interface Member extends Part {
  readonly key: string
}

/**
 * Returns the item's `name`, `uri` or `uriTemplate`, whichever stands first; empty where none can be read. It is shown
 * to people as text of somebody else.
 */
function nameIn(text: string, from: number): string {
  const member = membersOf(text, from)?.find(({ key }) => key === 'name' || key === 'uri' || key === 'uriTemplate')
  const said = member && parseStrictText(text.slice(member.from, member.to))
  return said?.ok && typeof said.value === 'string' ? cutShown(said.value, LIMITS.faultCharactersMax) : ''
}

/** Returns the members of the object that begins at `from`, as far as it can be followed. */
function membersOf(text: string, from: number): readonly Member[] | undefined {
  const parts = partsOf(text, from, '{', '}')
  return parts?.flatMap(({ from: at, to }) => {
    if (text[at] !== '"') return []
    const end = endOfString(text, at + 1)
    const colon = start(text, end + 1)
    return text[colon] === ':' ? [{ key: text.slice(at + 1, end), from: start(text, colon + 1), to }] : []
  })
}

/** Returns what stands between the commas of an object or a list, whose first bracket is at `from`. */
function partsOf(text: string, from: number, open: '{' | '[', close: '}' | ']'): readonly Part[] | undefined {
  if (text[from] !== open) return undefined
  const parts: Part[] = []
  let depth = 0
  let begun = from + 1
  const end = (to: number) => {
    const at = start(text, begun)
    if (at < to) parts.push({ from: at, to })
    begun = to + 1
  }
  for (let i = from + 1; i < text.length; i++) {
    switch (text[i]) {
      case '"':
        i = endOfString(text, i + 1)
        break
      case '{':
      case '[':
        depth++
        break
      case '}':
      case ']':
        if (depth-- > 0) break
        if (text[i] !== close) return undefined
        end(i)
        return parts
      case ',':
        if (depth === 0) end(i)
        break
    }
  }
  return undefined
}

/** Returns the first offset past white space. */
function start(text: string, from: number): number {
  let at = from
  while (at < text.length && ' \t\r\n'.includes(text[at] ?? '')) at++
  return at
}
