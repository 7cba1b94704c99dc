import { isJsonObject, type JsonObject, LIMITS, objectWithDoubles } from '../../../../model/index.ts'
import { cutShown } from '../../../content/cut-shown.ts'
import type { LostItem } from '../rpc.ts'
import type { UpstreamConnection } from './connection.ts'

/** Pages of one list that are read at most; a server that goes on forever stops here. */
const PAGES_MAX = 100

/** The items that an upstream has of one list. */
export interface Listed {
  readonly items: readonly JsonObject[]
  /** Items that cannot be read, or are none. */
  readonly lost: readonly LostItem[]
  /** Sentences for a person on why it may have more than this. */
  readonly notes: readonly string[]
}

export function lostText({ name, why }: LostItem): string {
  return `${name === '' ? 'an item without a name' : `"${name}"`} cannot be read: ${why}`
}

/**
 * Returns every item of a list, over all of its pages. The upstream may go on without an end: its pages, their bytes
 * and items, and the time for all of them have a limit, and a cursor is followed once. What is wrong with an item costs
 * that item, and what is wrong with a page the rest of the list. Throws, with what a person should read, where it is
 * not known what it has at all.
 */
export async function listAll(
  connection: UpstreamConnection,
  method: string,
  member: string,
  signal?: AbortSignal,
): Promise<Listed> {
  const items: JsonObject[] = []
  const lost: LostItem[] = []
  const followed = new Set<string>()
  const inTime = AbortSignal.timeout(LIMITS.listMsMax)
  const until = signal === undefined ? inTime : AbortSignal.any([signal, inTime])
  const ended = (note?: string): Listed => ({ items, lost, notes: note === undefined ? [] : [`${method}: ${note}`] })
  const failed = (why: string) => new Error(`${connection.name}: ${method}: ${why}`)
  let cursor: string | undefined
  let bytes = 0
  /** The page before: some answer a cursor that they do not know with the first page, again and again. */
  let before: string | undefined
  for (let page = 0; page < PAGES_MAX; page++) {
    const sent = await connection.ask(method, cursor === undefined ? {} : { cursor }, until)
    if (inTime.aborted) {
      const slow = `it took longer than ${LIMITS.listMsMax} ms`
      if (page === 0) throw failed(slow)
      return ended(`${slow}: what came until then is taken`)
    }
    if (sent.kind === 'unreadable' || (sent.kind === 'unknown' && sent.unread))
      return ended(`${pageText(page)} is left out, and what follows it: ${sent.why}`)
    if (sent.kind !== 'answered') throw failed(sent.why)
    const { result, error } = sent.answer.said
    if (!isJsonObject(result)) {
      // Some say that they have prompts and know no list of them: their tools are as good as before.
      if (page === 0 && member === 'tools') throw failed(JSON.stringify(error))
      return ended(`${pageText(page)} is refused, and what follows it: ${cutShown(JSON.stringify(error), 200)}`)
    }
    const list = result[member]
    if (!Array.isArray(list)) return ended(`${pageText(page)} has no list "${member}"`)
    bytes += sent.bytes.length
    if (bytes > LIMITS.listBytesMax)
      return ended(`${pageText(page)} is left out, and what follows it: more than ${LIMITS.listBytesMax} bytes`)
    lost.push(...(sent.lost ?? []))
    const text = JSON.stringify(list)
    const next = result.nextCursor
    const circle = typeof next === 'string' && followed.has(next)
    const again = circle && text === before
    before = text
    for (const item of again ? [] : list) {
      if (!isJsonObject(item)) lost.push({ name: '', why: 'it is no object' })
      // Compared and shown by its numbers, and not by how they were written.
      else if (items.length < LIMITS.listItemsMax) items.push(objectWithDoubles(item))
      else return ended(`more than ${LIMITS.listItemsMax} items: those are left out`)
    }
    // Some say with an empty text, or with null, that nothing follows.
    if (typeof next !== 'string' || next === '') return ended()
    if (circle) return ended(`its pages go in a circle ("${cutShown(next, 64)}"): each is taken once`)
    followed.add(next)
    cursor = next
  }
  return ended(`more than ${PAGES_MAX} pages: those are left out`)
}

function pageText(page: number): string {
  return `page ${page + 1}`
}
