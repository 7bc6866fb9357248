// The real worker as a child, and a scripted provider on loopback.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { appendFileSync } from 'node:fs';

// Frames by id: `frames(id)` is an async iterator that ends after the chat's terminal frame.
export class Worker {
  #child;
  #queues = new Map();
  #framesFile;
  #exit;

  constructor(binary, framesFile) {
    this.#framesFile = framesFile;
    this.#child = spawn(binary, ['--allow-host', '127.0.0.1'], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.#child.stdout }).on('line', line => this.#take(line));
    this.#exit = new Promise(resolve => this.#child.on('exit', (code, signal) => resolve(code ?? signal)));
  }

  #queue(id) {
    if (!this.#queues.has(id)) this.#queues.set(id, { frames: [], wake: () => {} });
    return this.#queues.get(id);
  }

  #take(line) {
    if (this.#framesFile) appendFileSync(this.#framesFile, line + '\n');
    const frame = JSON.parse(line);
    if (frame.id === null) return;
    const queue = this.#queue(frame.id);
    queue.frames.push({ ...frame, line });
    queue.wake();
  }

  send(line) {
    this.#child.stdin.write(JSON.stringify(line) + '\n');
  }

  async *frames(id) {
    const queue = this.#queue(id);
    for (;;) {
      while (queue.frames.length === 0) await new Promise(resolve => (queue.wake = resolve));
      const frame = queue.frames.shift();
      yield frame;
      if (['done', 'error', 'rejected', 'ack'].includes(frame.type)) return;
    }
  }

  async close() {
    this.#child.stdin.end();
    return this.#exit;
  }
}

// Answers the requests of a path's first segment with that case's scripts in turn. A script is
// {body | events, status, type, cut, hang, gapMs}: `cut` breaks the connection at the end, `hang` keeps it open.
export class Upstream {
  requests = new Map();
  #scripts = new Map();
  #server;
  #sockets = new Set();

  async start() {
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.on('connection', socket => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise(resolve => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  answer(name, scripts) {
    this.#scripts.set(name, [...scripts]);
    this.requests.set(name, []);
  }

  url(name) {
    return `http://127.0.0.1:${this.#server.address().port}/${name}`;
  }

  async #answer(request, response) {
    const name = request.url.split('/')[1];
    let body = '';
    for await (const piece of request) body += piece;
    this.requests.get(name).push(body);
    const script = this.#scripts.get(name).shift() ?? { status: 500, type: 'text/plain', events: ['no script is left'] };
    response.writeHead(script.status ?? 200, { 'content-type': script.type ?? 'text/event-stream' });
    for (const event of script.events) {
      if (!response.write(event)) await new Promise(resolve => response.once('drain', resolve));
      if (script.gapMs) await new Promise(resolve => setTimeout(resolve, script.gapMs));
    }
    if (script.hang) return;
    if (script.cut) {
      setTimeout(() => response.socket?.destroy(), 50);
    } else {
      response.end();
    }
  }

  stop() {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}
