import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

// node dialogue.ts HOST PORT: says lines to a server over TCP, each as soon as the server has said what is awaited before
// it, and prints what the server said until it hangs up. They are JSON on stdin: [[AWAITED, LINE], …].

const LIMIT_MS = 60_000;

const [host = '', port = ''] = process.argv.slice(2);
const steps: [string, string][] = JSON.parse(await text(process.stdin));
const socket = connect(Number(port), host).setEncoding('utf8').setTimeout(LIMIT_MS);
socket.on('timeout', () => socket.destroy(new Error(`silent for ${LIMIT_MS} ms; awaited: ${steps[0]?.[0]}`)));

let heard = '';
for await (const more of socket) {
  process.stdout.write(more);
  heard += more;
  const [awaited = '', line] = steps[0] ?? [];
  if (line === undefined || !new RegExp(awaited, 'm').test(heard)) continue;
  heard = '';
  steps.shift();
  socket.write(`${line}\r\n`);
}
if (steps.length > 0) throw new Error(`hung up; awaited: ${steps[0]?.[0]}`);
