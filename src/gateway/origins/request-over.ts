import type { ClientRequest } from 'node:http'
import type { Socket } from 'node:net'
import { request } from '../../model/host/node-http.ts'

/** The head of one request. */
export interface RequestHead {
  readonly method: string
  readonly path: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
  readonly port: number
}

/** Begins a request of HTTP/1.1 over a connection that stands; no other one is ever made for it. */
export function requestOver(socket: Socket, { method, path, headers, port }: RequestHead): ClientRequest {
  return request({ port, method, path, headers: [...headers], createConnection: () => socket })
}
