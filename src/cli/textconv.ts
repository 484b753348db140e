// What `runtree git setup` has git run for a diff: once for each version of each file, so it loads next to nothing.
import { readFileSync } from "node:fs";
import { fieldsText } from "./fields.ts";

process.stdout.write(fieldsText(readFileSync(process.argv[2] ?? 0)));
