# hookline completion fish
function __hookline
    set -l words (commandline -opc) (commandline -ct)
    $words[1] complete -- $words[2..] 2>/dev/null
end
complete -c hookline -n 'test -n "$(__hookline)"' -f -a '(__hookline)'
