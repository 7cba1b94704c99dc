import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JsonObject } from '../../model/index.ts'
import { readOpenApi } from './document.ts'

const PET = { type: 'object', properties: { id: { type: 'integer' }, name: { type: 'string' } }, required: ['name'] }

function document(parts: JsonObject, version = '3.1.0'): JsonObject {
  return { openapi: version, info: { title: 't', version: '1' }, ...parts }
}

function operation(path: string, method: string, said: JsonObject, parts: JsonObject = {}, version?: string) {
  const read = readOpenApi(document({ paths: { [path]: { [method]: said } }, ...parts }, version))
  const [first] = read.operations.values()
  return { read, first, problem: [...read.problems.values()][0] }
}

describe('an OpenAPI document', () => {
  it('gives each operation its arguments: path, query, headers and body, each by its schema', () => {
    const { first } = operation(
      '/pets/{id}',
      'post',
      {
        summary: 'Changes a pet',
        parameters: [
          { name: 'id', in: 'path', required: true, schema: { type: 'integer' } },
          { name: 'tag', in: 'query', schema: { type: 'array', items: { type: 'string' } } },
          { name: 'dry', in: 'query', required: true, schema: { type: 'boolean' } },
          { name: 'X-Trace', in: 'header', schema: { type: 'string', maxLength: 8 } },
          { name: 'session', in: 'cookie', schema: { type: 'string' } },
        ],
        requestBody: {
          required: true,
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Pet' } } },
        },
        responses: { 200: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Pet' } } } } },
      },
      { components: { schemas: { Pet: PET } } },
    )
    assert.equal(first?.name, 'POST /pets/{id}')
    assert.equal(first?.summary, 'Changes a pet')
    assert.deepEqual(first?.input, {
      type: 'object',
      properties: {
        id: { minLength: 1, type: 'string', pattern: '^-?[0-9]{1,19}$' },
        query: {
          type: 'object',
          properties: { tag: { type: 'array', items: { type: 'string' } }, dry: { enum: ['true', 'false'] } },
          required: ['dry'],
          additionalProperties: false,
        },
        headers: {
          type: 'object',
          properties: { 'x-trace': { type: 'string', maxLength: 8 } },
          additionalProperties: false,
        },
        body: { $ref: '#/$defs/components.schemas.Pet' },
      },
      required: ['id', 'query', 'body'],
      additionalProperties: false,
      $defs: { 'components.schemas.Pet': PET },
    })
    assert.deepEqual(first?.answer, {
      anyOf: [{ $ref: '#/$defs/components.schemas.Pet' }],
      $defs: { 'components.schemas.Pet': PET },
    })
  })

  it('stands under the path of its server', () => {
    const servers = [
      { url: 'https://other.example/v9' },
      { url: 'https://api.example/{stage}/v1/', variables: { stage: { default: 'live' } } },
    ]
    const read = readOpenApi(document({ servers, paths: { '/pets': { get: {} } } }), 'https://api.example')
    assert.deepEqual([...read.operations.keys()], ['GET /live/v1/pets'])
  })

  it('of version 3.0 is read in its own dialect', () => {
    const schema = {
      type: 'integer',
      minimum: 1,
      exclusiveMinimum: true,
      nullable: true,
      example: 3,
      discriminator: {},
    }
    const { first } = operation(
      '/x',
      'put',
      { requestBody: { content: { 'application/json': { schema } } } },
      {},
      '3.0.3',
    )
    const { body } = Object(first?.input.properties)
    assert.deepEqual(body, {
      anyOf: [{ type: 'null' }, { type: 'integer', exclusiveMinimum: 1 }],
    })
  })

  it('may have schemas that refer to themselves', () => {
    const Node = { type: 'object', properties: { next: { $ref: '#/components/schemas/Node' } } }
    const { first } = operation(
      '/x',
      'put',
      { requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Node' } } } } },
      { components: { schemas: { Node } } },
    )
    assert.deepEqual(first?.input.$defs, {
      'components.schemas.Node': { type: 'object', properties: { next: { $ref: '#/$defs/components.schemas.Node' } } },
    })
  })

  it('S11: keeps every schema apart that it refers to, whatever the letters of its name', () => {
    const open = { type: 'object' }
    const closed = {
      type: 'object',
      properties: { amount: { type: 'number', maximum: 50 } },
      additionalProperties: false,
    }
    for (const [one, other] of [
      ['备注', '退款'],
      ['Page«A»', 'Page<A>'],
      ['a~1b', 'a.b'],
      ['A«', 'A.'],
    ] as const) {
      const [note, refund] = [`#/components/schemas/${one}`, `#/components/schemas/${other}`]
      const { first } = operation(
        '/refunds',
        'post',
        {
          parameters: [{ name: 'X-Note', in: 'header', schema: { $ref: note } }],
          requestBody: {
            content: {
              'application/json': {
                schema: { type: 'object', properties: { a: { $ref: note }, b: { $ref: refund }, c: { $ref: note } } },
              },
            },
          },
        },
        { components: { schemas: { [one.replace('~1', '/')]: open, [other]: closed } } },
      )
      const { body } = Object(first?.input.properties)
      const schemas = Object.entries(Object(first?.input.$defs))
      const meant = (name: string) => schemas.find(([each]) => `#/$defs/${each}` === body.properties[name].$ref)?.[1]
      assert.deepEqual([meant('a'), meant('b'), meant('c')], [open, closed, open], other)
      assert.equal(schemas.length, 2)
    }
  })

  it('names the definitions of an operation as before, where each has a name of its own', () => {
    const schemas = { 备注: {}, 'a.b': {}, 'Page<A>': {} }
    const items = Object.keys(schemas).map((each) => ({ $ref: `#/components/schemas/${each}` }))
    const { first } = operation(
      '/x',
      'put',
      { requestBody: { content: { 'application/json': { schema: { anyOf: items } } } } },
      { components: { schemas } },
    )
    assert.deepEqual(Object.keys(Object(first?.input.$defs)), [
      'components.schemas...',
      'components.schemas.a.b',
      'components.schemas.Page.A.',
    ])
  })

  it('S11: has no operation with two parameters of one name that say different things', () => {
    const given = (...said: readonly JsonObject[]) =>
      operation('/a', 'get', { parameters: said.map((each) => ({ in: 'header', ...each })) })
    const short = { name: 'X-Note', schema: { type: 'string', maxLength: 8 } }
    const { read, problem } = given(short, { name: 'x-note' })
    assert.deepEqual([read.operations.size, problem?.place], [0, '#/paths/~1a/get/parameters/1'])
    assert.match(problem?.problem ?? '', /x-note in header stands there twice/)
    assert.equal(given(short, short).read.operations.size, 1)
  })

  it('S11: lets a body leave unread only where one of its kinds is none that is read, and beside the schema of that', () => {
    const json = { schema: PET }
    const input = (content: JsonObject, required: boolean) =>
      operation('/x', 'put', { requestBody: { required, content } }).first?.input
    const stream = {
      type: 'object',
      properties: { type: { type: 'string' }, length: { type: 'integer' } },
      required: ['type'],
      additionalProperties: false,
    }
    const common = { type: 'object', additionalProperties: false }
    assert.deepEqual(input({ 'application/json': json, 'application/merge-patch+json': json }, true), {
      ...common,
      properties: { body: PET },
      required: ['body'],
    })
    assert.deepEqual(input({ 'application/json': json, 'image/png': {} }, false), {
      ...common,
      properties: { body: PET, stream },
    })
    assert.deepEqual(input({ 'application/json': json, 'image/png': {} }, true), {
      ...common,
      properties: { body: PET, stream },
      if: { required: ['stream'] },
      else: { required: ['body'] },
    })
    assert.deepEqual(input({ 'image/png': {} }, true), {
      ...common,
      properties: { body: {}, stream },
      if: { required: ['stream'] },
      else: { required: ['body'] },
    })
  })

  it('has its answers judged only where each that is no error is JSON', () => {
    const json = { content: { 'application/json': { schema: PET } } }
    const answers = (responses: JsonObject) => operation('/x', 'get', { responses }).first?.answer
    assert.deepEqual(answers({ 200: json, 204: {}, 404: { content: { 'text/html': {} } } }), { anyOf: [PET] })
    assert.equal(answers({ 200: json, 206: { content: { 'application/octet-stream': {} } } }), undefined)
    assert.equal(answers({ 204: {} }), undefined)
  })

  const unfit: readonly (readonly [what: string, path: string, said: JsonObject, place: string, problem: RegExp])[] = [
    ['a segment that is a name in part', '/a/{b}.json', {}, '#/paths/~1a~1{b}.json', /only in part/],
    ['a name that this gate uses', '/a/{body}', {}, '#/paths/~1a~1{body}', /uses itself/],
    ['the name of a body that nobody reads', '/a/{stream}', {}, '#/paths/~1a~1{stream}', /uses itself/],
    [
      'a reference out of it',
      '/a',
      { parameters: [{ $ref: 'other.yaml#/x' }] },
      '#/paths/~1a/get/parameters/0',
      /not in this document/,
    ],
    [
      'a reference to nothing',
      '/a',
      { parameters: [{ $ref: '#/nowhere' }] },
      '#/paths/~1a/get/parameters/0',
      /no such place/,
    ],
    ['a parameter of another path', '/a', { parameters: [{ name: 'b', in: 'path' }] }, '#/paths/~1a/get', /no \{b\}/],
    [
      'a style that puts other characters into a path',
      '/a/{b}',
      { parameters: [{ name: 'b', in: 'path', style: 'matrix' }] },
      '#/paths/~1a~1{b}/get/parameters/0/style',
      /style matrix/,
    ],
    [
      'a schema that is found elsewhere',
      '/a',
      { requestBody: { content: { 'application/json': { schema: { $dynamicRef: '#x' } } } } },
      '#/paths/~1a/get/requestBody/content/application~1json/schema/$dynamicRef',
      /not followed/,
    ],
  ]
  for (const [what, path, said, place, problem] of unfit)
    it(`has no operation of ${what}, and says where it stands`, () => {
      const { read, problem: told } = operation(path, 'get', said)
      assert.equal(read.operations.size, 0)
      assert.equal(told?.place, place)
      assert.match(told?.problem ?? '', problem)
    })

  it('tells each path that cannot be read, with its place, and has the others', () => {
    const ok = { responses: {} }
    const read = readOpenApi(
      document({
        paths: {
          '/lost': { $ref: '#/components/pathItems/none' },
          '/elsewhere': { $ref: 'other.yaml#/x' },
          '/odd': 'nothing',
          '/both': { $ref: '#/components/pathItems/Pet', get: ok },
          '/pets': { $ref: '#/components/pathItems/Pet', post: ok },
          '/fine': { get: ok },
        },
        components: { pathItems: { Pet: { get: ok } } },
      }),
    )
    assert.deepEqual([...read.operations.keys()], ['GET /pets', 'POST /pets', 'GET /fine'])
    assert.deepEqual(
      [...read.problems].map(([name, { place }]) => [name, place]),
      [
        ['/lost', '#/paths/~1lost'],
        ['/elsewhere', '#/paths/~1elsewhere'],
        ['/odd', '#/paths/~1odd'],
        ['/both', '#/paths/~1both/get'],
      ],
    )
  })

  it('is refused as a whole where it is another kind of document', () => {
    for (const other of [{ swagger: '2.0' }, { openapi: '4.0.0' }, [], null, { openapi: '3.1.0', paths: 7 }])
      assert.ok(readOpenApi(other).problems.get('') !== undefined, JSON.stringify(other))
  })
})
