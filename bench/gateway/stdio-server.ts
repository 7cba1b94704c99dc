/** The same upstream on standard streams, for the peer that fronts stdio servers. */
import process from 'node:process'
import { createInterface } from 'node:readline'
import { answerTo } from './answers.ts'

for await (const line of createInterface({ input: process.stdin })) {
  const answer = answerTo(JSON.parse(line))
  if (answer !== undefined) process.stdout.write(`${answer}\n`)
}
