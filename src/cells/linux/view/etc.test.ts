import assert from 'node:assert/strict'
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { it } from 'node:test'
import { temporaryDirectory } from '../../../../test/kit/temporary.ts'
import { sharedEtc } from './etc.ts'
import { copyShown } from './etc-of-host.ts'

function host(files: Readonly<Record<string, string>>): string {
  const etc = join(temporaryDirectory(), 'etc')
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(etc, path)), { recursive: true })
    writeFileSync(join(etc, path), text, { mode: 0o644 })
  }
  return etc
}

it('what programs of /usr keep in /etc is shown: machines of languages, fonts, browsers, the time zone', () => {
  const etc = host({
    'java-21-openjdk/security/java.security': 'securerandom.source=file:/dev/random',
    'fonts/fonts.conf': '<fontconfig/>',
    'chromium.d/default-flags': 'export CHROMIUM_FLAGS',
    'maven/m2.conf': 'main is x',
    'X11/rgb.txt': '255 250 250 snow',
  })
  symlinkSync('/usr/share/zoneinfo/UTC', join(etc, 'localtime'))
  mkdirSync(join(etc, 'fonts/conf.d'))
  symlinkSync('../fonts.conf', join(etc, 'fonts/conf.d/1.conf'))
  const shown = join(temporaryDirectory(), 'shown')
  copyShown(etc, shown)
  for (const path of [
    'java-21-openjdk/security/java.security',
    'chromium.d/default-flags',
    'maven/m2.conf',
    'X11/rgb.txt',
  ])
    assert.equal(readFileSync(join(shown, path), 'utf8'), readFileSync(join(etc, path), 'utf8'), path)
  assert.equal(readFileSync(join(shown, 'fonts/conf.d/1.conf'), 'utf8'), '<fontconfig/>')
  if (existsSync('/usr/share/zoneinfo/UTC')) assert.ok(lstatSync(join(shown, 'localtime')).isSymbolicLink())
})

it('nothing that may be a secret is, wherever it lies and whatever leads to it', () => {
  const etc = host({
    shadow: 'root:$y$',
    gitconfig: '[url "https://token@git.example"]',
    environment: 'API_KEY=x',
    'ssh/ssh_host_ed25519_key': 'x',
    'ssl/private/site.key': 'x',
    'ssl/certs/site.pem': '-----BEGIN CERTIFICATE----- of this very host',
    'maven/settings.xml': '<password>hunter2</password>',
    'java-21-openjdk/management/jmxremote.password': 'admin x',
    'fonts/odd.conf': '-----BEGIN EC PRIVATE KEY-----',
    'fonts/closed.conf': 'for its owner only',
    'fonts/client.p12': 'x',
    'php/8.2/fpm/pool.d/www.conf': '[www]\nuser = www-data\nenv[DB_PASSWORD] = hunter2\n',
    'R/Renviron.site': 'R_LIBS=/usr/lib/R\nGITHUB_PAT=ghp_x\n',
    'php/8.2/cli/php.ini': '; password = none\nmysqli.default_pw =\ndefault_password =\n',
    'maven/shown': 'yes',
  })
  chmodSync(join(etc, 'fonts/closed.conf'), 0o640)
  symlinkSync('../shadow', join(etc, 'fonts/a.conf'))
  symlinkSync('../../outside', join(etc, 'fonts/b.conf'))
  writeFileSync(join(dirname(etc), 'outside'), 'not of /etc')
  symlinkSync('../ssl/private', join(etc, 'fonts/more'))
  const shown = join(temporaryDirectory(), 'shown')
  copyShown(etc, shown)
  const kept = ['shadow', 'gitconfig', 'environment', 'ssh', 'ssl/private', 'ssl/certs/site.pem', 'maven/settings.xml']
  const told = ['php/8.2/fpm/pool.d/www.conf', 'R/Renviron.site']
  const below = ['odd.conf', 'closed.conf', 'client.p12', 'a.conf', 'b.conf', 'more'].map((name) => `fonts/${name}`)
  for (const path of [...kept, ...told, 'java-21-openjdk/management/jmxremote.password', ...below])
    assert.equal(lstatSync(join(shown, path), { throwIfNoEntry: false }), undefined, path)
  for (const path of ['maven/shown', 'php/8.2/cli/php.ini'])
    assert.ok(existsSync(join(shown, path)), `control: ${path}`)
})

it('cells that are shown something at the same places in /etc share one that has a place for each', () => {
  const directory = temporaryDirectory()
  const file = join(directory, 'file')
  writeFileSync(file, 'x')
  const made: string[] = []
  const etc = sharedEtc(directory, (place) => made.push(place))
  const common = etc('files')
  assert.equal(etc('files', [{ from: file, to: '/opt/x' }]), common)
  const binds = [
    { from: file, to: '/etc/tool/tool.conf' },
    { from: directory, to: '/etc/other' },
    { from: file, to: '/etc/localtime' },
  ]
  const own = etc('files', binds)
  assert.ok(lstatSync(join(own, 'tool/tool.conf')).isFile() && lstatSync(join(own, 'other')).isDirectory())
  assert.ok(lstatSync(join(own, 'localtime')).isFile(), 'no link, behind which /usr would be covered')
  assert.equal(existsSync(join(common, 'tool')), false)
  const other = join(directory, 'another file')
  writeFileSync(other, 'y')
  assert.equal(etc('files', [{ from: other, to: '/etc/tool/tool.conf' }, ...binds.slice(1)]), own)
  assert.equal(readFileSync(join(own, 'tool/tool.conf'), 'utf8'), '', 'what is shown there is not in it')
  assert.notEqual(etc('files', binds.slice(1)), own)
  assert.notEqual(etc('dns', binds), own)
  assert.equal(made.length, 4)
})
