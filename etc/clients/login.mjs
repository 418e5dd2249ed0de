#!/usr/bin/node
// The same login page as login.php, as a service by what Node comes with: on
// 127.0.0.1:$PORT, for a web server that says Host as it came, and X-Real-IP.
import { scryptSync, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
const AGENT = '/run/latchkey/agent.sock', COOKIE = 'latchkey';
const PASSWORDS = new Map([]); // by user: salt, scryptSync(password, salt, 64)
const FORM = '<form method=post><input name=user><input name=password '
  + 'type=password><button name=do value=login>Log in</button></form>';
const text = async (from) => (await from.setEncoding('utf8').toArray()).join('');
/** The status and what is said; 503 if there is no answer. */
async function ask(verb, fields) {
  const get = verb === 'sessions', query = get && new URLSearchParams(fields);
  const asked = http.request({ socketPath: AGENT, agent: false,
    method: get ? 'GET' : 'POST', path: `/v1/${verb}${get ? `?${query}` : ''}`,
    headers: get ? {} : { 'Content-Type': 'application/json' },
    signal: AbortSignal.timeout(5000) }).on('error', () => {});
  try {
    const [answer] = await once(asked.end(get ? '' : JSON.stringify(fields)),
      'response');
    return [answer.statusCode, JSON.parse(await text(answer))];
  } catch { return [503, {}]; }
}
async function serve({ headers, url, socket }, form) {
  const from = headers['sec-fetch-site'] ?? (headers.origin?.replace(
    /^https?:\/\//, '') === (headers.host ?? '') ? 'same-origin' : 'unknown');
  const cookie = new RegExp(`(?:^|; )${COOKIE}=([^;]+)`).exec(headers.cookie);
  const token = cookie?.[1] ?? 'none', act = form.get('do') ?? '';
  // No page of another site may log anybody in or out.
  if (act && !['none', 'same-origin'].includes(from))
    return [403, 'Not from there.'];
  if (act === 'login') {
    const user = form.get('user') ?? '', password = form.get('password') ?? '';
    const [salt, known] = PASSWORDS.get(user) ?? ['', '0'.repeat(128)];
    if (!timingSafeEqual(scryptSync(password, salt, 64),
      Buffer.from(known, 'hex'))) return [401, 'Wrong user or password.'];
    const [status, said] = await ask('issue', { user, client: 'web',
      replaces: token, url: new URLSearchParams(url.split('?')[1]).get('url') ?? '',
      peer: headers['x-real-ip'] ?? socket.remoteAddress });
    if (status !== 201) return [status, 'You cannot log in now.'];
    return [303, '', { 'Set-Cookie': said.set_cookie, Location: said.next }];
  }
  if (act === 'logout' || act === 'logout-others') {
    const [status, said] = await ask(act === 'logout' ? 'revoke' : act,
      { token, reason: act });
    return [status, `Ended: ${said.revoked ?? 'nothing'}.`,
      said.set_cookie && { 'Set-Cookie': said.set_cookie }];
  }
  const [status, me] = await ask('check', { token });
  if (status !== 200) return [status, FORM];
  const rows = (await ask('sessions', { user: me.user }))[1];
  return [200, 'Your sessions:<ul>' + rows.map((s) => `<li>${s.client} ${s.id}`)
    .join('') + '</ul><form method=post><button name=do value=logout>Log out'
    + '</button><button name=do value=logout-others>Elsewhere</button></form>'];
}
http.createServer((request, reply) => text(request).then((form) => serve(request,
  new URLSearchParams(form))).then(([status, html, more]) => reply.writeHead(
  status, { 'Content-Type': 'text/html', 'Cache-Control': 'no-store', ...more })
  .end(html)).catch(() => reply.destroy())).listen(process.env.PORT, '127.0.0.1');
