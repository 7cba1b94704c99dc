/** Preloaded into a gateway: it is told to stop cells, says that it did, and goes on serving them. */
const { parse } = JSON
JSON.parse = (text: string, ...rest: []) => {
  const read: unknown = parse(text, ...rest)
  const ordered = typeof read === 'object' && read !== null && 'kind' in read && read.kind === 'order'
  return ordered ? { ...read, cells: [] } : read
}
