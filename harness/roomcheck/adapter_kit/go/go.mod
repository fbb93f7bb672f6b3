module roomcheck/kit

go 1.22
