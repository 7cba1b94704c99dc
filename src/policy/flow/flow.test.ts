import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readingOf } from '../../gateway/protocols/mcp/contract/reading.ts'
import {
  type ActionId,
  type Effect,
  type Json,
  type JsonObject,
  type JsonPath,
  jsonPath,
  type Label,
  toolName,
} from '../../model/index.ts'
import { WrittenNumber } from '../../model/text/number.ts'
import type { CatalogueTool } from '../../model/tool.ts'
import { explain } from '../explain/explain.ts'
import { Exposure } from './exposure.ts'
import { FieldTree } from './field-tree.ts'
import { compileFlow, flowHolds, issuedBy } from './flow.ts'
import { withWhereSeen } from './where-seen.ts'

const path = (text: string): JsonPath => jsonPath(text) ?? assert.fail(text)
const labels = (...texts: readonly string[]) => texts as unknown as readonly Label[]
const where = { action: 'a_00000000000000000000' as ActionId, tool: 'shop/rows' }

interface Plan {
  readonly effect?: Effect
  readonly accepts?: readonly string[]
  readonly destinations?: Readonly<Record<string, readonly (string | null)[]>>
  readonly content?: readonly string[]
  readonly anyLinks?: boolean
  readonly amount?: string
  readonly schema?: JsonObject
  readonly returns?: readonly string[]
  readonly ids?: readonly string[]
}

function tool({
  effect = 'write',
  accepts,
  destinations = {},
  content,
  anyLinks,
  amount,
  schema,
  returns,
  ids,
}: Plan): CatalogueTool {
  const name = toolName('act')
  return {
    declared: {
      name,
      effect,
      ...(accepts && { accepts: labels(...accepts) }),
      destinations: Object.entries(destinations).map(([place, values]) => ({ path: path(place), values })),
      ...(content && { content: content.map(path) }),
      ...(anyLinks !== undefined && { anyLinks }),
      ...(amount !== undefined && { amount }),
      ...(returns && { returns: [{ path: [], labels: labels(...returns) }] }),
      ...(ids && { ids: ids.map(path) }),
    },
    ...(schema && { pinned: { name, digest: 'x' as never, definition: {}, input: schema } }),
  }
}

/** What a cell that has seen this is held for: kinds and places. */
function holds(plan: Plan, args: JsonObject, seen: { known?: readonly string[]; labels?: readonly string[] } = {}) {
  const exposure = new Exposure(
    new Map(labels(...(seen.labels ?? [])).map((label) => [label, { tool: 'x', path: '$', labels: [label] }])),
  )
  exposure.recordAnswer({ returns: new FieldTree([[[], []]]) }, readingOf([...(seen.known ?? [])]), where)
  return flowHolds(args, compileFlow(tool(plan), new Set()), exposure).map((reason) =>
    reason.kind === 'label' ? `label ${reason.label}` : `${reason.kind} ${reason.path}`,
  )
}

describe('S15: where an effect’s arguments lead', () => {
  it('S15: text that nobody declared is a destination; numbers and truths are not', () => {
    const names = ['to', 'n', 'yes', 'none', 'empty']
    const schema = { type: 'object', properties: Object.fromEntries(names.map((name) => [name, {}])) }
    assert.deepEqual(holds({ schema }, { to: 'x', n: 5, yes: true, none: null, empty: '' }), ['destination $.to'])
    const row = { type: 'object', properties: { to: { type: 'string' } } }
    const rows = { type: 'object', properties: { rows: { type: 'array', items: row } } }
    const two = { rows: [{ to: 'x' }, { to: 'y' }] }
    assert.deepEqual(holds({ schema: rows }, two, { known: ['y'] }), ['destination $.rows[0].to'])
    assert.deepEqual(holds({ effect: 'read' }, { to: 'x' }), [])
  })

  it('S15: a declared destination is one in a read as well, and a number is one there', () => {
    const plan = { effect: 'read', destinations: { '$.to': [], '$.ids[*]': [] } } as const
    assert.deepEqual(holds(plan, { to: 'x', ids: [1, 2], other: 'z' }, { known: ['2'] }), [
      'destination $.to',
      'destination $.ids[0]',
    ])
  })

  it('S15: what names nothing where a destination is declared waits: empty, null, a truth, of no shape, left out', () => {
    const any = { to: {}, other: {} }
    const schema = { type: 'object', properties: any }
    const plan = (destinations: NonNullable<Plan['destinations']>) => ({ schema, destinations })
    const known = { known: ['x'] }
    for (const to of ['', ' ', null, true, false, [], {}, [null], ['x', ''], [[]], ['x', []], { name: null }]) {
      assert.ok(holds(plan({ '$.to': [] }), { to }, known).length > 0, JSON.stringify(to))
      assert.ok(holds({ ...plan({ '$.to': [] }), effect: 'read' }, { to }, known).length > 0, JSON.stringify(to))
    }
    assert.deepEqual(holds(plan({ '$.to': [] }), {}, known), ['destination $.to'])
    assert.deepEqual(holds(plan({ '$.to': [], '$.other': [] }), { to: 'x' }, known), ['destination $.other'])
    for (const args of [{}, { to: null }, { to: [] }, { to: {} }, { to: 'x' }, { to: 5 }]) {
      const held = holds({ ...plan({ '$.to[*]': [] }), effect: 'read' }, args, known)
      assert.deepEqual(held, args.to === 'x' ? [] : ['destination $.to[*]'], JSON.stringify(args))
    }
    for (const args of [{}, { to: null }, { to: { id: null } }, { to: [{ id: 'x' }] }, { to: {} }, { to: true }]) {
      const held = holds({ ...plan({ '$.to.id': [] }), effect: 'read' }, args, known)
      assert.deepEqual(held, ['destination $.to.id'], JSON.stringify(args))
    }
    const rows = plan({ '$.to[*].id': [] })
    assert.deepEqual(holds({ ...rows, effect: 'read' }, { to: [{ id: 'x' }, {}] }, known), ['destination $.to[1].id'])
    assert.deepEqual(holds({ ...rows, effect: 'read' }, { to: [] }, known), ['destination $.to[*].id'])
  })

  it('S15: nothing passes where the configuration lists null; an empty text and a truth where it lists these', () => {
    const schema = { type: 'object', properties: { to: {} } }
    const passes = (listed: readonly (string | null)[], args: JsonObject) =>
      holds({ schema, destinations: { '$.to': listed } }, args).length === 0
    for (const args of [{}, { to: null }, { to: [] }, { to: {} }]) assert.ok(passes([null], args), JSON.stringify(args))
    for (const to of ['', true, false, 'null', 0]) assert.ok(!passes([null], { to }), JSON.stringify(to))
    assert.deepEqual([passes([''], { to: '' }), passes([''], {}), passes([''], { to: null })], [true, false, false])
    assert.deepEqual([passes(['true'], { to: true }), passes(['true'], { to: false })], [true, false])
    // A trusted field that says "true" names no truth.
    assert.equal(holds({ schema, destinations: { '$.to': [] } }, { to: true }, { known: ['true', ''] }).length, 1)
    const inside = { schema, destinations: { '$.to[*]': [null] }, effect: 'read' } as const
    assert.deepEqual(holds(inside, { to: 'elsewhere' }), ['destination $.to[*]'])
  })

  it('S16: what an undo’s template leaves out, the configuration has left out', () => {
    class Named extends Exposure {
      readonly mayNameNothing = true
    }
    const flow = compileFlow(tool({ destinations: { '$.to': [] } }), new Set())
    assert.deepEqual(
      [{}, { to: null }].flatMap((args) => flowHolds(args, flow, new Named())),
      [],
    )
    assert.equal(flowHolds({ to: 'x' }, flow, new Named()).length, 1)
    assert.equal(flowHolds({ to: true }, flow, new Named()).length, 1)
  })

  it('S15: a number that no double holds is an id as any other, and not nothing', () => {
    const id = new WrittenNumber('12345678901234567890')
    const plan = { effect: 'read', destinations: { '$.id': [], '$.ids[*]': [] } } as const
    const args = { id, ids: [id] }
    assert.deepEqual(holds(plan, args), ['destination $.id', 'destination $.ids[0]'])
    assert.deepEqual(holds(plan, args, { known: ['12345678901234567890'] }), [])
  })

  it('S15: what the accepted definition says of an argument that is left out is judged as if it were sent', () => {
    const schema = (usual: Json) => ({ type: 'object', properties: { to: { type: 'string', default: usual } } })
    const left = (usual: Json, listed: readonly (string | null)[], known: readonly string[] = []) =>
      holds({ schema: schema(usual), destinations: { '$.to': listed } }, {}, { known }).length === 0
    assert.equal(left('everyone', []), false)
    assert.equal(left('everyone', [null]), false)
    assert.equal(left('everyone', ['everyone']), true)
    assert.equal(left('everyone', [], ['everyone']), true)
    assert.equal(left(null, []), false)
    assert.equal(left(null, [null]), true)
    assert.equal(left(true, ['true']), true)
    assert.equal(left(['a'], [null]), false)
  })

  it('S15: a default of whatever a destination lies in is judged as its own: of any level, branch and reference', () => {
    const text: Json = { type: 'string' }
    const to: Json = { properties: { to: text } }
    const evil: Json = { properties: { to: { type: 'string', default: 'evil' } } }
    const around: Json = { ...to, default: { to: 'evil' } }
    const $defs: JsonObject = { a: around, b: { $ref: '#/$defs/a' }, c: evil, d: { $anchor: 'D', ...around } }
    const within: readonly (readonly [string, JsonObject])[] = [
      ['the whole', { properties: { opts: to }, default: { opts: { to: 'evil' } } }],
      ['around it', { properties: { opts: around } }],
      ['beside a reference', { properties: { opts: { $ref: '#/$defs/plain', default: { to: 'evil' } } } }],
      ['behind references', { properties: { opts: { $ref: '#/$defs/b' } } }],
      ['behind a reference, its own', { properties: { opts: { $ref: '#/$defs/c' } } }],
      ['behind an anchor', { properties: { opts: { $ref: '#D' } } }],
      ['behind a place', { properties: { opts: { $ref: '#/properties/x~1y' }, 'x/y': around } }],
      ['any of', { properties: { opts: { anyOf: [{ type: 'null' }, around] } } }],
      ['one of', { properties: { opts: { oneOf: [to, evil] } } }],
      ['all of', { properties: { opts: { allOf: [{ $ref: '#/$defs/a' }] } } }],
      ['else', { properties: { opts: to }, else: { properties: { opts: evil } } }],
      ['dependent', { dependentSchemas: { x: { properties: { opts: evil } } } }],
      ['a pattern', { patternProperties: { '^o': evil } }],
      ['further ones', { additionalProperties: evil }],
      ['another shape', { properties: { opts: { default: 'evil' } } }],
      ['a number', { properties: { opts: { default: { to: 5 } } } }],
      ['several', { properties: { opts: { properties: { to: { default: 'good' } }, default: { to: 'evil' } } } }],
    ]
    const left = (schema: JsonObject, listed: readonly (string | null)[], path = '$.opts.to', args: JsonObject = {}) =>
      holds({ schema: { ...schema, $defs: { ...$defs, plain: to } }, destinations: { [path]: listed } }, args)
    for (const [name, schema] of within) {
      assert.ok(left(schema, [null, 'good']).length > 0, name)
      assert.deepEqual(left(schema, [null, 'good', 'evil', '5']), [], name)
    }
    const lists: readonly JsonObject[] = [
      { properties: { to: { type: 'array', items: text, default: ['good', 'evil'] } } },
      { properties: { to: { type: 'array', items: { default: 'evil' } } } },
      { properties: { to: { type: 'array', prefixItems: [{ default: 'evil' }] } } },
      { default: { to: 'evil' }, properties: { to: { type: 'array' } } },
    ]
    for (const schema of lists) assert.ok(left(schema, [null, 'good'], '$.to[*]').length > 0, JSON.stringify(schema))
    const rows = { properties: { rows: { items: { properties: { id: { default: 'evil' } } } } } }
    assert.deepEqual(left(rows, [null], '$.rows[*].id', { rows: [{}] }), ['destination $.rows[0].id'])
  })

  it('S15: that nothing is named stays to be judged where only what lies around a destination has a default', () => {
    const around = { properties: { opts: { properties: { to: {} }, default: { to: 'ops' } } } }
    const branch = { properties: { opts: { anyOf: [{ properties: { to: { default: 'ops' } } }, {}] } } }
    for (const schema of [around, branch]) {
      const left = (listed: readonly (string | null)[]) =>
        holds({ schema, destinations: { '$.opts.to': listed } }, { opts: {} })
      assert.deepEqual([left(['ops']).length, left([null]).length, left(['ops', null]).length], [1, 1, 0])
    }
    const none = { properties: { opts: { properties: { to: {} }, default: {} } } }
    assert.deepEqual(holds({ schema: none, destinations: { '$.opts.to': [null] } }, {}), [])
  })

  it('S15: what the configuration lists always passes, whole', () => {
    const plan = { destinations: { '$.to': ['ops', 'dev'] } }
    assert.deepEqual(holds(plan, { to: 'ops' }), [])
    assert.deepEqual(holds(plan, { to: 'ops ' }), ['destination $.to'])
    assert.deepEqual(holds(plan, { to: ['ops', 'x'] }), ['destination $.to[1]'])
  })

  it('S15: content is only carried, below it too; a destination inside it stays one', () => {
    const plan = { content: ['$.mail'], destinations: { '$.mail.to': [] } }
    assert.deepEqual(holds(plan, { mail: { subject: 'x', to: 'y', parts: ['z'] } }), ['destination $.mail.to'])
    assert.deepEqual(holds({ content: ['$'] }, { any: { thing: 'x' } }), [])
  })

  it('S15: amounts are free, and so is whatever the accepted definition lists', () => {
    const schema = {
      type: 'object',
      properties: {
        unit: { enum: ['a', 'b'] },
        mode: { anyOf: [{ $ref: '#/$defs/Mode' }, { type: 'null' }] },
        kind: { const: 'k' },
        to: { type: 'string' },
        open: { anyOf: [{ enum: ['a'] }, { type: 'string' }] },
        list: { type: 'array', items: { enum: ['x', 'y'] } },
        pair: { type: 'array', prefixItems: [{ type: 'string' }], items: { enum: ['x', 'y'] } },
      },
      $defs: { Mode: { enum: ['m'] } },
    }
    const args = { amount: '5', unit: 'a', mode: 'm', kind: 'k', to: 't', open: 'o', list: ['x'], pair: ['z'] }
    assert.deepEqual(holds({ schema, amount: '$.amount' }, args), [
      'destination $.to',
      'destination $.open',
      'destination $.pair[0]',
    ])
  })

  it('S15: names of members are judged where the definition does not name them', () => {
    const schema = { type: 'object', properties: { headers: { type: 'object' }, to: { type: 'string' } } }
    assert.deepEqual(holds({ schema }, { headers: { 'evil.example': '' } }), ['destination $.headers["evil.example"]'])
    assert.deepEqual(holds({ schema, content: ['$.headers'] }, { headers: { 'evil.example': '' } }), [])
  })

  it('S15: what looks the same as what the task or the configuration names, and is another, is said to be', () => {
    const task = { text: 'Send it to ops@shop.example', givenBy: 'm@shop.example' as never }
    const flow = compileFlow(tool({ destinations: { '$.to': ['hr@shop.example'] } }), new Set())
    const like = (to: string, exposure: Exposure) =>
      explain({ reasons: flowHolds({ to }, flow, exposure).map(withWhereSeen(exposure)) as never }).join()
    const [own, below] = [
      new Exposure(new Map(), task),
      new Exposure(new Map(), undefined, new Exposure(new Map(), task)),
    ]
    for (const exposure of [own, below]) {
      assert.match(like('оps@shop.example', exposure), /BEWARE: it looks the same as what the task names/)
      assert.match(like('ops@shор.example', exposure), /BEWARE/)
      assert.doesNotMatch(like('other@shop.example', exposure), /BEWARE/)
    }
    assert.match(like('hr@shоp.example', new Exposure()), /BEWARE: it looks the same as what the configuration names/)
    assert.doesNotMatch(like('ops@shор.example', new Exposure()), /BEWARE/)
  })

  it('S15: the names that the definition gives are the schema’s at their places, whatever alternative has them', () => {
    const schema = {
      properties: {
        rows: { anyOf: [{ type: 'array', items: { $ref: '#/$defs/row' } }, { type: 'null' }] },
        open: { type: 'object', additionalProperties: true },
      },
      allOf: [{ properties: { more: {} } }],
      $defs: {
        row: { oneOf: [{ properties: { id: {} } }, { properties: { name: {}, again: { $ref: '#/$defs/row' } } }] },
      },
    }
    const chosen: string[] = []
    const args = { rows: [{ id: 1, name: 1, other: 1, again: { id: 1, rows: 1 } }], open: { id: 1, evil: 1 }, more: 1 }
    compileFlow(tool({ schema }), new Set()).names.walk(args, undefined, (text, _, __, what) => {
      if (what === 'name') chosen.push(text)
    })
    assert.deepEqual(chosen, ['other', 'rows', 'id', 'evil'])
    const wide = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`p${i}`, { $ref: '#/$defs/wide' }]))
    const all = { properties: wide, $defs: { wide: { anyOf: [{ properties: wide }, { properties: wide }] } } }
    assert.ok(compileFlow(tool({ schema: all }), new Set()).names, 'an end of looking')
  })

  it('S15: links in content are judged once untrusted data was seen, and not where any may stand', () => {
    const plan = { content: ['$.note'], accepts: ['untrusted'] }
    const args = { note: 'see www.a.example and www.b.example' }
    const seen = { labels: ['untrusted'], known: ['www.a.example'] }
    assert.deepEqual(holds(plan, args, seen), ['link $.note'])
    assert.deepEqual(holds(plan, args), [])
    assert.deepEqual(holds({ ...plan, anyLinks: true }, args, seen), [])
    assert.deepEqual(holds({ ...plan, effect: 'read' }, args, seen), [])
  })

  it('S15: says where it leads, and where that was seen, as far as anybody reads', () => {
    const exposure = new Exposure()
    exposure.recordAnswer(
      { returns: new FieldTree([]) },
      readingOf({ structuredContent: { from: 'www.a.example', long: 'y'.repeat(300) } }),
      where,
    )
    const plan = tool({ accepts: ['untrusted'], content: ['$.note'], destinations: { '$.to': [] } })
    const args = { note: 'www.a.example', to: 'y'.repeat(300) }
    const seen = (place: string) => ({ ...where, path: place, labels: ['untrusted'] })
    const told = (to: JsonObject) => flowHolds(to, compileFlow(plan, new Set()), exposure).map(withWhereSeen(exposure))
    assert.deepEqual(told(args), [
      { kind: 'link', path: '$.note', value: 'www.a.example', seen: seen('$.from') },
      {
        kind: 'destination',
        path: '$.to',
        value: 'y'.repeat(256),
        characters: 300,
        seen: { ...seen('$.long'), as: 'a part of it' },
      },
    ])
    assert.deepEqual(told({ to: 'z' }), [{ kind: 'destination', path: '$.to', value: 'z' }])
  })

  it('S15: what leads nowhere may hold links: amounts, and what the accepted definition lists', () => {
    const schema = { type: 'object', properties: { kind: { enum: ['https://a.example'] } } }
    const seen = { labels: ['untrusted'] }
    assert.deepEqual(holds({ schema, accepts: ['untrusted'] }, { kind: 'https://a.example' }, seen), [])
  })

  it('S15: reads definitions that refer to themselves, eight levels deep', () => {
    const node = {
      type: 'object',
      properties: { in: { $ref: '#/$defs/Node' }, list: { items: { $ref: '#/$defs/Node' } } },
    }
    const schema = { $ref: '#/$defs/Node', $defs: { Node: node } }
    const nested = (levels: number): JsonObject => (levels === 0 ? {} : { in: nested(levels - 1) })
    assert.deepEqual(holds({ schema }, nested(8)), [])
    assert.deepEqual(holds({ schema }, nested(9)), [`destination $${'.in'.repeat(9)}`])
  })

  it('S15: follows one reference into the same document, and no other', () => {
    const listed = { enum: ['m'] }
    const judged = (schema: JsonObject, $ref: string) =>
      holds({ schema: { ...schema, type: 'object', properties: { mode: { $ref } } } }, { mode: 'm' }).length
    assert.equal(judged({ $defs: { Mode: listed } }, '#/$defs/Mode'), 0)
    assert.equal(judged({ definitions: { Mode: listed } }, '#/definitions/Mode'), 0)
    // What is not found is no field that the definition names: its name and its value are the cell's.
    const lost: readonly (readonly [JsonObject, string])[] = [
      [{ $defs: { Mode: listed } }, '#/definitions/Mode'],
      [{ definitions: { Mode: listed } }, '#/$defs/Mode'],
      [{ definitions: [listed], $defs: 5 }, '#/$defs/Mode'],
      [{}, '#/$defs/Mode'],
      [{ $defs: { undefined: listed, a: { b: listed } } }, '#/$defs/a/b'],
      [{ $defs: { Mode: true } }, '#/$defs/Mode'],
      [{ $defs: { Mode: { ...listed, $ref: '#/$defs/Other' }, Other: listed } }, '#/$defs/Mode'],
      [{ $defs: { Mode: listed } }, 'https://a.example/#/$defs/Mode'],
    ]
    for (const [schema, ref] of lost) assert.equal(judged(schema, ref), 2, ref)
  })

  it('S15: a choice lists every value only if each of its branches does, and there are some', () => {
    const choices = {
      oneOf: { oneOf: [{ const: 1 }, { enum: ['a'] }] },
      nothing: { anyOf: [] },
      anything: { anyOf: [true, { enum: ['a'] }] },
      lost: { anyOf: [{ $ref: '#/$defs/None' }] },
      words: { anyOf: 'a' },
      text: { type: 'string' },
    } as const
    const schema = { type: 'object', properties: choices, $defs: {} } as unknown as JsonObject
    const args = Object.fromEntries(Object.keys(choices).map((name) => [name, 'a']))
    assert.deepEqual(
      holds({ schema }, args),
      ['nothing', 'anything', 'lost', 'words', 'text'].map((name) => `destination $.${name}`),
    )
  })

  it('S15: an object is named by the ids that its upstream gave it', () => {
    const { returns, ids } = compileFlow(tool({ ids: ['$.rows[*].id'] }), new Set())
    const exposure = new Exposure()
    exposure.recordAnswer(
      { returns, ...(ids && { ids }) },
      readingOf({ structuredContent: { rows: [{ id: 'o-1', text: 'o-2' }] } }),
      where,
    )
    assert.deepEqual([exposure.knows('o-1'), exposure.knows('o-2')], [true, false])
    assert.ok(!('ids' in compileFlow(tool({}), new Set())))
  })

  it('S17: tells twenty places, and holds all the same', () => {
    assert.equal(holds({}, { to: Array.from({ length: 50 }, (_, i) => `x${i}`) }).length, 20)
  })
})

describe('S15: what a cell carries', () => {
  it('S15: untrusted binds effects; data for somebody binds reads, too', () => {
    const both = { labels: ['untrusted', 'confidential:a'] }
    assert.deepEqual(holds({ effect: 'read' }, {}, both), ['label confidential:a'])
    assert.deepEqual(holds({ effect: 'write' }, {}, both), ['label untrusted', 'label confidential:a'])
    assert.deepEqual(holds({ effect: 'spend', accepts: ['untrusted'] }, {}, both), ['label confidential:a'])
    assert.deepEqual(holds({ effect: 'irreversible', accepts: ['untrusted', 'confidential:a'] }, {}, both), [])
    const [cause, label] = [{ tool: 'x', path: '$.a', labels: labels('untrusted') }, 'untrusted' as Label]
    const flow = compileFlow(tool({ accepts: ['confidential:b'] }), new Set(labels('confidential:a')))
    assert.deepEqual(flowHolds({}, flow, new Exposure(new Map([[label, cause]]))), [
      { kind: 'label', label, accepts: ['confidential:b', 'confidential:a'], cause },
    ])
  })

  it('S15: an effect that the owner asked for may follow untrusted data; data for somebody still may not leave', () => {
    const exposure = new Exposure(
      new Map(labels('untrusted', 'confidential:a').map((label) => [label, { tool: 'x', path: '$', labels: [label] }])),
    )
    const schema = { type: 'object', properties: { to: { type: 'string' } } }
    const held = flowHolds({ to: 'x' }, compileFlow(tool({ schema }), new Set()), exposure, true)
    assert.deepEqual(
      held.map((reason) => (reason.kind === 'label' ? reason.label : reason.path)),
      ['confidential:a', '$.to'],
    )
  })

  it('S15: an upstream takes the data that its own tools give, and never untrusted by itself', () => {
    const issued = issuedBy([tool({ returns: ['confidential:a', 'untrusted'] }), tool({})])
    assert.deepEqual([...issued], ['confidential:a'])
    assert.ok(compileFlow(tool({}), issued).accepts.has('confidential:a' as Label))
  })
})
