import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { grantedName, isConnection, OPERATIONS, type Operation, operationIn } from './operation.ts'

const ALL = Object.keys(OPERATIONS) as Operation[] // the keys of a constant

describe('names of operations', () => {
  it('V3: no two operations share a name, whatever a tool is called', () => {
    const bare = [
      'x',
      'a.example:443',
      ...ALL.map((operation) => `${operation}:x`),
      'tool:tool:x',
      'GET /x',
      'GET x',
      'tool:GET /x',
    ]
    const names = ALL.flatMap((operation) => bare.map((tool) => grantedName(operation, tool)))
    assert.equal(new Set(names).size, names.length)
  })

  it('OP1: a name tells its operation and its own name again', () => {
    for (const operation of ALL)
      for (const tool of [
        'x',
        'a.example:443',
        'resource:x',
        'tls.connect:x',
        'GET /x',
        'request:GET /x',
        'a\nb'.replace('\n', ' '),
      ])
        assert.deepEqual(operationIn(grantedName(operation, tool)), { operation, tool })
  })

  it('a tool is called by its own name, a request by its pattern, a connection by where it goes', () => {
    assert.equal(grantedName('tool', 'files.read'), 'files.read')
    assert.equal(grantedName('tool', 'tls.connect:x'), 'tool:tls.connect:x')
    assert.equal(grantedName('tls.connect', 'api.example:443'), 'tls.connect:api.example:443')
    assert.equal(grantedName('request', 'GET /repos/{owner}?page'), 'GET /repos/{owner}?page')
    assert.equal(grantedName('tool', 'GET /x'), 'tool:GET /x')
    assert.deepEqual(ALL.filter(isConnection), ['tls.connect', 'http.connect'])
  })
})
