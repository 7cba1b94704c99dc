import { isDeepStrictEqual } from 'node:util'
import { isJsonObject, type Json, type JsonObject } from '../../model/index.ts'
import { isJsonType } from '../../model/text/media-type.ts'
import { type DocumentProblem, followed, NotTaken, pointed, SchemaReader } from './schemas.ts'

export type { DocumentProblem }

/** One operation of a document, as an origin's requests are declared: by method and path, the server's own path before it. */
export interface DocumentedOperation {
  /** Like `GET /v1/repos/{owner}`, without its query. */
  readonly name: string
  /** JSON Schema of its arguments: what stands in its path by name, `query`, `headers`, `body`, `stream`. */
  readonly input: JsonObject
  /** JSON Schema of its answers; absent where not every answer that is no error is JSON. */
  readonly answer?: JsonObject
  /** The purpose of an operation, in the document's words. */
  readonly summary?: string
}

/** The operations of a document, and those that cannot be taken, each with its place. */
export interface ReadDocument {
  readonly operations: ReadonlyMap<string, DocumentedOperation>
  /** Problems by the name that the operation would have; under an empty name what is of the whole document. */
  readonly problems: ReadonlyMap<string, DocumentProblem>
}

const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options'] as const
const OPERATIONS_MAX = 10_000

/**
 * Reads an OpenAPI document, 3.0 or 3.1 (https://spec.openapis.org/oas/v3.1.1). What of it this gate could not hold is not
 * taken, with its place: a reference out of the document, a segment of a path that is a name in part only, parameters in
 * other styles than the usual ones.
 */
export function readOpenApi(document: Json, origin?: string): ReadDocument {
  const [operations, problems] = [new Map<string, DocumentedOperation>(), new Map<string, DocumentProblem>()]
  try {
    if (!isJsonObject(document)) throw new NotTaken('#', 'it is no object')
    const version = typeof document.openapi === 'string' ? document.openapi : ''
    if (!/^3\.[01]\./.test(version)) throw new NotTaken('#/openapi', 'it is no OpenAPI document of version 3.0 or 3.1')
    const { paths = {} } = document
    if (!isJsonObject(paths)) throw new NotTaken('#/paths', 'it is no object')
    const base = basePath(document.servers, '#/servers', origin)
    for (const [path, written] of Object.entries(paths)) {
      if (path.startsWith('x-')) continue
      const place = `#/paths/${pointed(path)}`
      let item: JsonObject
      try {
        item = pathItem(document, written, place)
      } catch (error) {
        problems.set(`${base}${path}`, problemOf(error))
        continue
      }
      for (const method of METHODS) {
        const operation = item[method]
        if (operation === undefined) continue
        const name = `${method.toUpperCase()} ${base}${path}`
        if (operations.size + problems.size >= OPERATIONS_MAX)
          throw new NotTaken('#/paths', `it has more than ${OPERATIONS_MAX} operations`)
        try {
          const read = readOperation(
            { document, isOld: version.startsWith('3.0.'), item, place, path: `${base}${path}` },
            method,
            operation,
          )
          operations.set(name, { name, ...read })
        } catch (error) {
          problems.set(name, problemOf(error))
        }
      }
    }
  } catch (error) {
    problems.set('', problemOf(error))
  }
  return { operations, problems }
}

function problemOf(error: unknown): DocumentProblem {
  if (error instanceof NotTaken) return { place: error.place, problem: error.message }
  throw error
}

/**
 * Returns the operations of a path with what they have in common; what it refers to is added to what stands beside the
 * reference. @throws {NotTaken} where it is no path item, or both say something of one thing.
 */
function pathItem(document: JsonObject, written: Json, place: string): JsonObject {
  const item = followed(document, written, place)
  if (!isJsonObject(item) || !isJsonObject(written)) throw new NotTaken(place, 'it is no object')
  if (item === written) return item
  const { $ref, ...beside } = written
  for (const name of [...METHODS, 'parameters'])
    if (Object.hasOwn(beside, name) && Object.hasOwn(item, name))
      throw new NotTaken(`${place}/${name}`, `it stands beside ${String($ref)}, which has one of its own`)
  return { ...item, ...beside }
}

/** Returns the path of the server that is meant, without a slash at its end: that at `origin`, or the first. */
function basePath(servers: Json | undefined, place: string, origin: string | undefined): string {
  const urls = (Array.isArray(servers) ? servers : []).flatMap((server) => {
    if (!isJsonObject(server) || typeof server.url !== 'string') return []
    const { variables = {} } = server
    const text = server.url.replaceAll(/\{([^{}]*)\}/g, (whole, name: string) => {
      const variable = isJsonObject(variables) ? variables[name] : undefined
      return isJsonObject(variable) && variable.default !== undefined ? String(variable.default) : whole
    })
    return URL.canParse(text, NOWHERE) ? [new URL(text, NOWHERE)] : []
  })
  const meant = urls.find((url) => url.origin === origin) ?? urls[0]
  const path = (meant?.pathname ?? '/').replace(/\/+$/, '')
  if (/[{}%]/.test(path)) throw new NotTaken(place, `the path ${path} of its server has characters that no pattern has`)
  return path
}

const NOWHERE = 'https://nowhere.invalid'

interface Ground {
  readonly document: JsonObject
  readonly isOld: boolean
  readonly item: JsonObject
  readonly place: string
  /** With the server's own path. */
  readonly path: string
}

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required: boolean
  readonly schema: JsonObject
}

function readOperation(ground: Ground, method: string, operation: Json): Omit<DocumentedOperation, 'name'> {
  const { document, isOld, item, path } = ground
  const place = `${ground.place}/${method}`
  if (!isJsonObject(operation)) throw new NotTaken(place, 'it is no operation')
  const schemas = new SchemaReader(document, isOld)
  const names = namesIn(path, ground.place)
  const all = new Map<string, Parameter>()
  for (const [list, at] of [
    [item.parameters, ground.place],
    [operation.parameters, place],
  ] as const) {
    const own = new Map<string, Parameter>()
    for (const [i, each] of (Array.isArray(list) ? list : []).entries()) {
      const from = `${at}/parameters/${i}`
      for (const parameter of readParameters(ground, schemas, each, from)) {
        const key = `${parameter.in} ${parameter.name}`
        if (own.has(key) && !isDeepStrictEqual(own.get(key), parameter))
          throw new NotTaken(from, `${parameter.name} in ${parameter.in} stands there twice, and not the same`)
        own.set(key, parameter)
      }
    }
    // Those of an operation stand before those of its path.
    for (const [key, parameter] of own) all.set(key, parameter)
  }
  const of = (kind: string) => [...all.values()].filter((each) => each.in === kind)
  const inPath = new Map(of('path').map(({ name, schema }) => [name, schema]))
  for (const name of names) if (!inPath.has(name)) inPath.set(name, { type: 'string' })
  for (const name of inPath.keys()) if (!names.includes(name)) throw new NotTaken(place, `its path has no {${name}}`)
  const [query, headers] = [objectOf(of('query')), objectOf(of('header'))]
  const body = readBody(ground, schemas, operation.requestBody, `${place}/requestBody`)
  const answers = readAnswers(ground, schemas, operation.responses, `${place}/responses`)
  const required = [
    ...names,
    ...(query?.isRequired ? ['query'] : []),
    ...(headers?.isRequired ? ['headers'] : []),
    ...(body?.isRequired && body.stream === undefined ? ['body'] : []),
  ]
  const { definitions } = schemas
  const { summary = operation.description } = operation
  const defs = Object.keys(definitions).length === 0 ? {} : { $defs: definitions }
  return {
    input: {
      type: 'object',
      properties: {
        ...Object.fromEntries([...inPath].map(([name, schema]) => [name, { minLength: 1, ...schema }])),
        ...(query && { query: query.schema }),
        ...(headers && { headers: headers.schema }),
        ...(body && { body: body.schema }),
        ...(body?.stream && { stream: body.stream }),
      },
      ...(required.length > 0 && { required }),
      ...(body?.isRequired && body.stream && { if: { required: ['stream'] }, else: { required: ['body'] } }),
      additionalProperties: false,
      ...defs,
    },
    ...(answers.length > 0 && { answer: { anyOf: answers, ...defs } }),
    ...(typeof summary === 'string' && summary !== '' && { summary }),
  }
}

/** Returns the names in a path. @throws {NotTaken} where a segment is a name in part only. */
function namesIn(path: string, place: string): readonly string[] {
  return path.split('/').flatMap((segment) => {
    if (!/[{}]/.test(segment)) return []
    const [, name] = /^\{([A-Za-z_][A-Za-z0-9_-]{0,63})\}$/.exec(segment) ?? []
    if (name === undefined) throw new NotTaken(place, `the segment ${segment} is no name, or only in part`)
    if (name === 'query' || name === 'body' || name === 'headers' || name === 'stream')
      throw new NotTaken(place, `{${name}} is a name that this gate uses itself`)
    return [name]
  })
}

function readParameters(
  { document }: Ground,
  schemas: SchemaReader,
  written: Json,
  place: string,
): readonly Parameter[] {
  const each = followed(document, written, place)
  if (!isJsonObject(each) || typeof each.name !== 'string' || typeof each.in !== 'string')
    throw new NotTaken(place, 'it is no parameter')
  const { name, in: kind, schema = {}, content } = each
  // Cookies stay behind, and so do credentials.
  if (kind === 'cookie' || (kind === 'header' && /^(?:accept|content-type|authorization)$/i.test(name))) return []
  const { style = kind === 'query' ? 'form' : 'simple', explode = style === 'form' } = each
  if (!STYLES.has(`${kind} ${String(style)}`))
    throw new NotTaken(`${place}/style`, `the style ${String(style)} is not read`)
  const read = content === undefined ? schemas.read(schema, `${place}/schema`) : { type: 'string' }
  const required = each.required === true && kind !== 'path'
  const { definitions } = schemas
  if (style === 'deepObject')
    return Object.entries(membersOf(read, definitions)).map(([member, own]) => ({
      ...{ name: `${name}[${member}]`, in: kind, required: false },
      schema: asText(own, definitions),
    }))
  const isList = kind === 'query' && explode === true && isOfType(read, definitions, 'array')
  return [
    {
      ...{ name: kind === 'header' ? name.toLowerCase() : name, in: kind, required },
      schema: isList ? { type: 'array', items: { type: 'string' } } : asText(read, definitions),
    },
  ]
}

/** Styles of parameters that are read: where several values make one text, the text is what is judged. */
const STYLES: ReadonlySet<string> = new Set([
  ...['path simple', 'header simple', 'query form', 'query deepObject'],
  ...['query spaceDelimited', 'query pipeDelimited'],
])

function membersOf(schema: Json, definitions: JsonObject): JsonObject {
  const own = referred(schema, definitions)
  return isJsonObject(own) && isJsonObject(own.properties) ? own.properties : {}
}

function objectOf(
  parameters: readonly Parameter[],
): { readonly schema: JsonObject; readonly isRequired: boolean } | undefined {
  if (parameters.length === 0) return undefined
  const required = parameters.filter((each) => each.required).map(({ name }) => name)
  return {
    schema: {
      type: 'object',
      properties: Object.fromEntries(parameters.map(({ name, schema }) => [name, schema])),
      ...(required.length > 0 && { required }),
      additionalProperties: false,
    },
    isRequired: required.length > 0,
  }
}

/** Tells whether a schema is of values of a type, as far as its own words say it. */
function isOfType(schema: Json, definitions: JsonObject, type: string): boolean {
  const own = referred(schema, definitions)
  return isJsonObject(own) && (own.type === type || (Array.isArray(own.type) && own.type.includes(type)))
}

function referred(schema: Json, definitions: JsonObject): Json {
  const name = isJsonObject(schema) && typeof schema.$ref === 'string' ? schema.$ref.replace('#/$defs/', '') : undefined
  return name === undefined ? schema : (definitions[name] ?? {})
}

/** Returns a schema of a value as one of the text that stands for it in a path, a query or a header. */
function asText(schema: Json, definitions: JsonObject): JsonObject {
  const own = referred(schema, definitions)
  if (!isJsonObject(own)) return { type: 'string' }
  const { type, minLength, maxLength, pattern } = own
  if (Array.isArray(own.enum))
    return { enum: own.enum.map((each) => (typeof each === 'string' ? each : JSON.stringify(each))) }
  if (type === 'integer') return { type: 'string', pattern: '^-?[0-9]{1,19}$' }
  if (type === 'number') return { type: 'string', pattern: '^-?[0-9.eE+-]{1,40}$' }
  if (type === 'boolean') return { enum: ['true', 'false'] }
  if (type !== 'string') return { type: 'string' }
  return {
    type: 'string',
    ...(minLength !== undefined && { minLength }),
    ...(maxLength !== undefined && { maxLength }),
    ...(pattern !== undefined && { pattern }),
  }
}

/** Tells whether bodies of a media type, or of all of a range, are judged as JSON, whatever its parameters. */
function isJson(type: string): boolean {
  return isJsonType((type.split(';', 1)[0] ?? '').trimEnd())
}

/** The body of an operation. `stream` is absent where each of its kinds is JSON: no other may leave. */
interface OperationBody {
  readonly schema: Json
  readonly stream?: JsonObject
  readonly isRequired: boolean
}

function readBody(
  { document }: Ground,
  schemas: SchemaReader,
  written: Json | undefined,
  place: string,
): OperationBody | undefined {
  if (written === undefined) return undefined
  const each = followed(document, written, place)
  const content = isJsonObject(each) && isJsonObject(each.content) ? each.content : {}
  const json = Object.entries(content).find(([type]) => isJson(type))
  const isRequired = isJsonObject(each) && each.required === true
  // What comes as a form, or as bytes, is judged by nothing but what it is.
  if (json === undefined) return { schema: {}, stream: STREAM, isRequired }
  const [type, media] = json
  const schema =
    isJsonObject(media) && media.schema !== undefined
      ? schemas.read(media.schema, `${place}/content/${pointed(type)}/schema`)
      : {}
  const isAllJson = Object.keys(content).every((kind) => isJson(kind))
  return { schema, ...(!isAllJson && { stream: STREAM }), isRequired }
}

/** The argument that stands for a body which passes on as it comes. */
const STREAM: JsonObject = {
  type: 'object',
  properties: { type: { type: 'string' }, length: { type: 'integer' } },
  required: ['type'],
  additionalProperties: false,
}

/** Returns the schemas of answers that are no errors; none where one of them has a body that is no JSON. */
function readAnswers(
  { document }: Ground,
  schemas: SchemaReader,
  responses: Json | undefined,
  place: string,
): readonly Json[] {
  const found: Json[] = []
  for (const [status, written] of Object.entries(isJsonObject(responses) ? responses : {})) {
    if (!/^2[0-9X]{2}$/i.test(status)) continue
    const at = `${place}/${status}`
    const each = followed(document, written, at)
    const content = Object.entries(isJsonObject(each) && isJsonObject(each.content) ? each.content : {})
    if (content.length === 0) continue
    const [[type, media] = ['', null]] = content
    if (content.length > 1 || !isJson(type) || !isJsonObject(media) || media.schema === undefined) return []
    found.push(schemas.read(media.schema, `${at}/content/${pointed(type)}/schema`))
  }
  return found
}
