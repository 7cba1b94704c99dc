export * from './sentinel.ts'
export * from './watch.ts'
