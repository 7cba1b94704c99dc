/** Programs of the host that need more of it than /usr: their parts in /etc, and the list of their interfaces. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { hostDirectory, NODE, ran, SKIP, spec } from '../escape/kit.ts'

const JAVA = `import java.security.*;
public class Sum {
  public static void main(String[] args) throws Exception {
    System.out.println(MessageDigest.getInstance("SHA-256").digest("x".getBytes()).length);
    System.out.println(javax.net.ssl.SSLContext.getDefault().getProtocol());
  }
}`

function missing(...programs: readonly string[]): string | false {
  const absent = programs.find((path) => !existsSync(path))
  return absent === undefined ? false : `${absent} is not installed here`
}

describe('programs of the host, in a cell', { skip: SKIP }, () => {
  it('Java finds its security settings, which its distribution keeps in /etc', {
    skip: missing('/usr/bin/java', '/usr/bin/javac'),
  }, async () => {
    const directory = hostDirectory()
    chmodSync(directory, 0o755)
    writeFileSync(join(directory, 'Sum.java'), JAVA)
    const compiled = spawnSync('/usr/bin/javac', ['-d', directory, join(directory, 'Sum.java')], { encoding: 'utf8' })
    assert.equal(compiled.status, 0, compiled.stderr)
    const command = ['/usr/bin/java', '-Xshare:auto', '-cp', '/opt/sum', 'Sum'] as const
    const { stdout, stderr } = await ran(spec(command, { files: [{ from: directory, to: '/opt/sum' }] }))
    assert.equal(stdout, '32\nDefault\n', stderr)
  })

  it('fonts are configured', { skip: missing('/usr/bin/fc-list', '/etc/fonts/fonts.conf') }, async () => {
    const { stderr } = await ran(spec(['fc-list']))
    assert.doesNotMatch(stderr, /Cannot load default config/)
  })

  it('the system and its time zone have their names', { skip: missing('/etc/os-release') }, async () => {
    const { stdout } = await ran(spec(['sh', '-c', 'grep -c ^ID= /etc/os-release']))
    assert.equal(stdout, '1\n')
  })

  it('a configuration shows what it wants under /etc, files and directories', async () => {
    const directory = hostDirectory()
    chmodSync(directory, 0o755)
    mkdirSync(join(directory, 'tool'))
    writeFileSync(join(directory, 'tool/tool.conf'), 'colour = blue')
    writeFileSync(join(directory, 'hosts'), '127.0.0.1 db.internal')
    const files = [
      { from: join(directory, 'tool'), to: '/etc/tool' },
      { from: join(directory, 'hosts'), to: '/etc/hosts' },
      { from: join(directory, 'hosts'), to: '/etc/odd/deep/hosts' },
    ]
    const command = ['cat', '/etc/tool/tool.conf', '/etc/hosts', '/etc/odd/deep/hosts'] as const
    const { stdout, stderr } = await ran(spec(command, { files }))
    assert.equal(stdout, 'colour = blue127.0.0.1 db.internal127.0.0.1 db.internal', stderr)
    const other = await ran(spec(['ls', '/etc/tool']))
    assert.notEqual(other.exit.code, 0, 'no other cell sees a trace of it')
  })

  it('the interfaces of the machine are the loopback of the cell', async () => {
    const script = 'console.log(Object.keys(require("os").networkInterfaces()).join())'
    const { stdout, stderr } = await ran(spec([NODE, '-e', script]))
    assert.equal(stdout, 'lo\n', stderr)
  })

  it('Python asks for them in its own way', { skip: missing('/usr/bin/python3') }, async () => {
    const { stdout, stderr } = await ran(
      spec(['/usr/bin/python3', '-c', 'import socket; print(socket.if_nameindex())']),
    )
    assert.equal(stdout, "[(1, 'lo')]\n", stderr)
  })

  it('programs that keep secrets may switch core files off', async () => {
    const { stdout } = await ran(spec(['bash', '-c', 'ulimit -c 0 && echo taken']))
    assert.equal(stdout, 'taken\n')
  })
})
