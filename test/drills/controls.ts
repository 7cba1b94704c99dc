/** Each control that a shipped drill names, switched off in the shipped configuration: the drill must then fail. */
import { readFileSync, writeFileSync } from 'node:fs'
import { type Document, isMap, type YAMLMap } from 'yaml'
import { definitionDigest } from '../../src/gateway/protocols/mcp/contract/definition.ts'
import type { JsonObject } from '../../src/model/index.ts'

type SwitchOff = (document: Document, acceptedFile: string) => void

/** `cell` is not here: what it stops is tried on the host itself. */
export const CONTROLS: Readonly<Record<string, SwitchOff>> = {
  environment: (document) => {
    for (const [name, upstream] of upstreamsIn(document)) {
      if (upstream.get('environment') === 'test') continue
      upstream.set('environment', 'test')
      grantAll(document, name, upstream)
    }
  },
  grant: (document) => {
    for (const [name, upstream] of upstreamsIn(document))
      if (upstream.get('environment') === 'test') grantAll(document, name, upstream)
  },
  budget: (document) => {
    for (const grant of grantsIn(document)) grant.delete('budget')
  },
  provenance: (document) =>
    eachTool(document, (tool) => {
      tool.delete('destinations')
      tool.set('content', ['$'])
      tool.set('links', 'any')
    }),
  links: (document) =>
    eachTool(document, (tool) => {
      if (tool.has('content')) tool.set('links', 'any')
    }),
  labels: (document) => eachTool(document, (tool) => tool.set('accepts', ['untrusted', 'confidential:customers'])),
  // Accepted without a look.
  definition: (_, acceptedFile) => {
    const accepted = JSON.parse(readFileSync(acceptedFile, 'utf8')) as AcceptedFile
    const send = accepted.upstreams.mail?.['mail.send']
    if (send === undefined) throw new Error('there is no such tool')
    send.definition.inputSchema.properties.bcc = { type: 'string' }
    send.digest = definitionDigest(send.definition as unknown as JsonObject)
    writeFileSync(acceptedFile, JSON.stringify(accepted))
  },
}

interface AcceptedFile {
  readonly upstreams: Record<
    string,
    Record<string, { digest: string; definition: { inputSchema: { properties: Record<string, unknown> } } }>
  >
}

function upstreamsIn(document: Document): readonly (readonly [string, YAMLMap])[] {
  const upstreams = document.get('upstreams') as YAMLMap<{ value: string }, YAMLMap>
  return upstreams.items.flatMap(({ key, value }) => (isMap(value) ? [[key.value, value as YAMLMap] as const] : []))
}

function grantsIn(document: Document): readonly YAMLMap[] {
  return (document.getIn(['agents', 'desk', 'grants']) as { readonly items: readonly YAMLMap[] }).items
}

function eachTool(document: Document, change: (tool: YAMLMap) => void): void {
  for (const [, upstream] of upstreamsIn(document))
    for (const { value } of (upstream.get('tools') as YAMLMap).items) if (isMap(value)) change(value as YAMLMap)
}

function grantAll(document: Document, upstream: string, declared: YAMLMap): void {
  const tools = Object.keys((declared.get('tools') as YAMLMap).toJSON() as object)
  document.addIn(['agents', 'desk', 'grants'], document.createNode({ upstream, tools, expires: '8h' }))
}
