# Out of the table of verbs in main.c, what may follow a verb, or an action of
# one: cases of a shell, which read ${what} and set ${may}.

/^static const struct ctl_verb ctl_verbs/ { inside = 1; next }
/^};/ { inside = 0 }
inside { table = table $0 }

END {
	verbs = "help"
	count = split(table, rows, "}")
	for (i = 1; i <= count; i++)
		row(rows[i])
	say("help ", verbs)
	say(" ", verbs " --config --help --version")
}

function row(entry,    text, part, count, i, first, action) {
	gsub(/"[ \t]+"/, "", entry) # literals side by side are one
	if (split(entry, text, "\"") < 5)
		return
	verbs = verbs " " text[2]
	count = split(text[4], part, "|")
	for (i = 1; i <= count; i++) {
		if (match(part[i], /^[a-z]+/)) {
			action = substr(part[i], 1, RLENGTH)
			first = first " " action
			say(text[2] " " action, options(part[i]))
		} else
			first = first options(part[i])
	}
	say(text[2] " ", first)
}

function options(text,    found) {
	while (match(text, /--[a-z-]+/)) {
		found = found " " substr(text, RSTART, RLENGTH)
		text = substr(text, RSTART + RLENGTH)
	}
	return found
}

function say(what, may) {
	sub(/^ /, "", may)
	if (may != "")
		print "\t'" what "') may='" may "' ;;"
}
