/** Messages between the two sides of the attacks, and the addresses of what is outside. */

/** Addresses of the open internet at which an origin that is declared stands. */
export const API: string = '203.0.114.10'
export const PLAIN: string = '203.0.114.11'
export const MODEL: string = '203.0.114.12'
/** Address of an origin that is reached by tunnels, whose TLS the gateway does not end. */
export const TUNNEL: string = '203.0.114.13'
export const TUNNEL_NAME: string = 'tunnel.far.example'
/** The number of names that are declared over `http:`, and that lead wherever they are told to. */
export const LED: number = 8
/** The number of names that are declared over `https:`, for each way to believe a certificate. */
export const CERTIFIED_NAMES: number = 4

/** Returns the address of the origin that shows one certificate. */
export function certifiedAddress(i: number): string {
  return `203.0.115.${i}`
}

/** Returns the name for which it is: that leads to one after the other. */
export function certifiedName(believed: string, i: number): string {
  return `${believed}${i % CERTIFIED_NAMES}.far.example`
}

/** Names that a resolver knows, each with its successive answers; the last one stays. */
export type Names = Readonly<Record<string, readonly (readonly string[])[]>>

/** An order to the outside. */
export type ToOutside =
  | { readonly kind: 'names'; readonly names: Names }
  /** Tells what has arrived, once nothing more does, and forgets it. */
  | { readonly kind: 'arrived' }
  /** Connects to an address itself: the control of everything that is counted. */
  | { readonly kind: 'reach'; readonly address: string; readonly port: number }
  | { readonly kind: 'end' }

/** Bytes of a connection to an origin, one a character. */
export interface RawStream {
  readonly origin: string
  readonly stream: string
}

/** All that has left the gateway. */
export interface Arrived {
  /** Addresses and ports that somebody stood at, and that are no origin's. */
  readonly connections: readonly string[]
  /** Connections that were tried, by the kernel's count, and that no listener has taken. */
  readonly attempts: number
  /** Names that a resolver was asked for, and that are not declared. */
  readonly asked: readonly string[]
  readonly streams: readonly RawStream[]
  /** Connections to origins that are open. */
  readonly open: number
}

/** A word from outside. */
export type FromOutside =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done' }
  | { readonly kind: 'arrived'; readonly arrived: Arrived }
