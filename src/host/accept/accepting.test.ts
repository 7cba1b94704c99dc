import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { describe, it } from 'node:test'
import { writeConfig } from '../../../test/kit/config-text.ts'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { loadConfig } from '../../config/load.ts'
import { type JsonObject, personName, toolName, upstreamName } from '../../model/index.ts'
import { acceptedPath, readAllAccepted } from '../prepare/accepted.ts'
import { type Judged, judgeConfig } from '../prepare/setup.ts'
import { acceptReviewed, reviewOffers } from './accepting.ts'
import type { UpstreamOffers } from './offers.ts'

const MARIA = personName('maria.silva@shop.example')
const JOAO = personName('joao.costa@shop.example')
const BANK = upstreamName('bank')
const schema: JsonObject = { type: 'object', properties: {} }
const read: JsonObject = { name: 'read', description: 'reads', inputSchema: schema }
/** A definition that nobody can accept: it does not say what its arguments are. */
const odd: JsonObject = { name: 'odd', inputSchema: { type: 'object', $ref: 'https://elsewhere.example/schema' } }

async function judgedConfig(): Promise<Judged> {
  const file = writeConfig(temporaryDirectory(), {
    upstreams: { bank: { mcp: { url: 'http://127.0.0.1:1/' }, tools: { read: 'read', odd: 'read', leaky: 'read' } } },
  })
  const loaded = await loadConfig(file, { node: process.execPath })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  const judged = await judgeConfig(loaded.value)
  assert.ok(judged.ok, JSON.stringify(judged))
  return judged.value
}

function offersWith(tools: readonly JsonObject[]): UpstreamOffers {
  const leaking = [{ what: 'tool leaky', secret: 'token' }]
  const offer = { tools, prompts: [], revision: '2025-11-25', leaking, lost: [], notes: [] }
  const own = leaking.map((each) => ({ upstream: BANK, ...each }))
  return { offered: new Map([[BANK, offer]]), silent: [], leaking: own, unread: [], undeclared: [] }
}

const acceptedIn = ({ config }: Judged) => {
  const all = readAllAccepted(config)
  assert.ok(all.ok, JSON.stringify(all))
  return [...(all.value.get(BANK)?.values() ?? [])].map(({ name, acceptedBy }) => [name, acceptedBy])
}

describe('S11: what a person accepts', () => {
  it('is what they were shown, and nothing that cannot be judged or repeats a secret, which are kept as such', async () => {
    const judged = await judgedConfig()
    const review = reviewOffers(judged, offersWith([read, odd]), { only: new Set() })
    assert.deepEqual(
      review.acceptable.map(({ tool }) => tool),
      ['read'],
    )
    assert.deepEqual(
      review.unacceptable.map(({ tool }) => tool),
      ['leaky', 'odd'],
    )
    assert.equal(review.amiss, true)
    acceptReviewed(judged, review, MARIA)
    assert.deepEqual(acceptedIn(judged), [[toolName('read'), MARIA]])
    const { unacceptable } = JSON.parse(readFileSync(acceptedPath(judged.config.file), 'utf8'))
    assert.deepEqual(Object.keys(unacceptable.bank), ['leaky', 'odd'])
  })

  it('is nothing where nobody does', async () => {
    const judged = await judgedConfig()
    const review = reviewOffers(judged, offersWith([read]), { only: new Set() })
    acceptReviewed(judged, review, undefined)
    assert.deepEqual(acceptedIn(judged), [])
  })

  it('has no problem, also where a review says that it may be accepted', async () => {
    const judged = await judgedConfig()
    const review = reviewOffers(judged, offersWith([read, odd]), { only: new Set() })
    acceptReviewed(judged, { ...review, acceptable: review.changes }, MARIA)
    assert.deepEqual(acceptedIn(judged), [[toolName('read'), MARIA]])
  })

  it('takes nothing back that somebody else has accepted since the configuration was read', async () => {
    const judged = await judgedConfig()
    const other: JsonObject = { ...read, name: 'odd' }
    const offers = offersWith([read, other])
    acceptReviewed(judged, reviewOffers(judged, offers, { only: new Set(['odd']) }), JOAO)
    // Whoever has waited at a question, or is a console that was opened yesterday.
    acceptReviewed(judged, reviewOffers(judged, offers, { only: new Set(['read']) }), MARIA)
    acceptReviewed(judged, reviewOffers(judged, offersWith([]), { only: new Set() }), undefined)
    assert.deepEqual(acceptedIn(judged).toSorted(), [
      ['odd', JOAO],
      ['read', MARIA],
    ])
  })

  it('is nothing where what was accepted cannot be read by now, and the file stays as it is', async () => {
    const judged = await judgedConfig()
    const review = reviewOffers(judged, offersWith([read]), { only: new Set() })
    const file = acceptedPath(judged.config.file)
    writeFileSync(file, 'not JSON')
    assert.equal(acceptReviewed(judged, review, MARIA).ok, false)
    assert.equal(readFileSync(file, 'utf8'), 'not JSON')
  })

  it('is only what they ask for, and comparing writes nothing', async () => {
    const judged = await judgedConfig()
    const review = reviewOffers(judged, offersWith([read, odd]), { only: new Set(['odd']) })
    assert.deepEqual(review.acceptable, [])
    assert.equal(existsSync(acceptedPath(judged.config.file)), false)
  })
})
