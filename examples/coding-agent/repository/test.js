const sum = require('./src/sum.js')

if (sum([1990, 4500]) !== 6490) {
  console.error(`FAIL: ${sum([1990, 4500])} is not 6490`)
  process.exit(1)
}
console.log('PASS')
