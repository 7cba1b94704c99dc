import { dirname, relative, resolve } from 'node:path'
import { readPlain } from '../../model/host/plain-file.ts'
import { tenantName } from '../../model/index.ts'
import type { PolicyFile } from '../config.ts'
import { policyFiles, STEPS_MAX } from '../policy-files.ts'
import type { ShapedConfig } from '../schema.ts'
import type { Written } from '../shape.ts'
import { type Judge, report } from './judge.ts'

export function readPolicies(judge: Judge): readonly PolicyFile[] {
  const files: PolicyFile[] = []
  const steps = { left: STEPS_MAX }
  const directory = dirname(judge.file)
  const own = [...(judge.shaped.tenants ?? [])].flatMap(([tenant, { value }]) =>
    (value.policies ?? []).map((pattern) => ({ ...pattern, tenant: tenantName(tenant) })),
  )
  for (const { value: pattern, source, tenant } of [...everybodys(judge.shaped.policies), ...own]) {
    const found = policyFiles(pattern, directory, steps)
    if (!found.ok) {
      report(judge, source, `"${pattern}": ${found.reason}`)
      if (steps.left < 0) break
      continue
    }
    if (found.value.length === 0)
      report(
        judge,
        source,
        `no file matches "${pattern}"`,
        'at least one Cedar file: a pattern that matches nothing forbids nothing',
      )
    for (const match of found.value) {
      const file = relative(directory, resolve(directory, match))
      const other = files.find((each) => each.file === file && each.tenant !== tenant)
      if (other !== undefined) {
        const whose = other.tenant === undefined ? 'everybody’s' : `of tenant "${other.tenant}"`
        report(judge, source, `"${file}" is ${whose} already`, 'policies of one tenant only')
      }
      // A pipe would hold whoever reads the configuration in order to stop what runs by it.
      const read = readPlain(resolve(directory, match), POLICY_BYTES_MAX)
      if (!read.ok) report(judge, source, `"${match}" cannot be read: ${read.reason.problem}`)
      else if (!read.value.whole) report(judge, source, `"${match}" has more than ${POLICY_BYTES_MAX} bytes`)
      else files.push({ ...(tenant && { tenant }), file, text: read.value.bytes.toString('utf8') })
    }
  }
  return files
}

/** Bytes of a policy at most, as many as of the configuration itself. */
const POLICY_BYTES_MAX = 1_048_576

function everybodys(policies: ShapedConfig['policies']): readonly (Written<string> & { tenant?: undefined })[] {
  return (policies ?? []).map(({ value, source }) => ({ value, source }))
}
