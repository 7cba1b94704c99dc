/** One wrong edit of the compiler: the first occurrence of a text in a file of this room becomes another. */
export interface PlantedBug {
  readonly what: string
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** Each must be noticed by the comparison with Cedar. One whose text is no longer there fails its test: write it anew. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  // Booleans
  bug('&& ignores its left side', 'operators.ts', 'if (first === false) return false', ''),
  bug(
    '&& takes any right side',
    'operators.ts',
    "return typeof second === 'boolean' || second instanceof Fault ? second : wrongType('bool', second)",
    'return second',
  ),
  bug(
    '&& evaluates the right side first',
    'operators.ts',
    'const first = left(request)\n    if (first === false)',
    'const first = right(request)\n    if (first === false)',
  ),
  bug('|| does not stop at true', 'operators.ts', 'if (first === true) return true', ''),
  bug(
    '|| skips a fault on its left',
    'operators.ts',
    "if (first !== false) return first instanceof Fault ? first : wrongType('bool', first)\n    const second = right(request)\n    return typeof second === 'boolean' || second instanceof Fault ? second : wrongType('bool', second)",
    "if (first !== false && !(first instanceof Fault)) return wrongType('bool', first)\n    return right(request)",
  ),
  bug(
    '! of a fault is true',
    'operators.ts',
    "if (value instanceof Fault) return value\n    return typeof value === 'boolean' ?",
    "if (value instanceof Fault) return true\n    return typeof value === 'boolean' ?",
  ),
  bug('! does not negate', 'operators.ts', '? !value', '? value'),
  bug(
    'if takes the other branch',
    'operators.ts',
    'if (chosen === true) return then(request)',
    'if (chosen === true) return otherwise(request)',
  ),
  bug(
    'if treats a non-boolean as false',
    'operators.ts',
    "return chosen instanceof Fault ? chosen : wrongType('bool', chosen)",
    'return chosen instanceof Fault ? chosen : otherwise(request)',
  ),
  // Equality and sets
  bug(
    '== of two faults',
    'operators.ts',
    "'==': strict((left, right) => obstacle(left) ?? obstacle(right) ?? equal(left, right))",
    "'==': (left, right) => (request) => { const [a, b] = [left(request), right(request)]; return a instanceof Fault || b instanceof Fault ? false : equal(a, b) }",
  ),
  bug('!= is ==', 'operators.ts', '?? !equal(left, right)', '?? equal(left, right)'),
  bug('equality of entities by id alone', 'value.ts', 'left.key === right.key', 'left.id === right.id'),
  bug('equality of decimals by identity', 'value.ts', 'left.units === right.units', 'false'),
  bug('equality of sets by size', 'value.ts', 'for (const key of left) if (!right.has(key)) return false', ''),
  bug('a subset is equal', 'value.ts', 'if (left.size !== right.size) return false', ''),
  bug('a record is never equal', 'value.ts', 'return keyOf(left) === keyOf(right)', 'return false'),
  bug('records equal whatever their values', 'value.ts', '=${keyOf(member)}', ''),
  bug('a text equals the number it shows', 'value.ts', 'return `s${value.length}:${value}`', 'return `l${value}`'),
  bug(
    'contains compares types only',
    'operators.ts',
    'set.keys.has(keyOf(item))',
    'set.items.some((each) => typeof each === typeof item)',
  ),
  bug(
    'contains on anything',
    'operators.ts',
    "if (!(set instanceof CedarSet)) return wrongType('set', set)\n    return",
    'if (!(set instanceof CedarSet)) return false\n    return',
  ),
  bug('containsAll the other way round', 'operators.ts', 'others.isSubsetOf(set)', 'set.isSubsetOf(others)'),
  bug('containsAny is containsAll', 'operators.ts', '!others.isDisjointFrom(set)', 'others.isSubsetOf(set)'),
  bug('isEmpty of everything', 'operators.ts', 'value.items.length === 0', 'value.items.length <= 1'),
  bug(
    'a set skips a fault in it',
    'operators.ts',
    'if (value instanceof Fault) return value\n      const lost',
    'if (value instanceof Fault) continue\n      const lost',
  ),
  bug(
    'fields in UTF-16 order',
    'operators.ts',
    'fields.toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))',
    'fields.toSorted(([a], [b]) => (a < b ? -1 : 1))',
  ),
  bug(
    'fields in the order written',
    'operators.ts',
    'fields.toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))',
    'fields',
  ),
  // Numbers
  bug(
    '< is <=',
    'operators.ts',
    "'<': comparison((left, right) => left < right)",
    "'<': comparison((left, right) => left <= right)",
  ),
  bug(
    '<= is <',
    'operators.ts',
    "'<=': comparison((left, right) => left <= right)",
    "'<=': comparison((left, right) => left < right)",
  ),
  bug(
    '> is >=',
    'operators.ts',
    "'>': comparison((left, right) => left > right)",
    "'>': comparison((left, right) => left >= right)",
  ),
  bug(
    '>= is >',
    'operators.ts',
    "'>=': comparison((left, right) => left >= right)",
    "'>=': comparison((left, right) => left > right)",
  ),
  bug(
    'texts are compared',
    'operators.ts',
    "return wrongType(isLong(right) ? 'long' : COMPARABLE, left)",
    "return typeof left === 'string' && typeof right === 'string' ? left < right : wrongType('long', left)",
  ),
  bug(
    'the right fault before the left one',
    'operators.ts',
    'const first = left(request)\n    if (first instanceof Fault) return first\n    const second = right(request)\n    return second instanceof Fault ? second : apply(first, second)',
    'const second = right(request)\n    if (second instanceof Fault) return second\n    const first = left(request)\n    return first instanceof Fault ? first : apply(first, second)',
  ),
  bug(
    'in on anything',
    'operators.ts',
    'if (!(entity instanceof Entity)) return wrongType(ANY_ENTITY, entity)\n    return isInAny',
    'return isInAny',
  ),
  bug('sums in floating point', 'operators.ts', 'if (Number.isSafeInteger(result)) return result', 'return result'),
  bug(
    'a sum that overflows wraps',
    'long.ts',
    'if (!fits(value)) return undefined',
    'value = BigInt.asIntN(64, value)',
  ),
  bug('64 bits without the least number', 'long.ts', 'value >= -(2n ** 63n)', 'value > -(2n ** 63n)'),
  bug('64 bits and one more', 'long.ts', 'value < 2n ** 63n', 'value <= 2n ** 63n'),
  bug('neg drops the sign', 'operators.ts', 'long(-BigInt(value))', 'long(BigInt(value))'),
  bug(
    '- is commutative',
    'operators.ts',
    '(a, b) => a - b,\n    (a, b) => a - b,',
    '(a, b) => b - a,\n    (a, b) => b - a,',
  ),
  bug('* adds', 'operators.ts', '(a, b) => a * b,\n    (a, b) => a * b,', '(a, b) => a + b,\n    (a, b) => a * b,'),
  // Decimals
  bug('five places', 'decimal.ts', '{1,4}', '{1,5}'),
  bug('a decimal without a point', 'decimal.ts', '\\.(\\d{1,4})$', '(?:\\.(\\d{1,4}))?$'),
  bug('a plus sign', 'decimal.ts', '^(-?', '^([-+]?'),
  bug('places are not padded', 'decimal.ts', "fraction.padEnd(4, '0')", 'fraction'),
  bug('the sign of -0.5 is lost', 'decimal.ts', 'BigInt(`${whole}', "BigInt(`${whole.replace(/^-0+$/, '0')}"),
  bug('decimals without a limit', 'decimal.ts', 'fits(units)', 'units === units'),
  bug(
    'lessThan includes equal',
    'operators.ts',
    'lessThan: decimals((left, right) => left < right)',
    'lessThan: decimals((left, right) => left <= right)',
  ),
  bug(
    'greaterThanOrEqual excludes equal',
    'operators.ts',
    'greaterThanOrEqual: decimals((left, right) => left >= right)',
    'greaterThanOrEqual: decimals((left, right) => left > right)',
  ),
  bug(
    'in looks at the type of its left before the fault of its right',
    'operators.ts',
    'if (ancestors instanceof Fault) return ancestors\n    if (!(entity instanceof Entity)) return wrongType(ANY_ENTITY, entity)',
    'if (!(entity instanceof Entity)) return wrongType(ANY_ENTITY, entity)\n    if (ancestors instanceof Fault) return ancestors',
  ),
  // Texts
  bug('like anywhere in the text', 'pattern.ts', '|| !text.endsWith(tail)', ''),
  bug('like lets head and tail overlap', 'pattern.ts', 'text.length < head.length + tail.length || ', ''),
  bug('like finds the pieces in any order', 'pattern.ts', 'text.indexOf(piece, at)', 'text.indexOf(piece)'),
  bug('like lets a piece reach into the tail', 'pattern.ts', ' || found + piece.length > end', ''),
  bug(
    'like without a wildcard is a prefix',
    'pattern.ts',
    '(text) => text === head',
    '(text) => text.startsWith(head)',
  ),
  bug(
    'like folds case',
    'pattern.ts',
    '(text) => text === head',
    '(text) => text.toLowerCase() === head.toLowerCase()',
  ),
  // Entities and attributes
  bug('in leaves out the entity itself', 'request.ts', 'entity.key === ancestorKey || ', ''),
  bug(
    'in looks at no ancestor',
    'request.ts',
    'entities.get(entity.key)?.ancestors.has(ancestorKey) === true',
    'false',
  ),
  bug(
    'in a set skips what is no entity',
    'operators.ts',
    'if (!(ancestor instanceof Entity)) return wrongType(ANY_ENTITY, ancestor)',
    'if (!(ancestor instanceof Entity)) continue',
  ),
  bug('is looks at the id', 'operators.ts', 'entity.type === type', 'entity.id === type'),
  bug(
    'is … in forgets the in',
    'expression.ts',
    'if (!isJsonObject(body) || body.in === undefined)',
    'if (isJsonObject(body))',
  ),
  bug(
    'an absent attribute is false',
    'member.ts',
    "return new Fault('attribute', `there is no attribute ${JSON.stringify(name)}`)",
    'return false',
  ),
  bug(
    'a stranger has no attributes, rather than not being there',
    'member.ts',
    "return new Fault('entity', `entity ${from.key} does not exist`)",
    "return new Fault('attribute', name)",
  ),
  bug('has looks only at the first step', 'member.ts', 'index === path.length - 1', 'index === 0'),
  bug('has of anything is false', 'member.ts', 'return wrongType(RECORD_OR_ENTITY, from)\n}', 'return undefined\n}'),
  bug(
    'has looks at records only',
    'member.ts',
    'if (from instanceof Entity) return request.entities.get(from.key)?.attributes.get(name)\n',
    'if (from instanceof Entity) return undefined\n',
  ),
  // Policies
  bug('unless is when', 'expression.ts', "condition.kind === 'unless' ?", 'false ?'),
  bug(
    'only the first condition counts',
    'expression.ts',
    'return clauses.reduce(',
    'return clauses.slice(0, 1).reduce(',
  ),
  bug(
    'conditions are alternatives',
    'expression.ts',
    "operator(BINARY, '&&'), () => true)",
    "operator(BINARY, '||'), () => false)",
  ),
  bug('resource for principal', 'expression.ts', 'request.principal', 'request.resource'),
  bug('a scope without its action', 'compile.ts', '&& action(a, entities) &&', '&&'),
  bug(
    'a scope that takes the first action only',
    'compile.ts',
    'const literals = Array.isArray(json.entities) ? json.entities',
    'const literals = Array.isArray(json.entities) ? json.entities.slice(0, 1)',
  ),
  bug(
    'a scope "is … in" forgets the in',
    'compile.ts',
    '(within === undefined || isIn(entities, entity, within))',
    'true',
  ),
  bug('a guarded policy that faults is not run', 'judge.ts', 'else run(all, request, judged)', ''),
  bug('guards of different subjects in one group', 'guard.ts', 'subjectKey: JSON.stringify(subject)', "subjectKey: ''"),
  bug('a guard from an unless', 'guard.ts', "first.kind !== 'when'", "first.kind === 'never'"),
  bug('a guard that is not evaluated first', 'guard.ts', '.left\n', '.right\n'),
  bug(
    'slices not told apart by resource',
    'slices.ts',
    'policies.filter(({ scope }) => scope(principal, action, resource, entities))',
    'policies',
  ),
  bug(
    'slices shared by principals',
    'slices.ts',
    'get(principal.key)?.get(resource.key)',
    'values().next().value?.get(resource.key)',
  ),
  bug('a fault counts as true', 'judge.ts', 'if (outcome === true)', 'if (outcome !== false)'),
  bug(
    'the first forbid ends it',
    'judge.ts',
    'for (const policy of policies) {',
    'for (const policy of policies) {\n    if (judged.forbids.length > 0) return',
  ),
]

function bug(what: string, file: string, find: string, replace: string): PlantedBug {
  return { what, file, find, replace }
}
