<?php
// A login page that asks latchkeyd: log in, see one's sessions, end them.
// The user that PHP runs as needs a row in latchkeyd.conf, such as
//   { users = [ "www-data" ]; may = [ "check", "issue", "revoke", "list" ];
//     clients = [ "web" ]; min_uid = 1000; }
const AGENT = '/run/latchkey/agent.sock', COOKIE = 'latchkey';
$passwords = []; // by user: password_hash('password', PASSWORD_DEFAULT)
/** The status and what is said; 503 if there is no answer. */
function ask(string $verb, array $fields): array {
    $socket = @stream_socket_client('unix://' . AGENT, $error, $text, 5);
    if (!$socket) return [503, []];
    stream_set_timeout($socket, 5);
    $body = $verb == 'sessions' ? '' : json_encode($fields);
    $head = $body ? "POST /v1/$verb HTTP/1.1\r\nContent-Type: application/json"
        : "GET /v1/$verb?" . http_build_query($fields) . ' HTTP/1.1';
    fwrite($socket, "$head\r\nHost: localhost\r\nConnection: close\r\n"
        . 'Content-Length: ' . strlen($body) . "\r\n\r\n$body");
    if (!preg_match('#^HTTP/1\.1 (\d{3}) .*?\r\n\r\n(.*)#s',
        stream_get_contents($socket), $part)) return [503, []];
    return [(int)$part[1], json_decode($part[2], true) ?? []];
}
function page(int $status, string $html): never {
    http_response_code($status);
    header('Cache-Control: no-store');
    exit($html);
}
$token = (string)($_COOKIE[COOKIE] ?? '') ?: 'none';
$do = $_POST['do'] ?? '';
$from = $_SERVER['HTTP_SEC_FETCH_SITE'] ?? (preg_replace('#^https?://#', '',
    $_SERVER['HTTP_ORIGIN'] ?? '-') === $_SERVER['HTTP_HOST'] ? 'none' : '');
// No page of another site may log anybody in or out.
if ($do && $from != 'none' && $from != 'same-origin')
    page(403, 'Not from there.');
if ($do == 'login') {
    $user = $_POST['user'];
    if (!password_verify($_POST['password'], $passwords[$user] ?? '*'))
        page(401, 'Wrong user or password.');
    [$status, $said] = ask('issue', ['user' => $user, 'client' => 'web',
        'peer' => $_SERVER['REMOTE_ADDR'], 'url' => $_GET['url'] ?? '',
        'replaces' => $token]);
    if ($status != 201) page($status, 'You cannot log in now.');
    header("Set-Cookie: {$said['set_cookie']}");
    header("Location: {$said['next']}", true, 303);
    page(303, '');
}
if ($do == 'logout' || $do == 'logout-others') {
    [$status, $said] = ask($do == 'logout' ? 'revoke' : $do,
        ['token' => $token, 'reason' => $do]);
    if (isset($said['set_cookie'])) header("Set-Cookie: {$said['set_cookie']}");
    page($status, isset($said['revoked']) ? "Ended: {$said['revoked']}." : 'No.');
}
[$status, $me] = ask('check', ['token' => $token]);
if ($status != 200)
    page($status, '<form method=post><input name=user><input name=password '
        . 'type=password><button name=do value=login>Log in</button></form>');
[$status, $all] = ask('sessions', ['user' => $me['user']]);
$rows = array_map(fn($s) => "<li>{$s['client']} {$s['id']}", $all);
page($status, 'Your sessions:<ul>' . implode($rows) . '</ul><form method=post>'
    . '<button name=do value=logout>Log out</button>'
    . '<button name=do value=logout-others>Elsewhere</button></form>');
