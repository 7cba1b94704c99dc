/** Two registries on loopback with the same packages, one for npm and one for pip. They remember what they were asked for. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { npmFile, sourceOf, wheel } from './packages.ts'

const DAY_MS = 86_400_000
/** Place in the cell of what an install script leaves, by manager. */
export const SCRIPT_RAN = { npm: '/tmp/npm-ran-it', pip: '/tmp/pip-ran-it' } as const

interface Release {
  readonly version: string
  readonly ageMs: number
  /** A program runs when it is installed. */
  readonly runs?: true
}

const OLD: Release = { version: '1.0.0', ageMs: 400 * DAY_MS }

/** Packages of both, by name. */
const COMMON: Readonly<Record<string, readonly Release[]>> = {
  'honest-sum': [OLD],
  'fresh-sum': [OLD, { version: '1.1.0', ageMs: 3_600_000 }],
  'built-sum': [{ ...OLD, runs: true }],
  'stolen-sum': [OLD],
  'sealed-sum': [OLD],
}

/** One letter off react and requests. */
export const LOOK_ALIKES = { npm: 'raect', pip: 'reqeusts' } as const

export interface Registry {
  /** Name of the registry's upstream. */
  readonly name: 'npm' | 'pypi'
  readonly url: string
  /** Paths that were asked for. */
  readonly asked: readonly string[]
  close(): void
}

interface Page {
  readonly type: string
  readonly body: Buffer
}

/** Starts npm's: packuments with all their times, and files. */
export function startNpm(): Promise<Registry> {
  const pages = new Map<string, Page>()
  for (const [name, releases] of Object.entries({ ...COMMON, [LOOK_ALIKES.npm]: [OLD] })) {
    const versions = releases.map(({ version, runs }) => {
      const scripts = runs && { scripts: { postinstall: `touch ${SCRIPT_RAN.npm}` } }
      const manifest = { name, version, ...scripts }
      const body = npmFile(manifest, { 'package/index.js': `module.exports = '${version}'\n` })
      const path = `/${name}/-/${name}-${version}.tgz`
      pages.set(path, { type: 'application/octet-stream', body })
      const integrity = `sha512-${createHash('sha512').update(body).digest('base64')}`
      return [version, { ...manifest, dist: { tarball: `https://registry.npmjs.org${path}`, integrity } }] as const
    })
    const list = {
      name,
      'dist-tags': { latest: releases.at(-1)?.version },
      versions: Object.fromEntries(versions),
      time: Object.fromEntries(releases.map(({ version, ageMs }) => [version, publishedAt(ageMs)])),
    }
    pages.set(`/${name}`, { type: 'application/json', body: Buffer.from(JSON.stringify(list)) })
  }
  return started('npm', pages)
}

/** Starts pip's: pages of the simple index (PEP 691), wheels, and a source distribution where something runs. */
export function startPypi(): Promise<Registry> {
  const pages = new Map<string, Page>()
  for (const [name, releases] of Object.entries({ ...COMMON, [LOOK_ALIKES.pip]: [OLD] })) {
    const module = name.replaceAll('-', '_')
    const files = releases.map(({ version, ageMs, runs }) => {
      const filename = runs ? `${name}-${version}.tar.gz` : `${module}-${version}-py3-none-any.whl`
      const setup = `open("${SCRIPT_RAN.pip}", "w")\nfrom setuptools import setup\nsetup(name="${name}", version="${version}")\n`
      const body = runs ? sourceOf(name, version, setup) : wheel(name, version)
      const path = `/packages/sum/${filename}`
      pages.set(path, { type: 'application/octet-stream', body })
      const sha256 = createHash('sha256').update(body).digest('hex')
      const url = `https://files.pythonhosted.org${path}`
      return { filename, url, hashes: { sha256 }, size: body.length, 'upload-time': publishedAt(ageMs) }
    })
    const list = { meta: { 'api-version': '1.1' }, name, versions: releases.map(({ version }) => version), files }
    const type = 'application/vnd.pypi.simple.v1+json'
    pages.set(`/simple/${name}/`, { type, body: Buffer.from(JSON.stringify(list)) })
  }
  return started('pypi', pages)
}

function publishedAt(ageMs: number): string {
  return new Date(Date.now() - ageMs).toISOString()
}

async function started(name: Registry['name'], pages: ReadonlyMap<string, Page>): Promise<Registry> {
  const asked: string[] = []
  const server = createServer(({ url = '' }, response) => {
    asked.push(url)
    const page = pages.get(url)
    if (page === undefined)
      return void response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"Not found"}')
    response.setHeader('content-type', page.type).end(page.body)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo // it listens on a port
  return { name, url: `http://127.0.0.1:${port}`, asked, close: () => void server.close() }
}
