// Renews the browser build that the chat example carries: `npm run vendor`, after the version in package.json changed.
import { copyFile } from 'node:fs/promises';
import { installed, vendored } from './support.mjs';

await copyFile(installed, vendored);
console.log(`copied ${installed} to ${vendored}; now put the version into vendor/README.md`);
