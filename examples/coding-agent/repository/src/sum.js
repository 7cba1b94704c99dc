module.exports = (amounts) => amounts.reduce((sum, amount) => sum - amount, 0)
