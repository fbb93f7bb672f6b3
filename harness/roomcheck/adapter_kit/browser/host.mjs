/**
 * An adapter whose SDK lives in pages of a headless Chromium: this program drives the browser and speaks the protocol.
 *
 * Each member has a browser context of its own - storage, connections, process - with one page that runs the target's
 * script. The page's kit (page.js) is there before that. What needs no browser, such as acts of the backend and tokens,
 * may stand in a module of its own (`--backend`), which runs here and whose secrets no page sees.
 *
 * A page has a clock of its own. Each message tells the page's time, so from the quickest of either direction it is known
 * how far the clocks are apart: a callback is stamped with the latest moment that it may have had, and `spread` says how
 * much earlier it may have been.
 */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { basename, dirname, extname, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

import { Adapter, Indefinite, Refused, Unsupported } from "../node/kit.mjs";

const LOAD_LIMIT = 30_000; // milliseconds for a page to load: an SDK may have megabytes of script
const MAIN_LIMIT = 10_000; // and then for its script to call main()
const BARRIER_LIMIT = 25_000; // for a barrier's, which nobody waits behind: a page on a busy machine may be late by seconds
const ANSWER_LIMIT = 6_000; // for an answer: longer than the harness waits, and soon enough for it to close the member
const CLOSE_LIMIT = 1_500; // for a page's own close, and for the browser's
const OPENINGS = 2; // pages that are opened at once: opening is work, and those that are there must not wait for it
const SAMPLES = 3; // round trips at a page's opening, from which the clocks' distance is known
const NOISE = 20; // lines of errors from a page that are shown
const INTERNET = "internet"; // the endpoint that is a proxy to hosts of the SDK's own
// a page asks other servers of this machine; and no window has popups of its address bar, a process each, ready beforehand
const OFF = ["LocalNetworkAccessChecks", "WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup"];
const FLAGS = ["--disable-gpu", "--autoplay-policy=no-user-gesture-required", `--disable-features=${OFF}`];
// neither kind of proxy carries WebRTC's UDP: what cannot go through one must not go at all
const NO_UDP = ["force-webrtc-ip-handling-policy", "webrtc-ip-handling-policy"] // the name up to some version, and since
  .map((name) => `--${name}=disable_non_proxied_udp`);
const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".html": "text/html", ".json": "application/json", ".wasm": "application/wasm" };
const ERRORS = { refused: Refused, indefinite: Indefinite };

const one = { type: "string" };
const { values: given } = parseArgs({ options: {
  browser: one, script: one, page: one, backend: one, flag: { type: "string", multiple: true, default: [] },
} });
const micros = () => Number(process.hrtime.bigint() / 1000n);
const kit = new Adapter("browser", "0");
let backend = {};
let origin;
let browser;
let noise = 0;

/** A promise with the functions that settle it. */
function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  made.promise.catch(() => {}); // who waits for it is told, if anybody does
  return made;
}

/** One member's page. `lost` says why nothing of it can be trusted any more. */
class Page {
  #told = deferred(); // what it says of itself once its script has run
  #waiting = new Map();
  #number = 0;
  #behind = -Infinity; // our clock less the page's is at least this, from what it was sent ...
  #ahead = Infinity; // ... and at most this, from what it has sent
  #stamp = 0;
  #sent = new Map();

  constructor(member) {
    this.member = member;
  }

  async load(endpoints = {}) {
    const { [INTERNET]: internet, ...others } = endpoints;
    const bypass = [new URL(origin).host, ...Object.values(others)].join(",");
    this.context = await browser.newContext(internet ? { proxy: { server: `http://${internet}`, bypass } } : {});
    this.context.setDefaultTimeout(LOAD_LIMIT);
    await this.context.addInitScript({ path: fileURLToPath(new URL("page.js", import.meta.url)) });
    this.page = await this.context.newPage();
    this.page.on("crash", () => this.#lose("its page crashed"));
    this.page.on("close", () => setTimeout(() => this.#lose("its page was closed"), 100)); // unless the browser has ended
    this.page.on("dialog", (dialog) => {
      this.#lose(`its page opened a dialog: ${dialog.type()}(${JSON.stringify(dialog.message().slice(0, 80))})`);
      dialog.dismiss().catch(() => {});
    });
    this.page.on("pageerror", (error) => {
      this.#told.reject(new Trouble(`the page threw while it was loaded: ${story(error)}`));
      complain(`${this.member}: ${story(error)}`);
    });
    await this.page.exposeBinding("roomcheckSay", (_source, text) => this.#hear(JSON.parse(text), micros()));
    await this.page.goto(origin);
    const late = pause(MAIN_LIMIT).then(() => this.#told.reject(new Trouble("its script has not called main()")));
    late.catch(() => {});
    const told = await this.#told.promise;
    for (let i = 0; i < SAMPLES; i++) await this.ask("barrier", {}, LOAD_LIMIT);
    return told;
  }

  /** The answer of the page's kit; throws what stands for its status. */
  ask(kind, message = {}, patience = ANSWER_LIMIT) {
    if (this.lost) return Promise.reject(new Trouble(this.lost));
    const id = ++this.#number;
    const answered = deferred();
    this.#waiting.set(id, answered);
    this.#sent.set(id, micros());
    const hear = (text) => globalThis.roomcheck.hear(JSON.parse(text));
    this.page.evaluate(hear, JSON.stringify({ id, kind, ...message })).catch((e) => answered.reject(new Trouble(e)));
    const limit = setTimeout(() => this.#lose(`its page hangs: no answer to ${message.operation ?? kind}`), patience);
    return answered.promise.finally(() => clearTimeout(limit));
  }

  #hear(message, received) {
    this.#ahead = Math.min(this.#ahead, received - message.sent);
    if (message.event) this.#tell(message.event, message.time, received);
    else if (message.id) this.#answer(message);
    else if (message.ready) this.#told.resolve(message.ready);
    else if (message.ask) this.#askBackend(message.ask);
    else if (message.late) kit.late(message.late);
    else if (message.log) kit.log(message.log);
  }

  #tell({ member, callback, fields, raw }, time, received) {
    const latest = Math.max(this.#stamp, Math.min(time + this.#ahead, received));
    const spread = Math.max(0, latest - Math.max(this.#stamp - this.#ahead, time + this.#behind));
    this.#stamp = latest;
    kit.emit(member, callback, fields, raw, { time: latest, spread: Number.isFinite(spread) ? spread : 0 });
  }

  #answer({ id, status, fields, sent }) {
    this.#behind = Math.max(this.#behind, this.#sent.get(id) - sent);
    this.#sent.delete(id);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (status === "ok") waiting?.resolve(fields);
    else if (status in ERRORS) waiting?.reject(new ERRORS[status](fields));
    else waiting?.reject(status === "unsupported" ? new Unsupported(fields.error) : new Trouble(fields.error));
  }

  async #askBackend({ number, what, args }) {
    const answer = { number };
    try {
      if (!backend[what]) throw new Error(`the backend exports no function '${what}'`);
      answer.value = await backend[what](args);
    } catch (e) {
      answer.error = e.message;
    }
    this.ask("answer", answer).catch(() => {}); // a page that is gone
  }

  #lose(why) {
    this.lost ??= why;
    this.#told.reject(new Trouble(why));
    for (const { reject } of this.#waiting.values()) reject(new Trouble(why));
    this.#waiting.clear();
  }

  /** A page that hangs or crashed is ended too. */
  async close() {
    const asked = this.lost ? undefined : this.ask("close").catch(() => {});
    await Promise.race([asked, pause(CLOSE_LIMIT)]);
    this.lost ??= "it was closed";
    await Promise.race([this.context?.close().catch(() => {}), pause(CLOSE_LIMIT)]);
  }
}

/** What is wrong with a page, without a stack of this program, which is of no interest. */
class Trouble extends Error {
  constructor(what) {
    super(what.message ?? what);
    Object.defineProperty(this, "name", { value: "page" });
    this.stack = `page: ${this.message}`;
  }
}

/** What a page threw, and where: in one line. */
function story({ name, message, stack = "" }) {
  const place = stack.split("\n").find((line) => line.trim().startsWith("at ")) ?? "";
  return `${name}: ${message.split("\n")[0]}${place && ` ${place.trim()}`}`.replaceAll(origin, "").slice(0, 300);
}

function complain(text) {
  if (++noise <= NOISE) console.error(text);
  if (noise === NOISE) console.error("(more errors of pages are not shown)");
}

/** The target's page, its script and what lies beside them, on this machine only: `localhost` is a secure context. */
async function serve() {
  const script = basename(given.script);
  const tag = extname(script) === ".mjs" ? `<script type="module" src="/${script}">` : `<script src="/${script}">`;
  const page = () => (given.page ? readFileSync(given.page) : `<!doctype html><meta charset="utf-8"><title>roomcheck</title>${tag}</script>`);
  const folders = [dirname(resolve(given.script)), ...(given.page ? [dirname(resolve(given.page))] : [])];
  const server = createServer(({ url }, response) => {
    const path = decodeURIComponent(new URL(url, "http://localhost").pathname);
    const found = path === "/" ? page : folders.map((folder) => join(folder, path)).map((file) => () => readFileSync(file));
    for (const read of [found].flat()) {
      try {
        const body = read();
        response.setHeader("content-type", `${TYPES[extname(path) || ".html"] ?? "application/octet-stream"}; charset=utf-8`);
        return response.end(body);
      } catch {
        continue;
      }
    }
    response.writeHead(404).end();
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  origin = `http://localhost:${server.address().port}/`;
}

async function launch() {
  let playwright;
  try {
    playwright = createRequire(resolve(given.script))("playwright-core");
  } catch (e) {
    throw new Trouble(`playwright-core is not installed beside ${given.script}: let the target's install steps do it (${e.code})`);
  }
  const args = [...FLAGS, ...NO_UDP, ...given.flag];
  try {
    browser = await playwright.chromium.launch({ executablePath: given.browser, args });
  } catch (e) {
    throw new Trouble(`${given.browser} did not start: ${e.message.split("\n").slice(0, 2).join(" ")}`);
  }
  browser.on("disconnected", () => {
    console.error("the browser has ended");
    process.exit(1);
  });
}

/** Load the page once, without a way anywhere, to hear what the adapter is; then tell the kit. */
kit.ready(async () => {
  if (given.backend) backend = await import(pathToFileURL(resolve(given.backend)));
  await serve();
  await launch();
  const page = new Page("the page");
  const { name, version, endpoints, capabilities, operations, state } = await page.load({ [INTERNET]: "127.0.0.1:9" });
  await page.close();
  const language = `javascript, ${browser.browserType().name()} ${browser.version()}`;
  Object.assign(kit, { name, version, endpoints, capabilities, language });
  for (const operation of operations) kit.operation(operation, (me, args) => me.ask("call", { operation, args }));
  for (const [act, f] of Object.entries(backend.admin ?? {})) kit.admin(act, f);
  if (state) kit.state((me) => me.ask("state"));
});
/** At most OPENINGS at once, in the order in which they were asked for. */
const queue = [];
let begun = 0;
async function inTurn(f) {
  if (begun >= OPENINGS) await new Promise((turn) => queue.push(turn));
  else begun++;
  try {
    return await f();
  } finally {
    if (queue.length > 0) queue.shift()();
    else begun--;
  }
}

kit.open(async (member, opening) => {
  const me = new Page(member);
  try {
    await inTurn(() => me.load(opening.endpoints));
    await me.ask("open", { member, opening, constants: kit.constants }, LOAD_LIMIT);
  } catch (e) {
    await me.close();
    throw e;
  }
  return me;
});
kit.settle((me) => me.ask("barrier", {}, BARRIER_LIMIT));
kit.close((me) => me.close());
kit.main();
