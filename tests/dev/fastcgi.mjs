// The application's side of FastCGI, as much of it as a test of nginx needs: one request at a time
// on a connection, params and body in, one answer out. It checks nothing: nginx is what is tested.

import net from 'node:net';

const BEGIN_REQUEST = 1;
const END_REQUEST = 3;
const PARAMS = 4;
const STDIN = 5;
const STDOUT = 6;
const KEEP_CONNECTION = 1;

function record(type, requestId, content) {
  const header = Buffer.from([1, type, requestId >> 8, requestId & 255, content.length >> 8, content.length & 255, 0, 0]);
  return Buffer.concat([header, content]);
}

function readLength(buffer, at) {
  return buffer[at] < 128 ? [buffer[at], at + 1] : [buffer.readUInt32BE(at) & 0x7fffffff, at + 4];
}

function parseParams(buffer) {
  const params = {};
  for (let at = 0; at < buffer.length; ) {
    let nameLength;
    let valueLength;
    [nameLength, at] = readLength(buffer, at);
    [valueLength, at] = readLength(buffer, at);
    const name = buffer.toString('utf8', at, at + nameLength);
    params[name] = buffer.toString('utf8', at + nameLength, at + nameLength + valueLength);
    at += nameLength + valueLength;
  }
  return params;
}

/** `handle({params, body})` returns the answer's text: CGI headers, an empty line, a body. */
export function fastcgiServer(handle) {
  return net.createServer((socket) => {
    let pending = Buffer.alloc(0);
    let request;
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 8) {
        const length = pending.readUInt16BE(4);
        const total = 8 + length + pending[6];
        if (pending.length < total) return;
        const type = pending[1];
        const id = pending.readUInt16BE(2);
        const content = pending.subarray(8, 8 + length);
        pending = pending.subarray(total);
        if (type === BEGIN_REQUEST) request = { keep: content[2] & KEEP_CONNECTION, params: [], body: [] };
        else if (type === PARAMS) request.params.push(content);
        else if (type === STDIN && length > 0) request.body.push(content);
        else if (type === STDIN) {
          const answer = handle({
            params: parseParams(Buffer.concat(request.params)),
            body: Buffer.concat(request.body).toString(),
          });
          socket.write(
            Buffer.concat([
              record(STDOUT, id, Buffer.from(answer)),
              record(STDOUT, id, Buffer.alloc(0)),
              record(END_REQUEST, id, Buffer.alloc(8)),
            ]),
          );
          if (!request.keep) socket.end();
        }
      }
    });
  });
}
