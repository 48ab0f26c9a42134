/** Ranges that many settings share. */

import { z } from "zod";

export const positive = z.number().positive();
export const share = z.number().min(0).max(1);
