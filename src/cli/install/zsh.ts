import { type Entry, tableFunctions } from './words-table.ts';

/** A script for zsh(1): to be sourced, or to lie as \`_ob\` in a folder of \`$fpath\`. */
export function zshScript(entries: readonly Entry[]): string {
  return `#compdef ob
# zsh completion for ob, printed by: ob completion zsh

${tableFunctions(entries)}${FUNCTIONS}
# Lying in $fpath, this file is itself the body of _ob.
if [[ $funcstack[1] == _ob ]]; then _ob "$@"; else compdef _ob ob; fi
`;
}

const FUNCTIONS = `
_ob_words() {
  local dir
  case $1 in
    names | list) "$ob" completion names $files ;;
    running)
      for dir in /sys/fs/cgroup/ob/*/*(N/) /sys/fs/cgroup/unified/ob/*/*(N/); do
        [[ "$(<$dir/cgroup.events)" == *'populated 1'* ]] && print -r -- $dir:t
      done
      ;;
    scopes)
      for dir in /sys/fs/cgroup/ob/*(N/) /sys/fs/cgroup/unified/ob/*(N/); do print -r -- $dir:t; done
      ;;
  esac </dev/null 2>/dev/null
}

_ob_offer() {
  case $1 in
    file) _files -g '*.(yaml|yml|conf)' ;;
    any) _files ;;
    '='*) compadd -- \${1#=} ;;
    list)
      compset -P '*,'
      compadd -S '' -- \${(f)"$(_ob_words list)"}
      ;;
    *) compadd -- \${(f)"$(_ob_words $1)"} ;;
  esac
}

_ob() {
  local ob=\${words[1]/#\\~/$HOME} command='' option='' word count=0 at
  local -a files kinds found
  for ((at = 2; at < CURRENT; at++)); do
    word=\${(Q)words[at]}
    if [[ -n $option ]]; then
      [[ $option == --file ]] && files+=(--file $word)
      option=''
    elif [[ $word == -- ]]; then
      _ob_takes_command "$command" || return 0
      words=("\${(@)words[at + 1, -1]}")
      ((CURRENT -= at))
      _normal
      return
    elif [[ $word == --*=* ]]; then
      [[ $word == --file=* ]] && files+=(--file \${word#*=})
    elif [[ $word == -* ]]; then
      _ob_value "$command:$word" >/dev/null && option=$word
    elif [[ -z $command ]]; then
      command=$word
    else
      [[ $word == *[./]* ]] && files+=(--file $word)
      count=$((count + 1))
    fi
  done
  word=$words[CURRENT]
  if [[ -z $option && $word == --*=* ]]; then
    option=\${word%%=*}
    compset -P '*='
  fi
  if [[ -n $option ]]; then
    kinds=($(_ob_value "$command:$option"))
  elif [[ $word == -* ]]; then
    found=(\${(f)"$(_ob_options "$command")"})
    _describe option found
    return
  elif [[ -z $command ]]; then
    found=(\${(f)"$(_ob_commands)"})
    _describe command found
    return
  else
    kinds=($(_ob_places $command $count))
  fi
  for word in $kinds; do _ob_offer $word; done
}
`;
