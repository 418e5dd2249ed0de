#!/usr/bin/node
// WebSockets that end with the session of who opened them, as watch.py has it,
// by what Node comes with: an echo on 127.0.0.1:$PORT.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
const GATE = '/run/latchkey/http.sock';
const PATIENCE = 10000; // ms that a socket stays while nobody can tell
const SALT = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'; // RFC 6455, section 1.3
/** Wait for the end of the session, as the status that the gate gives. */
async function watch(cookie, signal) {
  const asked = http.request({ socketPath: GATE, agent: false, path: '/watch',
    signal, headers: { Cookie: cookie,
      'X-Latchkey-Method': 'GET', 'X-Latchkey-Uri': '/',
      'X-Latchkey-Host': 'localhost', 'X-Latchkey-Peer': '127.0.0.1' } });
  asked.on('error', () => {});
  try {
    const [answer] = await once(asked.end(), 'response');
    answer.resume();
    return answer.statusCode;
  } catch { return 503; }
}
/** Return once the session has ended, or nobody could tell for too long. */
async function ended(cookie, signal) {
  for (let good = Date.now(); !signal.aborted;) {
    const began = Date.now(), status = await watch(cookie, signal);
    if (Date.now() - began > 1000) good = Date.now(); // watched until now
    if (status !== 503 || Date.now() - good > PATIENCE) return;
    await sleep(1000);
  }
}
/** Answer the short whole texts in `data`; whether that is all there was. */
function echo(socket, data) {
  while (data.length >= 6 && data.length >= 6 + (data[1] & 127)) {
    const size = data[1] - 128;
    if (data[0] !== 0x81 || size < 0 || size > 125) return null;
    const text = data.subarray(6, 6 + size).map((b, i) => b ^ data[2 + i % 4]);
    socket.write(Buffer.concat([Buffer.from([0x81, size]), text]));
    data = data.subarray(6 + size);
  }
  return data;
}
const server = http.createServer((_, answer) => answer.writeHead(426).end());
server.on('upgrade', ({ headers }, socket, first) => {
  const { cookie, origin, host, 'sec-websocket-key': key } = headers;
  let rest = Buffer.alloc(0);
  const gone = new AbortController();
  socket.on('error', () => {}).on('end', () => socket.destroy())
    .on('close', () => gone.abort());
  // No page of another site may open one, with the cookie of who is there.
  if (!host || ![`http://${host}`, `https://${host}`].includes(origin))
    return socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  if (!key || !cookie) return socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
    + 'Connection: Upgrade\r\nSec-WebSocket-Accept: '
    + `${createHash('sha1').update(key + SALT).digest('base64')}\r\n\r\n`);
  socket.on('data', (data) => {
    rest = echo(socket, Buffer.concat([rest, data]));
    if (rest === null) socket.destroy();
    else if (socket.writableNeedDrain) socket.pause(); // it does not read
  }).on('drain', () => socket.resume()).unshift(first);
  // Which of several cookies is the session, the gate decides alone.
  ended(cookie, gone.signal).then(() => {
    // 1008, RFC 6455, section 7.4.1; then nothing is heard any more.
    socket.removeAllListeners('data').end(
      Buffer.from([0x88, 2, 1008 >> 8, 1008 & 255]), () => socket.destroy());
    setTimeout(() => socket.destroy(), 1000);
  });
});
server.listen(Number(process.env.PORT), '127.0.0.1');
