#!/usr/bin/perl
# The same login page as login.php, as CGI, by what Perl comes with.
use v5.36;
use IO::Socket::UNIX; use JSON::PP; use Socket;
my ($agent, $name) = ('/run/latchkey/agent.sock', 'latchkey');
my $json = JSON::PP->new; # takes UTF-8 as it is, and so does the agent
my %passwords = (); # by user, as crypt(3) has them: mkpasswd -m sha-512
# The status and what is said; 503 if there is no answer.
sub ask {
    my ($verb, %fields) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => $agent) or return (503, {});
    my $body = $verb eq 'sessions' ? '' : $json->encode(\%fields);
    my $query = join '&', map { "$_=" . $fields{$_} =~
        s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ger } keys %fields;
    my $head = $body eq '' ? "GET /v1/$verb?$query HTTP/1.1"
        : "POST /v1/$verb HTTP/1.1\r\nContent-Type: application/json";
    local ($SIG{PIPE}, $/) = ('IGNORE', undef);
    $socket->setsockopt(SOL_SOCKET, SO_RCVTIMEO, pack 'l!l!', 5, 0);
    $socket->print("$head\r\nHost: localhost\r\nConnection: close",
        "\r\nContent-Length: ", length $body, "\r\n\r\n$body");
    (<$socket> // '') =~ /^HTTP\/1\.1 (\d{3}) .*?\r\n\r\n(.*)/s or return (503, {});
    return ($1, eval { $json->decode($2) } // {});
}
sub page {
    my ($status, $html, @more) = @_;
    exit !print map { "$_\r\n" } "Status: $status", 'Content-Type: text/html',
        'Cache-Control: no-store', @more, '', $html;
}
read STDIN, my $text, $ENV{CONTENT_LENGTH} || 0;
my ($form, $query) = map { +{ map { s/\+/ /gr =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger }
    map { (split(/=/, $_, 2), '')[0, 1] } split /&/, $_ // '' } } $text, $ENV{QUERY_STRING};
my ($token) = (($ENV{HTTP_COOKIE} // '') =~ /(?:^|; )\Q$name\E=([^;]+)/, 'none');
my ($do, $origin) = ($form->{do} // '', ($ENV{HTTP_ORIGIN} // '') =~ s{^https?://}{}r);
my $from = $ENV{HTTP_SEC_FETCH_SITE} // ($origin eq ($ENV{HTTP_HOST} // '-') && 'none');
# No page of another site may log anybody in or out.
page(403, 'Not from there.') if $do && $from !~ /^(?:none|same-origin)\z/;
if ($do eq 'login') {
    my ($user, $known) = ($form->{user} // '', $passwords{$form->{user} // ''});
    page(401, 'Wrong user or password.') unless defined $known
        && (crypt($form->{password} // '', $known) // '') eq $known;
    my ($status, $said) = ask('issue', user => $user, client => 'web', url => $query->{url}
        // '', peer => $ENV{REMOTE_ADDR} // '', replaces => $token);
    page($status, 'You cannot log in now.') if $status != 201;
    page(303, '', "Set-Cookie: $said->{set_cookie}", "Location: $said->{next}");
}
if ($do eq 'logout' || $do eq 'logout-others') {
    my ($status, $said) = ask($do eq 'logout' ? 'revoke' : $do, token => $token,
        reason => $do);
    page($status, 'Ended: ' . ($said->{revoked} // 'nothing') . '.',
        map { "Set-Cookie: $_" } grep { defined } $said->{set_cookie});
}
my ($status, $me) = ask('check', token => $token);
page($status, '<form method=post><input name=user><input name=password '
    . 'type=password><button name=do value=login>Log in</button></form>')
    if $status != 200;
($status, my $all) = ask('sessions', user => $me->{user});
page($status, 'Your sessions:<ul>'
    . join('', map { "<li>$_->{client} $_->{id}" } @$all)
    . '</ul><form method=post><button name=do value=logout>Log out</button>'
    . '<button name=do value=logout-others>Elsewhere</button></form>');
