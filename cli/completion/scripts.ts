/**
 * What each shell sources. They know nothing of the commands: they ask `wherry __complete`, which answers from the same tables
 * as the help, with one candidate a line, its description behind a tab; `:files` alone asks for the shell's own file names.
 */
export const completionScripts = {
  bash: String.raw`# bash completion of wherry
_wherry() {
  local line=${'$'}{COMP_LINE:0:COMP_POINT} cur="" prefix="" each
  local -a words found
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  cur=${'$'}{words[-1]}
  mapfile -t found < <("${'$'}{words[0]}" __complete -- "${'$'}{words[@]:1}" 2> /dev/null)
  COMPREPLY=()
  if [[ ${'$'}{found[0]} == ":files" ]]; then
    compopt -o default 2> /dev/null
    return
  fi
  # Readline replaces only what stands behind the last of its word breaks.
  [[ $cur == *[:=]* && $COMP_WORDBREAKS == *:* ]] && prefix=${'$'}{cur%"${'$'}{cur##*[:=]}"}
  for each in "${'$'}{found[@]}"; do
    each=${'$'}{each%%$'\t'*}
    [[ -n $each && $each == "$cur"* ]] && COMPREPLY+=("${'$'}{each#"$prefix"}")
  done
  [[ ${'$'}{#COMPREPLY[@]} -eq 1 && ${'$'}{COMPREPLY[0]} == *= ]] && compopt -o nospace 2> /dev/null
  return 0
}
complete -F _wherry wherry
`,
  zsh: String.raw`#compdef wherry
# zsh completion of wherry
_wherry() {
  local -a found shown
  local each
  found=("${'$'}{(@f)$("${'$'}{words[1]}" __complete -- "${'$'}{(@)words[2,CURRENT]}" 2> /dev/null)}")
  if [[ ${'$'}{found[1]} == ":files" ]]; then
    _files
    return
  fi
  for each in "${'$'}{found[@]}"; do
    [[ -n $each ]] && shown+=("${'$'}{${'$'}{each%%$'\t'*}//:/\\:}:${'$'}{each#*$'\t'}")
  done
  _describe wherry shown
}
if [[ ${'$'}{funcstack[1]} == _wherry ]]; then
  _wherry "$@"
else
  compdef _wherry wherry
fi
`,
  fish: String.raw`# fish completion of wherry
function __wherry_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found ($words[1] __complete -- $words[2..-1] 2> /dev/null)
    if test "$found[1]" = ":files"
        __fish_complete_path (commandline -ct)
    else
        printf '%s\n' $found
    end
end
complete -c wherry -f -a '(__wherry_complete)'
`,
} as const;
