import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { after, before, describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { type Ledger, openLedger, originOf } from '../../src/ledger/log/ledger.ts'
import { readEntries } from '../../src/ledger/log/read.ts'
import { CELL, fill, intent } from './ledger-fixture.ts'

const WRITER = resolve(import.meta.dirname, 'ledger-writer.ts')
let place: string

before(() => {
  place = mkdtempSync(join(tmpdir(), 'firebreak-crash-'))
})

after(() => rmSync(place, { recursive: true, force: true }))

describe('the ledger on a real disk', () => {
  it('S4: a writer that is killed loses nothing that it was told was safe', async () => {
    const directory = join(place, 'killed')
    for (let round = 0; round < 5; round++) {
      const child = spawn(process.execPath, [WRITER, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
      let said = ''
      child.stdout.setEncoding('utf8').on('data', (text) => {
        said += text
      })
      const closed = new Promise((done) => child.once('close', done))
      for (let i = 0; i < 2_000 && !said.includes('\n'); i++) await setTimeout(5)
      await setTimeout(20 + 40 * round)
      child.kill('SIGKILL')
      await closed
      const safe = Number(said.split('\n').at(-2))
      assert.ok(safe > 0, said)
      const ledger = await opened(directory)
      assert.ok(ledger.head().size >= safe, `${safe} were safe, ${ledger.head().size} are there`)
      await ledger.close()
    }
    assert.ok((await entriesIn(directory)) > 0)
  })

  it('S4: on a full disk nothing more is acknowledged, and all that was is there', async (t) => {
    if (process.getuid?.() !== 0) return t.skip('mounting a small tmpfs needs root')
    const directory = join(place, 'full')
    mkdirSync(directory)
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=10m', 'tmpfs', directory])
    if (mounted.status !== 0) return t.skip(`no tmpfs here: ${mounted.stderr}`)
    try {
      const log = join(directory, 'test')
      const ledger = await opened(log)
      let safe = 0
      while (!ledger.fault) {
        const appended = Array.from({ length: 200 }, (_, i) => ledger.append(intent(i, undefined, 'x'.repeat(2_000))))
        for (const one of appended) if (one.ok && (await ledger.durable(one.value.seq)).ok) safe = one.value.seq + 1
      }
      assert.deepEqual([ledger.fault.kind, 'code' in ledger.fault && ledger.fault.code], ['disk', 'ENOSPC'])
      assert.equal(ledger.append(intent(1)).ok, false)
      assert.equal(ledger.payloads.put(CELL, Buffer.from('x')).ok, false)
      assert.equal(ledger.effectsAllowed(Date.now()), false)
      await ledger.close()
      assert.ok(safe > 1_000)
      const again = await opened(log)
      assert.ok(again.head().size >= safe)
      await again.close()
      const second = await openLedger({
        directory: join(directory, 'other'),
        origin: originOf('other'),
        clock: { nowMs: Date.now },
      })
      assert.equal(!second.ok && second.reason.kind, 'disk', 'a ledger that has no room is not opened')
    } finally {
      spawnSync('umount', ['-l', directory])
    }
  })

  it('S4: after one failed write of a segment it never tries again, though the kernel would say yes', async (t) => {
    const shim = join(place, 'shim.so')
    writeFileSync(`${shim}.c`, SHIM)
    const built = spawnSync('gcc', ['-shared', '-fPIC', '-O1', '-o', shim, `${shim}.c`, '-ldl'])
    if (built.error || built.status !== 0) return t.skip('no C compiler here')
    for (const nth of [5, 12, 40]) {
      const directory = join(place, `eio-${nth}`)
      const before = await opened(directory)
      await fill(before, 3)
      await before.close()
      // A path with a space would be read as two.
      const env = { ...process.env, LD_PRELOAD: './shim.so', FAIL_AT: String(nth) }
      const options = { env, cwd: place, encoding: 'utf8', timeout: 120_000 } as const
      const child = spawnSync(process.execPath, [WRITER, directory], options)
      const lines = child.stdout.trim().split('\n')
      assert.match(lines.at(-1) ?? '', /^failed .*EIO.* again false$/, child.stderr)
      const safe = Number(lines.at(-2))
      assert.ok(safe > 3)
      const ledger = await opened(directory)
      assert.ok(ledger.head().size >= safe)
      await ledger.close()
    }
  })
})

/** Fails one write to a segment with EIO; those before and after it succeed. */
const SHIM = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
static int fails(int fd) {
  static int seen = 0;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n < 0) return 0;
  path[n] = 0;
  if (!strstr(path, ".segment")) return 0;
  const char *at = getenv("FAIL_AT");
  return at && __sync_add_and_fetch(&seen, 1) == atoi(at);
}
#define SHIM(name, off) ssize_t name(int fd, const void *b, size_t c, off at) { \\
  static ssize_t (*real)(int, const void *, size_t, off); \\
  if (!real) real = dlsym(RTLD_NEXT, #name); \\
  if (fails(fd)) { errno = EIO; return -1; } \\
  return real(fd, b, c, at); }
SHIM(pwrite, off_t)
SHIM(pwrite64, off64_t)
`

async function opened(directory: string): Promise<Ledger> {
  const ledger = await openLedger({ directory, origin: originOf('test'), clock: { nowMs: Date.now } })
  if (!ledger.ok) assert.fail(JSON.stringify(ledger.reason))
  return ledger.value
}

async function entriesIn(directory: string): Promise<number> {
  let entries = 0
  for await (const read of readEntries(directory)) {
    assert.ok(read.ok)
    entries++
  }
  return entries
}
