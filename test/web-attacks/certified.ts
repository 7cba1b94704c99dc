import type { TlsOptions } from 'node:tls'
import {
  type CertificateParts,
  CLIENT_USAGE,
  ellipticKeys,
  type MadeCertificate,
  makeCertificate,
  rsaKeys,
} from '../kit/make-certificate.ts'

/** Authorities of the outside: one that the configuration names, and one of this host's own store. */
export interface Authorities {
  readonly authority: MadeCertificate
  readonly hosts: MadeCertificate
}

/** An origin whose certificate is not to be believed, or is. */
export interface CertifiedOrigin {
  readonly name: string
  readonly believed: 'declared' | 'hosts'
  /** True where the request goes through: the controls. */
  readonly isHonest: boolean
  readonly options: (host: string, authorities: Authorities) => TlsOptions
}

const DAY_MS = 86_400_000

/** Faults of certificates, by name; each is tried under both authorities. */
const FLAWS: Readonly<Record<string, (host: string) => Partial<CertificateParts>>> = {
  expired: () => ({ fromMs: Date.now() - 90 * DAY_MS, untilMs: Date.now() - DAY_MS }),
  'not valid yet': () => ({ fromMs: Date.now() + DAY_MS }),
  'for another name': () => ({ names: ['DNS:api.far.example'] }),
  'for a name above': () => ({ names: ['DNS:far.example'] }),
  'for a name below': (host) => ({ names: [`DNS:www.${host}`] }),
  'for a wildcard of two labels': () => ({ names: ['DNS:*.*.example'] }),
  'for a wildcard above': () => ({ names: ['DNS:*.example'] }),
  'for all names': () => ({ names: ['DNS:*'] }),
  'for a part of a label': (host) => ({ names: [`DNS:${host.slice(0, 1)}*.evil.example`] }),
  'for a name that ends in a NUL': (host) => ({ names: [`DNS:${host}\0.evil.example`] }),
  'for a name with a space': (host) => ({ names: [`DNS:${host} `] }),
  'for its address alone': () => ({ names: ['IP:203.0.115.1'] }),
  'for clients': () => ({ usages: [CLIENT_USAGE] }),
  'for signing code': () => ({ usages: ['1.3.6.1.5.5.7.3.3'] }),
  'an authority’s': () => ({ isAuthority: true }),
  'of a weak key': () => ({ keys: rsaKeys(1024) }),
}

/** Flaws that a declared authority makes up for. */
const OF_HOSTS: Readonly<Record<string, (host: string) => Partial<CertificateParts>>> = {
  'without a usage': () => ({ usages: null }),
  'with a common name alone': () => ({ names: [] }),
}

function flawed(
  name: string,
  believed: CertifiedOrigin['believed'],
  parts: (host: string) => Partial<CertificateParts>,
): CertifiedOrigin {
  return {
    name: `${name}, ${believed}`,
    believed,
    isHonest: false,
    options: (host, authorities) => {
      const by = believed === 'declared' ? authorities.authority : authorities.hosts
      const made = makeCertificate({ name: host, by, names: [`DNS:${host}`], ...parts(host) })
      return { cert: made.pem, key: made.key }
    },
  }
}

/** Returns an origin whose certificate its own authority signs, below one that is believed or beside it. */
function chained(
  name: string,
  made: (host: string, authorities: Authorities) => { readonly leaf: MadeCertificate; readonly chain: string },
): CertifiedOrigin {
  return {
    name,
    believed: 'declared',
    isHonest: false,
    options: (host, authorities) => {
      const { leaf, chain } = made(host, authorities)
      return { cert: leaf.pem + chain, key: leaf.key }
    },
  }
}

const named = (host: string) => [`DNS:${host}`]

const CHAINS: readonly CertifiedOrigin[] = [
  chained('signed by itself', (host) => ({ leaf: makeCertificate({ name: host, names: named(host) }), chain: '' })),
  chained('signed by itself under the authority’s name', (host, { authority }) => ({
    leaf: makeCertificate({ name: authority.name, names: named(host) }),
    chain: '',
  })),
  chained('of an authority of the same name', (host, { authority }) => {
    const other = makeCertificate({ name: authority.name, isAuthority: true })
    return { leaf: makeCertificate({ name: host, by: other, names: named(host) }), chain: other.pem }
  }),
  chained('of an authority that nobody declared', (host) => {
    const other = makeCertificate({ name: 'other', isAuthority: true })
    return { leaf: makeCertificate({ name: host, by: other, names: named(host) }), chain: other.pem }
  }),
  chained('of this host’s authority, where another is declared', (host, { hosts }) => ({
    leaf: makeCertificate({ name: host, by: hosts, names: named(host) }),
    chain: hosts.pem,
  })),
  chained('signed by a server', (host, { authority }) => {
    const server = makeCertificate({ name: 'server', by: authority, names: ['DNS:api.far.example'] })
    return { leaf: makeCertificate({ name: host, by: server, names: named(host) }), chain: server.pem }
  }),
  chained('below an authority that has expired', (host, { authority }) => {
    const between = makeCertificate({
      name: 'between',
      by: authority,
      isAuthority: true,
      fromMs: Date.now() - 9 * DAY_MS,
      untilMs: Date.now() - DAY_MS,
    })
    return { leaf: makeCertificate({ name: host, by: between, names: named(host) }), chain: between.pem }
  }),
  chained('below an authority that may have none below it', (host, { authority }) => {
    const last = makeCertificate({ name: 'last', by: authority, isAuthority: true, pathLength: 0 })
    const more = makeCertificate({ name: 'more', by: last, isAuthority: true })
    return { leaf: makeCertificate({ name: host, by: more, names: named(host) }), chain: more.pem + last.pem }
  }),
  chained('below an authority of a weak key', (host, { authority }) => {
    const weak = makeCertificate({ name: 'weak', by: authority, isAuthority: true, keys: rsaKeys(1024) })
    return { leaf: makeCertificate({ name: host, by: weak, names: named(host) }), chain: weak.pem }
  }),
  chained('signed over SHA-1', (host, { authority }) => {
    const between = makeCertificate({ name: 'old', by: authority, isAuthority: true, keys: rsaKeys(2048) })
    return {
      leaf: makeCertificate({ name: host, by: between, names: named(host), digest: 'sha1' }),
      chain: between.pem,
    }
  }),
  chained('below an authority that may not sign', (host, { authority }) => {
    const mute = makeCertificate({ name: 'mute', by: authority, isAuthority: true, keyUsage: [0x07, 0x80] })
    return { leaf: makeCertificate({ name: host, by: mute, names: named(host) }), chain: mute.pem }
  }),
  chained('without the authority between', (host, { authority }) => {
    const between = makeCertificate({ name: 'kept back', by: authority, isAuthority: true })
    return { leaf: makeCertificate({ name: host, by: between, names: named(host) }), chain: '' }
  }),
  chained('of somebody else’s key', (host, { authority }) => ({
    leaf: makeCertificate({ name: host, by: { ...authority, keys: ellipticKeys() }, names: named(host) }),
    chain: '',
  })),
]

/** An honest certificate, over a TLS that is not spoken. */
function spoken(name: string, options: TlsOptions): CertifiedOrigin {
  return {
    name,
    believed: 'declared',
    isHonest: false,
    options: (host, { authority }) => {
      const made = makeCertificate({ name: host, by: authority, names: named(host) })
      return { cert: made.pem, key: made.key, ...options }
    },
  }
}

const OLD: readonly CertifiedOrigin[] = [
  spoken('TLS 1.0', { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' }),
  spoken('TLS 1.1', { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' }),
  { ...spoken('no certificate', {}), options: () => ({ ciphers: 'ALL:aNULL:@SECLEVEL=0', maxVersion: 'TLSv1.2' }) },
]

const HONEST: readonly CertifiedOrigin[] = (['declared', 'hosts'] as const).map((believed) => ({
  ...flawed('honest', believed, () => ({})),
  isHonest: true,
}))

/** Every origin, in the order of their names and addresses. */
export const CERTIFIED: readonly CertifiedOrigin[] = [
  ...HONEST,
  ...Object.entries(FLAWS).flatMap(([name, parts]) =>
    (['declared', 'hosts'] as const).map((believed) => flawed(name, believed, parts)),
  ),
  ...Object.entries(OF_HOSTS).map(([name, parts]) => flawed(name, 'hosts', parts)),
  ...CHAINS,
  ...OLD,
]
