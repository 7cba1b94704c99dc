import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isJsonObject, type Json } from '../model/index.ts'
import { configShape } from './schema.ts'

/** Every key of every mapping of fixed keys, with what is said of it. */
function keysOf(schema: Json | undefined, path: string): readonly (readonly [key: string, said: string])[] {
  if (Array.isArray(schema)) return schema.flatMap((each) => keysOf(each, path))
  if (!isJsonObject(schema)) return []
  const own = isJsonObject(schema.properties) ? Object.entries(schema.properties) : []
  return [
    ...own.flatMap(([key, value]) => [
      [`${path}${key}`, isJsonObject(value) ? String(value.description ?? '') : ''] as const,
      ...keysOf(value, `${path}${key}.`),
    ]),
    ...[schema.additionalProperties, schema.items, schema.anyOf].flatMap((each) => keysOf(each, path)),
  ]
}

describe('the published schema', () => {
  it('tells what every key means, where an editor shows it', () => {
    const keys = keysOf(configShape.schema, '')
    assert.ok(keys.length > 60)
    assert.deepEqual(
      keys.filter(([, said]) => said.length < 8).map(([key]) => key),
      [],
    )
    const meaning = new Map(keys)
    assert.match(
      meaning.get('upstreams.tools.returns') ?? '',
      /^who can write what it answers.*absent: untrusted.*\(labels/,
    )
    assert.match(meaning.get('agents.cell.labels') ?? '', /\[\] if nobody outside can write them/)
    assert.match(meaning.get('environments.hardened') ?? '', /the owner does not approve holds/)
  })
})
