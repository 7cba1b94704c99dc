import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { actsOn } from './acts.ts'

describe('what a file is to a host, whatever it is called', () => {
  let base = ''
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'firebreak-acts-'))
  })
  afterEach(() => rmSync(base, { recursive: true, force: true }))

  const made = (files: Readonly<Record<string, string>>) => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(base, dirname(path)), { recursive: true })
      if (text === '/') mkdirSync(join(base, path))
      else writeFileSync(join(base, path), text)
    }
  }
  /** The tree as its cell saw it, and as it was given where that is another one. */
  const trees = (lower = 'none') => ({ merged: base, lower: join(base, lower) })
  const acts = (path: string, mode = 0o644) => actsOn(trees(), `/${path}`, mode, 'file')

  it('a repository of git, by what its directory holds, at any depth; also one that is put together of links', () => {
    made({
      'a/notes/HEAD': 'ref: x',
      'a/notes/config': '',
      'a/notes/objects': '/',
      'a/notes/refs': '/',
      'a/letter': '',
    })
    made({ 'a/notes/hooks/pre-push': 'x', 'half/HEAD': 'ref: x', 'half/config': '', 'half/objects': '/' })
    made({ 'tree/HEAD': 'ref: x', 'tree/commondir': '../a', 'linked/HEAD': 'x', 'linked/config': '', data: '/' })
    for (const name of ['objects', 'refs']) symlinkSync('../data', join(base, 'linked', name))
    for (const path of ['a/notes/HEAD', 'a/notes/config', 'a/notes/hooks/pre-push', 'tree/HEAD', 'linked/config'])
      assert.match(acts(path) ?? '', /repository of git/, path)
    assert.match(actsOn(trees(), '/a/notes/refs', 0o755, 'directory') ?? '', /repository of git/)
    for (const path of ['a/letter', 'half/config']) assert.equal(acts(path), undefined, path)
    made({ HEAD: 'x', objects: '/', refs: '/', file: '' })
    assert.match(acts('file') ?? '', /repository of git/)
  })

  it('a repository of which the cell has removed a part for itself, and which stands whole where it lands', () => {
    made({ 'given/m/HEAD': 'ref: x', 'given/m/objects': '/', 'given/m/refs': '/', 'm/commondir': '../x' })
    const merged = join(base, 'm')
    const lands = () => actsOn(trees('given'), '/m/commondir', 0o644, 'file')
    assert.match(lands() ?? '', /repository of git/, 'without HEAD')
    made({ 'm/HEAD': 'ref: x', 'm/objects': '/', 'm/info/attributes': '' })
    assert.match(lands() ?? '', /repository of git/, 'without refs')
    rmSync(join(merged, 'commondir'))
    for (const kept of ['HEAD', 'objects', 'refs']) {
      rmSync(join(base, 'given/m'), { recursive: true })
      made({ [`given/m/${kept}`]: '' })
      const whole = actsOn(trees('given'), '/m/info/attributes', 0o644, 'file') !== undefined
      assert.equal(whole, kept === 'refs', `with ${kept} where it was given`)
    }
  })

  it('a link into a repository, or to one, of any name', () => {
    made({ 'm/HEAD': 'ref: x', 'm/objects': '/', 'm/refs': '/', plain: '' })
    const link = (leadsTo: string) => actsOn(trees(), '/link', 0o777, 'symlink', leadsTo)
    for (const to of ['/m', '/m/config', '/m/none/deeper']) assert.match(link(to) ?? '', /a link to a repository/, to)
    for (const to of ['/plain', '/none', '/']) assert.equal(link(to), undefined, to)
  })

  it('configurations of git, links of git, desktop files, units and programs', () => {
    made({
      config: '# mine\n[core]\n\tfsmonitor = "id"\n',
      hooks: '[Core] hooksPath=x\n',
      included: '[include]\n  path = ../x\n',
      alias: '[alias]\n  st = "!id"\n',
      filter: '[filter "x"]\nclean = id\n',
      ssh: '[core]\nsshCommand\t=id\n',
      link: 'gitdir: ../elsewhere\n',
      desk: '#!/usr/bin/env xdg-open\n\n[Desktop Entry]\nExec=id\n',
      unit: '[Unit]\nDescription=x\n[Service]\nExecStart=id\n',
    })
    for (const path of ['config', 'hooks', 'included', 'alias', 'filter', 'ssh']) {
      assert.match(acts(path) ?? '', /configuration of git/, path)
    }
    assert.match(acts('link') ?? '', /git follows it/)
    for (const path of ['desk', 'unit']) assert.match(acts(path) ?? '', /desktop/, path)
    made({
      script: '#!/bin/sh\n',
      binary: '\x7fELF',
      hook: 'touch x\n',
      text: 'hello [core] editor = x',
      toml: '[tool.x]\npath = "a"\n',
    })
    for (const path of ['script', 'binary', 'hook', 'text']) {
      assert.match(acts(path, 0o755) ?? '', /a program/, path)
      assert.equal(acts(path), undefined)
    }
    for (const path of ['text', 'toml']) assert.equal(acts(path), undefined, path)
    assert.equal(acts('not there'), 'it cannot be looked into')
  })

  it('configurations whose beginning says nothing: behind padding, a byte order mark, another section or line', () => {
    const command = '[core]\n\tfsmonitor = id\n'
    const padding = `#${'x'.repeat(17_000)}\n`
    const git = {
      padded: padding + command,
      blank: '\n'.repeat(200_000) + command,
      bom: `\ufeff${command}`,
      key: `a = b\n${padding}${command}`,
      word: `a\n${padding}${command}`,
      'same line': '[x][core] fsmonitor=id\n',
      continued: '[alias]\n  st = \\\n "" !id\n',
      ext: '[protocol "ext"]\n  allow = always\n',
      remote: '[remote "x"]\n  url = ext::sh -c id\n',
      shown: '[interactive]\n  diffFilter = id\n',
      pager: '[pager]\n\tlog = sh -c "id; cat"\n',
      'pager in line': '[x]\n[pager "x"] log = id\n',
      words: '[alias]\n# mine\n\n  st = rebase --exec id\n',
      packed: '[gc]\n  recentObjectsHook = id\n',
      mail: '[imap]\n  tunnel = "id"\n',
      authors: '[svn]\n  authorsProg = id\n',
      annexed: '[annex]\n  http-headers-command = id\n',
    }
    made(git)
    for (const path of Object.keys(git)) assert.match(acts(path) ?? '', /configuration of git/, path)
    const units = {
      install: '# mine\n\n[Install]\nWantedBy=default.target\n[Service]\nExecStart=id\n',
      unknown: '[X-Mine]\na=b\n[Service]\nExecStart=id\n',
      semicolon: '; mine\r\n[Unit]\r\n',
      'unit bom': '\ufeff[Service]\nExecStart=id\n',
      'unit padded': `${padding}[Unit]\n`,
    }
    made(units)
    for (const path of Object.keys(units)) assert.match(acts(path) ?? '', /systemd starts/, path)
    made({
      large: `# x\n${'#\n'.repeat(600_000)}`,
      rows: 'a,b\n1,2\n'.repeat(200_000),
      'a.md': '# T\n\nuse [Service]\n',
    })
    assert.match(acts('large') ?? '', /too large to be looked through/)
    made({ open: `[x]\n${'[core '.repeat(150_000)}`, returns: `[x]\n${'[core\r'.repeat(150_000)}` })
    made({ pagers: `[x]\n${'[pager]\n'.repeat(100_000)}`, settings: '[user]\nname = a\n[gc]\nauto = 0\n' })
    for (const path of ['rows', 'a.md', 'open', 'returns', 'pagers', 'settings'])
      assert.equal(acts(path), undefined, path)
  })
})
