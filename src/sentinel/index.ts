export { preparedDetectors } from './detectors/all.ts'
export * from './sentinel.ts'
export * from './watch.ts'
