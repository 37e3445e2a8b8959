# hookline completion bash
_hookline() {
  local IFS=$'\n' word last=-1 words=()
  # bash takes --flag=value apart at the "="; put it together again.
  for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
    if [[ $last -ge 0 && ( $word == "=" || ${words[last]} == --*= ) ]]; then words[last]+=$word; else words[++last]=$word; fi
  done
  COMPREPLY=($("${COMP_WORDS[0]}" complete -- "${words[@]}" 2>/dev/null | cut -f 1))
  if [[ ${words[last]} == --*=* ]]; then COMPREPLY=("${COMPREPLY[@]#--*=}"); fi # what bash replaces begins after it
}
complete -o bashdefault -o default -F _hookline hookline
