/** Returns how often `work` has a text normalised: each spelling of a text that is more than ASCII is, once. */
export function normalized(work: () => unknown): number {
  const before = String.prototype.normalize
  let count = 0
  String.prototype.normalize = function (...form) {
    count++
    return before.apply(this, form)
  }
  try {
    work()
  } finally {
    String.prototype.normalize = before
  }
  return count
}
