import type { Argv, CommandModule } from "yargs";
import { printData } from "./output.ts";

/** Asks the program itself for what may come next; what is not a flag is left to file names where it knows nothing. */
const BASH = `# Completion of runtree for bash. Now: source <(runtree completion bash)
# For good: runtree completion bash > ~/.local/share/bash-completion/completions/runtree
_runtree() {
  local current=\${COMP_WORDS[COMP_CWORD]} word
  COMPREPLY=()
  while IFS= read -r word; do
    [[ $word == -* && $current != -* ]] && continue
    [[ $word == "$current"* ]] && COMPREPLY+=("$word")
  done < <(SHELL=bash ZSH_NAME= runtree --get-yargs-completions "\${COMP_WORDS[@]:0:COMP_CWORD+1}" 2>/dev/null)
}
complete -o bashdefault -o default -F _runtree runtree
`;

const ZSH = `#compdef runtree
# Completion of runtree for zsh, after compinit. Now: source <(runtree completion zsh)
# For good: runtree completion zsh > a folder of $fpath/_runtree
_runtree() {
  local -a found
  found=(\${(f)"$(SHELL=zsh runtree --get-yargs-completions "\${(@)words[1,CURRENT]}" 2>/dev/null)"})
  [[ $words[CURRENT] == -* ]] || found=(\${found:#-*})
  if (( $#found )); then _describe runtree found; else _default; fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _runtree "$@"; else compdef _runtree runtree; fi
`;

const SCRIPTS = { bash: BASH, zsh: ZSH } as const;

interface CompletionFlags {
  readonly shell: keyof typeof SCRIPTS;
  readonly json: boolean;
}

export const completionCommand: CommandModule<object, CompletionFlags> = {
  command: "completion [shell]",
  describe: "print what makes bash or zsh complete commands and flags: source <(runtree completion bash)",
  builder: (yargs) =>
    yargs.positional("shell", {
      choices: Object.keys(SCRIPTS),
      default: process.env["SHELL"]?.endsWith("zsh") === true ? "zsh" : "bash",
      defaultDescription: "yours, or bash",
      describe: "the shell",
    }) as unknown as Argv<CompletionFlags>,
  handler: ({ shell, json }) => printData(json, { shell, script: SCRIPTS[shell] }, SCRIPTS[shell]),
};
