import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { personName } from '../model/index.ts'
import { asksFor, names } from './task.ts'

const TASK =
  "Please pay Maria Silva (DE12 3456) and invite dora@shop.example to the 'general' channel; details: https://a.example/x?y=1. Add 'Q1' to \"June 13\", and ask Bob’s team. File 7, #42!"

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
    assert.equal(names('the evil-www.a.example', 'www.a.example'), false)
    assert.equal(names('mail x@www.a.example', 'www.a.example'), false)
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
