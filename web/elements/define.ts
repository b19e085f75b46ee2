/** Importing this module registers every element. */

import { defineElements } from './index.js';

defineElements();
