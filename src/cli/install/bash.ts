import { type Entry, tableFunctions } from './words-table.ts';

/**
 * A script for bash(1). Not yargs' own: that starts Node for every TAB, knows no lists with commas, and offers files
 * wherever it has nothing else. Here Node is started for names that only a hosts file knows.
 */
export function bashScript(entries: readonly Entry[]): string {
  return `# bash completion for ob, printed by: ob completion bash

${tableFunctions(entries)}${FUNCTIONS}
complete -F _ob ob
`;
}

const FUNCTIONS = `
# Folders that match, each by its last name. compgen, since a shell may be told to fail where nothing matches.
_ob_folders() {
  local dir
  while IFS= read -r dir; do
    dir=\${dir%/}
    [[ $2 == all || $(<"$dir/cgroup.events") == *'populated 1'* ]] && printf '%s\\n' "\${dir##*/}"
  done < <(compgen -G "/sys/fs/cgroup/$1"; compgen -G "/sys/fs/cgroup/unified/$1")
}

_ob_words() {
  case $1 in
    names | list) "$ob" completion names "\${files[@]}" ;;
    running) _ob_folders 'ob/*/*/' populated ;;
    scopes) _ob_folders 'ob/*/' all ;;
    '='*) printf '%s\\n' "\${1#=}" ;;
  esac </dev/null 2>/dev/null
}

# Adds what begins with $cur. No compgen -W: it would expand what stands in a name.
_ob_offer() {
  local word head=''
  case $1 in
    file | any)
      compopt -o filenames 2>/dev/null
      while IFS= read -r word; do
        [[ $1 == any || $word == *.@(yaml|yml|conf) || -d \${word/#\\~/$HOME} ]] && COMPREPLY+=("$word")
      done < <(compgen -f -- "$cur")
      return
      ;;
    list) [[ $cur == *,* ]] && head=\${cur%,*}, ;;
  esac
  while IFS= read -r word; do
    [[ $head$word == "$cur"* && ,$head != *,"$word",* ]] && COMPREPLY+=("$head$word")
  done < <(_ob_words "$1")
}

# A command of the subhost, and what it is given.
_ob_command() {
  local word kind=-f
  (($1 == COMP_CWORD)) && kind=-c
  compopt -o filenames 2>/dev/null
  while IFS= read -r word; do
    COMPREPLY+=("$word")
  done < <(compgen $kind -- "$cur")
}

_ob() {
  local ob=\${1/#\\~/$HOME} cur=\${COMP_WORDS[COMP_CWORD]} command='' option='' word kinds='' count=0 at
  local -a files=()
  COMPREPLY=()
  # Readline makes three words of --limit=web.
  [[ $cur == = ]] && cur=''
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    if [[ $word == = ]]; then
      continue
    elif [[ -n $option ]]; then
      [[ $option == --file ]] && files+=(--file "$word")
      option=''
    elif [[ $word == -- ]]; then
      _ob_takes_command "$command" && _ob_command $((at + 1))
      return 0
    elif [[ $word == -* ]]; then
      _ob_value "$command:$word" >/dev/null && option=$word
    elif [[ -z $command ]]; then
      command=$word
    else
      [[ $word == *[./]* ]] && files+=(--file "$word")
      count=$((count + 1))
    fi
  done
  if [[ -n $option ]]; then
    kinds=$(_ob_value "$command:$option")
  elif [[ $cur == -* || -z $command ]]; then
    while IFS= read -r word; do
      [[ $word == "$cur"* ]] && COMPREPLY+=("\${word%%:*}")
    done < <(if [[ $cur == -* ]]; then _ob_options "$command"; else _ob_commands; fi)
    return 0
  else
    kinds=$(_ob_places "$command" "$count")
  fi
  for word in $kinds; do
    _ob_offer "$word"
  done
  return 0
}
`;
