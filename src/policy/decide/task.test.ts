import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { personName } from '../../model/index.ts'
import { asksFor, TaskText, taskText } from './task.ts'

const TASK =
  "Please pay Maria Silva (DE12 3456) and invite dora@shop.example to the 'general' channel; details: https://a.example/x?y=1. Add 'Q1' to \"June 13\", and ask Bob’s team. File 7, #42!"

const names = (text: string, value: string) => new TaskText(text).names(value)

describe('S15: what a task names', () => {
  it('S15: whole values between spaces, quotes and the punctuation of sentences', () => {
    for (const value of [
      'Maria Silva',
      'DE12 3456',
      'dora@shop.example',
      'general',
      'https://a.example/x?y=1',
      'Q1',
      'June 13',
      'Bob',
      'team',
      '#42',
    ]) {
      assert.equal(names(TASK, value), true, value)
    }
  })

  it('S15: never a part of a name, another spelling, or nothing', () => {
    for (const value of [
      '',
      ' ',
      'Maria Silv',
      'aria Silva',
      'dora',
      'shop.example',
      'a.example',
      'https://a.example/x',
      'General',
      'GENERAL',
      ' general',
      'general ',
      'Bob’',
    ]) {
      assert.equal(names(TASK, value), false, value)
    }
  })

  it('S15: text of one or two characters counts only in quotes', () => {
    assert.equal(names(TASK, '7'), false)
    assert.equal(names(TASK, '13'), false)
    assert.equal(names(TASK, 'Q1'), true)
    assert.equal(names('delete file "7"', '7'), true)
    assert.equal(names('delete file "7', '7'), false)
    assert.equal(names('delete file 7"', '7'), false)
    assert.equal(names('delete file 7b or "7"', '7'), true)
    assert.equal(names('the abc', 'abc'), true)
    assert.equal(names('the\nabc\n', 'abc\n'), false)
  })

  it('S15: a value that ends like a sentence is found with and without its own mark', () => {
    assert.equal(names('go to www.a.example.', 'www.a.example'), true)
    assert.equal(names('go to www.a.example/.', 'www.a.example'), false)
    assert.equal(names('go to www.a.example.evil', 'www.a.example'), false)
    assert.equal(names('go to www.a.example...', 'www.a.example'), true)
    assert.equal(names('go to www.a.example...evil', 'www.a.example'), false)
    assert.equal(names('the evil-www.a.example', 'www.a.example'), false)
    assert.equal(names('mail x@www.a.example', 'www.a.example'), false)
  })

  it('S15: a value that begins or ends with a mark, or has one inside, wherever else it begins in the text', () => {
    assert.equal(names('order (7) of (7)b', '(7)'), true)
    assert.equal(names('order (7)b', '(7)'), false)
    assert.equal(names('a.b.c or a.b.d, a.b.e', 'a.b.e'), true)
    assert.equal(names('a.b.c or a.b.d', 'a.b'), false)
    assert.equal(names('((both))', '(both)'), true)
  })

  it('S15: is what looking at every place of the text finds', () => {
    const piece = fc.constantFrom(...' \n"\'`“‘«([{<,;”’»)]}>.:!?ab€s', '’s', 'ab', 'abc', 'a.b', '...', '😀')
    const text = fc.array(piece, { maxLength: 24 }).map((pieces) => pieces.join(''))
    const cut = fc.tuple(text, fc.nat(24), fc.integer({ min: 1, max: 6 }))
    const pair = fc.oneof(
      fc.tuple(text, text),
      cut.map(([whole, from, length]) => [whole, whole.slice(from, from + length)] as const),
    )
    fc.assert(
      fc.property(pair, ([whole, value]) => assert.equal(names(whole, value), namedSomewhere(whole, value))),
      { numRuns: 20_000 },
    )
  })

  it('S15: a task is read once, and only it: another one with other words is another text', () => {
    const task = { text: 'pay RENT-1', givenBy: personName('m') }
    assert.equal(taskText(task), taskText(task))
    assert.equal(taskText({ ...task, text: 'pay RENT-2' }).names('RENT-1'), false)
    assert.equal(taskText(task).names('RENT-1'), true)
  })
})

describe('S15: what a task asks for', () => {
  it('S15: a tool of which every word stands in it, or that was accepted for it', () => {
    const task = { text: 'Find and delete the largest file in the drive, then reply.', givenBy: personName('m') }
    for (const [id, asked] of [
      ['drive/delete_file', true],
      ['drive/deleteFile', true],
      ['drive/file.delete', true],
      ['drive/delete_email', false],
      ['drive/deletefile', false],
      ['drive/_', false],
      ['mail/reply', true],
    ] as const) {
      assert.equal(asksFor(task, id), asked, id)
    }
    const narrowed = { ...task, tools: new Set(['mail/send']) }
    assert.equal(asksFor(narrowed, 'mail/send'), true)
    assert.equal(asksFor(narrowed, 'drive/delete_file'), false)
  })
})

/** The rule read aloud: at some place the value stands, in quotes or between a beginning and an end. */
function namedSomewhere(text: string, value: string): boolean {
  if (value === '' || /^\s|\s$/.test(value)) return false
  return Array.from({ length: text.length }, (_, at) => at)
    .filter((at) => text.slice(at).startsWith(value))
    .some((at) => {
      const [before, after] = [[...text.slice(0, at)].at(-1) ?? '', text.slice(at + value.length)]
      const quoted = before !== '' && '"\'`“‘«'.includes(before) && /^["'`”’»]/.test(after)
      const begins = before === '' || /^[\s"'`“‘«([{<,;]$/.test(before)
      const ends = /^(?:$|[\s"'`”’»)\]}>,;]|['’]s(?![\p{L}\p{N}])|[.:!?]+(?:$|[\s"'`”’»)\]}>]))/u.test(after)
      return quoted || (value.length >= 3 && begins && ends)
    })
}
