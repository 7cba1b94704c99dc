import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, createReadStream, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { newTerminal } from '../../src/cells/kernel/libc.ts'
import { saveTerminal } from '../../src/cells/linux/streams/terminal.ts'
import { CHECKOUT, NODE_FOR_ALL, UNREADABLE } from '../kit/open-checkout.ts'
import { until } from '../kit/until.ts'
import { lastReport, launched, NODE, ran, SKIP, spec, warden } from './kit.ts'

const EPERM = -1
const terminal = { kind: 'terminal', columns: 91, rows: 27 } as const

describe('the terminal', { skip: SKIP }, () => {
  it('S1: a cell has a terminal of its own, and can neither type nor paste into one', async () => {
    const cell = await launched(spec([NODE, '/opt/attacks/terminal.ts'], { stdio: terminal }))
    assert.ok(cell.stdio.kind === 'terminal')
    const output = textOf(cell.stdio.controller.take())
    cell.start()
    const inside = lastReport(await output, 'no output')
    await cell.teardown()
    assert.equal(inside['terminal of its own'], true)
    assert.equal(inside.size, '91x27')
    assert.match(String(inside['controlling terminal']), /^done/, 'job control works')
    for (const attempt of ['inject', 'inject, high bits', 'paste', 'paste, high bits', 'line discipline', 'console']) {
      assert.equal(inside[attempt], EPERM, attempt)
    }
  })

  it('control: outside a cell typing into one’s own terminal works', { skip: UNREADABLE || legacyOff() }, async () => {
    const made = newTerminal(91, 27)
    assert.ok(made.ok)
    const program = join(CHECKOUT, 'test/escape/attacks/terminal.ts')
    const child = spawn('setsid', ['--ctty', NODE_FOR_ALL, program], {
      uid: 65_534,
      gid: 65_534,
      cwd: '/',
      env: {},
      stdio: [made.value.terminal, made.value.terminal, made.value.terminal],
    })
    closeSync(made.value.terminal)
    const outside = lastReport(await textOf(made.value.controller), 'no output')
    if (child.exitCode === null) await once(child, 'exit')
    assert.equal(outside.inject, 0)
    assert.equal(outside['inject, high bits'], 0, 'the kernel looks at the low 32 bits only')
  })

  it('S1: a cell on pipes has no terminal at all', async () => {
    const { stdout } = await ran(
      spec(['sh', '-c', 'tty; (echo hello > /dev/tty) 2>&1; ps -o tty= -p $$ 2>/dev/null || true']),
    )
    assert.match(stdout, /not a tty/)
    assert.match(stdout, /No such device|cannot/)
  })

  it('S1: the pump is unprivileged, carries keys and output, and gives the terminal back as it was', async () => {
    const person = newTerminal(100, 40)
    assert.ok(person.ok)
    const before = saveTerminal(person.value.terminal)
    const cell = await launched(
      spec(['sh', '-c', 'stty size; read line; echo "heard $line"; kill -9 $$'], { stdio: terminal }),
    )
    const held = await warden()
    const pump = held.pump(cell, {
      stdin: person.value.terminal,
      stdout: person.value.terminal,
      stderr: person.value.terminal,
    })
    const seen: string[] = []
    const screen = createReadStream('', { fd: person.value.controller, autoClose: false })
    screen.on('data', (chunk) => seen.push(String(chunk))).on('error', () => {})
    await until('it holds the terminal', () => !isDeepStrictEqual(saveTerminal(person.value.terminal), before))
    const status = readFileSync(`/proc/${pumpOf()}/status`, 'utf8')
    assert.match(status, /^Uid:\t19\d{8}\t/m)
    assert.match(status, /^CapEff:\t0{16}$/m)
    cell.start()
    await until('it tells the size of the person’s terminal', () => seen.join('').includes('40 100'))
    writeSync(person.value.controller, 'world\r')
    await cell.exited
    await pump.done
    await until('what it said last is on the screen', () => seen.join('').includes('heard world'))
    assert.deepEqual(saveTerminal(person.value.terminal), before)
    closeSync(person.value.terminal)
    // Closes the controller with it.
    screen.destroy()
    await cell.teardown()
  })

  it('S1: a cell on pipes, whose output a person sees, leaves the terminal as it was and nothing typed in it', async () => {
    const person = newTerminal(100, 40)
    assert.ok(person.ok)
    const { terminal: seen, controller } = person.value
    const before = saveTerminal(seen)
    const nothing = openSync('/dev/null', 'r')
    const cell = await launched(spec(['printf', String.raw`\033[?1003h\033[?1049h\033[21t`]))
    const pump = (await warden()).pump(cell, { stdin: nothing, stdout: seen, stderr: seen })
    const screen: string[] = []
    const output = createReadStream('', { fd: controller, autoClose: false })
    output.on('data', (chunk) => screen.push(String(chunk))).on('error', () => {})
    // What a terminal answers to such a question, and what is in the line when the cell has ended.
    writeSync(controller, '\x1b]lrm -rf ~\x1b\\\n')
    cell.start()
    await cell.exited
    await pump.done
    for (const wanted of ['\x1b[?1003h', '\x1b[?1003l', '\x1b[?1049l'])
      await until(`the terminal got, and is rid of: ${JSON.stringify(wanted)}`, () => screen.join('').includes(wanted))
    assert.deepEqual(saveTerminal(seen), before)
    const waiting = openSync(`/proc/self/fd/${seen}`, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
    assert.throws(() => readSync(waiting, Buffer.alloc(64)), /EAGAIN/, 'an answer waits for the shell')
    for (const fd of [waiting, seen, nothing]) closeSync(fd)
    output.destroy()
    await cell.teardown()
  })

  it('pipes are pumped by unprivileged processes, both ways, to the last byte', async () => {
    const cell = await launched(spec(['sh', '-c', 'cat; echo done >&2; seq 1 20000']))
    const held = await warden()
    // Three children of the person: something to read, and two places to write.
    const person = spawn('sh', ['-c', 'cat >/dev/null'], { stdio: ['pipe', 'ignore', 'ignore'] })
    const { pipe } = await import('../../src/cells/kernel/libc.ts')
    const [input, output, errors] = [pipe(), pipe(), pipe()]
    assert.ok(input.ok && output.ok && errors.ok)
    const pump = held.pump(cell, { stdin: input.value[0], stdout: output.value[1], stderr: errors.value[1] })
    writeSync(input.value[1], 'hello\n')
    closeSync(input.value[1])
    for (const fd of [input.value[0], output.value[1], errors.value[1]]) closeSync(fd)
    cell.start()
    const [out, err] = await Promise.all([textOf(output.value[0]), textOf(errors.value[0])])
    await pump.done
    assert.match(out, /^hello\n1\n2\n/)
    assert.equal(out.split('\n').length, 20_002)
    assert.equal(err, 'done\n')
    person.kill()
    await cell.teardown()
  })
})

function legacyOff(): string | false {
  try {
    const value = readFileSync('/proc/sys/dev/tty/legacy_tiocsti', 'utf8').trim()
    return value === '1' ? false : 'this kernel refuses TIOCSTI to everyone'
  } catch {
    return false
  }
}

/** The pump is the child of this process that runs pump-main. */
function pumpOf(): number {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ')
  const pump = children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('pump-main'))
  return Number(pump)
}

/** Until its writers are gone; of a terminal the end is EIO. */
async function textOf(fd: number): Promise<string> {
  let text = ''
  try {
    for await (const chunk of createReadStream('', { fd })) text += chunk
  } catch {
    // EIO
  }
  return text
}
