import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileNameOf } from './implementation.mjs';
const here = dirname(fileURLToPath(import.meta.url));
export const kRecorded = (name) => join(here, 'results', `${fileNameOf(name)}.json`);
export function writeReport() {}
