#!/bin/sh
# The gate as a CGI program, where no FastCGI is to be had: a copy of this
# file, executable, in the web server's CGI folder.  Its URL followed by
# /session, /sessions, /logout, /logout-all, /logout-others, /revoke?id=ID,
# /token or /jwks is that endpoint.
#
# lighttpd: server.modules += ( "mod_cgi" )
#           cgi.assign = ( "/latchkey.cgi" => "" )
# Apache:   ScriptAlias /latchkey.cgi /usr/lib/cgi-bin/latchkey.cgi
#           and, for tokens in the Authorization header, CGIPassAuth On
#
# LATCHKEY_CGI asks for this mode and names the settings file, which the web
# server's user must be able to read; for sessions in a file he must be in the
# group latchkey.  Do not hand the arguments on, and do
# not set the variable from anything that a request contains.
LATCHKEY_CGI=/etc/latchkey/latchkey.conf
export LATCHKEY_CGI
exec /usr/local/sbin/latchkey-fcgi
