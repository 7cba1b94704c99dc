/** The letters that look like one of ASCII, each before it. */
export const LOOKALIKES: ReadonlyMap<string, string> = new Map(
  [
    'аa еe оo рp сc хx уy іi ѕs ԁd јj һh ԛq ԝw кk мm тt нh вb ӏl пn',
    'αa εe ιi κk νv οo ρp τt υu χx ωw γy ηn μu ϲc ϳj',
    'օo սu ցg հh ոn զq',
    'ɑa ɡg ɩi ȷj øo łl đd ħh ŧt ƅb',
  ]
    .join(' ')
    .split(' ')
    .map(([letter = '', ascii = '']) => [letter, ascii]),
)
