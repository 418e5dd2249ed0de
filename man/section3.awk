# Section 3 of the manual, out of latchkey.h: a page for each of its sections,
# in the folder -v to=, and for each function a page that names that one.

function flush_page(    i, n) {
	if (title == "" || functions == "")
		return
	page = to "/" name ".3"
	printf ".TH %s 3 %s \"latchkey\" \"Library functions\"\n", \
	    toupper(name), date > page
	gsub(/, /, ",\n", functions)
	printf ".SH NAME\n%s \\- %s\n", functions, purpose > page
	printf ".SH SYNOPSIS\n.nf\n#include <latchkey.h>\n%s.fi\n", \
	    synopsis > page
	body = types body
	gsub(/(\.PP\n)+/, ".PP\n", body)
	sub(/^\.PP\n/, "", body)
	printf ".SH DESCRIPTION\n%s", body > page
	print ".SH SEE ALSO\n.BR latchkey (1),\n.BR latchkey.conf (5)" > page
	close(page)
	n = split(functions, one, ",\n")
	for (i = 1; i <= n; i++) {
		print ".so man3/" name ".3" > (to "/" one[i] ".3")
		close(to "/" one[i] ".3")
	}
}

function new_page(text) {
	flush_page()
	title = text
	purpose = tolower(substr(text, 1, 1)) substr(text, 2)
	name = tolower(text)
	sub(/:.*/, "", name)
	gsub(/ /, "-", name)
	name = "latchkey-" name
	functions = synopsis = types = body = ""
}

function escaped(text) {
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	if (text ~ /^[.']/)
		text = "\\&" text
	return text
}

# A line of prose: names of parameters in italics, code in bold.
function prose(text) {
	text = escaped(text)
	while (match(text, /\$[{][^}]*[}]/))
		text = substr(text, 1, RSTART - 1) "\\fI" \
		    substr(text, RSTART + 2, RLENGTH - 3) "\\fP" \
		    substr(text, RSTART + RLENGTH)
	while (match(text, /`[^`]*`/))
		text = substr(text, 1, RSTART - 1) "\\fB" \
		    substr(text, RSTART + 1, RLENGTH - 2) "\\fP" \
		    substr(text, RSTART + RLENGTH)
	return text
}

# No longer than 78 characters, which escapes may have made it.
function fitted(text,    i) {
	if (length(text) <= 78)
		return text
	for (i = 78; i > 0 && substr(text, i, 1) != " "; i--)
		;
	return substr(text, 1, i - 1) "\n" fitted(substr(text, i + 1))
}

# The comment as paragraphs, lists and examples.
function described(text,    line, i, n, out, shown, listed, begun) {
	n = split(text, line, "\n")
	for (i = 1; i <= n; i++) {
		if (line[i] ~ /^[ \t]*$/) {
			if (!shown)
				out = out (begun ? ".PP\n" : "")
			begun = 0
			continue
		}
		if (line[i] ~ /^    /) {
			if (!shown) {
				sub(/\.PP\n$/, "", out)
				out = out ".PP\n.EX\n"
			}
			shown = 1
			out = out escaped(substr(line[i], 5)) "\n"
			continue
		}
		if (shown) {
			out = out ".EE\n.PP\n"
			shown = 0
		}
		begun = 1
		if (sub(/^- /, "", line[i])) {
			sub(/\.PP\n$/, "", out)
			out = out ".IP \\(bu 2\n"
			listed = 1
		} else if (listed && sub(/^  /, "", line[i])) {
			;
		} else
			listed = 0
		out = out fitted(prose(line[i])) "\n"
	}
	if (shown)
		out = out ".EE\n"
	sub(/\.PP\n$/, "", out)
	return out
}

# A comment and the code below it, as they stand in the header.
function block(comment, code,    line, i, n, names, heads) {
	if (code == "" || code ~ /^(#(if|endif|define LK_(API|MUST))|extern)/) {
		return
	}
	if (code !~ /LK_API/) {
		types = types ".PP\n" described(comment) ".PP\n.EX\n" \
		    escaped_lines(code) ".EE\n"
		return
	}
	gsub(/LK_API /, "", code)
	gsub(/ LK_MUST_CHECK/, "", code)
	synopsis = synopsis ".PP\n" bold_lines(code)
	match(code, /lk_[a-z_]+\(/)
	names = substr(code, RSTART, RLENGTH - 1)
	functions = functions (functions == "" ? "" : ", ") names
	sub(/^lk_[a-z_]+\([^)]*\):[ \n]*/, "", comment)
	body = body ".SS " names "()\n" described(comment)
}

function escaped_lines(code,    line, i, n, out) {
	n = split(code, line, "\n")
	for (i = 1; i < n; i++)
		out = out escaped(line[i]) "\n"
	return out
}

function bold_lines(code,    line, i, n, out) {
	n = split(code, line, "\n")
	for (i = 1; i < n; i++)
		out = out "\\fB" escaped(line[i]) "\\fP\n"
	return out
}

BEGIN { new_page("Status") }

/^\/\* ---- / {
	block(comment, code)
	comment = code = ""
	sub(/^\/\* ---- /, "")
	sub(/ -+ \*\/$/, "")
	new_page($0)
	next
}
/^$/ && !inside {
	block(comment, code)
	comment = code = ""
	next
}
/^\/\*/ {
	if (code != "") {
		block(comment, code)
		comment = code = ""
	}
	inside = 1
	sub(/^\/\*\*? ?/, "")
	if ($0 == "")
		next
}
inside {
	if (sub(/ ?\*\/$/, ""))
		inside = 0
	sub(/^ \* ?/, "")
	if (inside || $0 != "")
		comment = comment $0 "\n"
	next
}
{ code = code $0 "\n" }
END {
	block(comment, code)
	flush_page()
}
