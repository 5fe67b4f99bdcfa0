# Completion of berth for fish: asks the program itself. Files are offered where it knows nothing.
function __berth_propose
    /usr/bin/berth complete -- (commandline --tokenize --current-process --cut-at-cursor)[2..] (commandline --current-token --cut-at-cursor) 2>/dev/null
end
complete --command berth --condition '__berth_propose | string length --quiet' --no-files --arguments '(__berth_propose)'
