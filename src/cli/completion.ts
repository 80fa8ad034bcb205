import { oneOf } from "./settings.ts";

const SCRIPTS = {
  // Bash takes @ and : for ends of words, so what stands in front of the last of them has to go from the answers.
  bash: `_waypost() {
  local line="\${COMP_LINE:0:COMP_POINT}" current candidates prefix
  local -a typed
  read -ra typed <<< "$line"
  [[ $line == *[[:space:]] ]] && typed+=("")
  current="\${typed[\${#typed[@]}-1]}"
  candidates="$(waypost __complete -- "\${typed[@]:1}" 2>/dev/null)"
  if [ "$candidates" = ":files" ]; then
    COMPREPLY=($(compgen -f -- "$current"))
  else
    COMPREPLY=($(compgen -W "$candidates" -- "$current"))
  fi
  prefix="\${current%"\${current##*[@:=]}"}"
  COMPREPLY=("\${COMPREPLY[@]#"$prefix"}")
}
complete -F _waypost waypost
`,
  zsh: `#compdef waypost
_waypost() {
  local -a candidates
  candidates=("\${(@f)$(waypost __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ "\${candidates[1]}" == ":files" ]]; then _files; else compadd -a candidates; fi
}
# Autoloaded from fpath this file is the function; sourced, it only names it.
if [ "$funcstack[1]" = "_waypost" ]; then _waypost; else compdef _waypost waypost; fi
`,
  fish: `function __waypost_complete
  set -l typed (commandline -opc)
  set -e typed[1]
  set -l candidates (waypost __complete -- $typed (commandline -ct) 2>/dev/null)
  if test "$candidates" = ":files"
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $candidates
  end
end
complete -c waypost -f -a '(__waypost_complete)'
`,
} as const;

/**
 * The script that makes a shell ask `waypost __complete` for what may follow.
 * @throws WaypostError SETTING_INVALID for a shell that is none of bash, zsh and fish
 */
export function completionScript(shell: string): string {
  return SCRIPTS[oneOf(Object.keys(SCRIPTS), shell, "completion") as keyof typeof SCRIPTS];
}
