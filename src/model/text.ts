/** At most this many characters of a text, never half of one: what is cut stays well-formed. */
export function cutText(text: string, characters: number): string {
  if (text.length <= characters) return text.toWellFormed()
  const splitsPair = (text.charCodeAt(characters - 1) & 0xfc00) === 0xd800
  return text.slice(0, splitsPair ? characters - 1 : characters).toWellFormed()
}
