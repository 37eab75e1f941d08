// What the cases show to the server and no log may repeat: tokens, cookies, the secrets of connections.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** Long enough not to be in a log by chance. */
const WORD = /[\w-]{16,}/g;

const known = new Set();

/** Keeps a secret in mind, by its long words: the three parts of a token, the value of a cookie. Hands it back. */
export function secret(text) {
  for (const word of String(text).match(WORD) ?? []) known.add(word);
  return text;
}

/** The words of all secrets so far. */
export const secretWords = () => [...known];

/** The lines of a file that have one of the words, with what was found hidden; and how many lines there are. */
export async function leaksIn(file, words) {
  const secrets = new Set(words);
  const leaks = [];
  let lines = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    lines++;
    const found = (line.match(WORD) ?? []).filter((word) => secrets.has(word));
    if (found.length) leaks.push(found.reduce((text, word) => text.replaceAll(word, `<${word.length} characters of a secret>`), line));
  }
  return { lines, leaks };
}
