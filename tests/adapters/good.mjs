// The same adapter as good.py, made with the Node kit: an operation for whatever the tests ask.

import { spawnSync } from "node:child_process";
import { writeSync } from "node:fs";

const { Adapter, Indefinite, Refused, Unsupported } = await import(process.env.ROOMCHECK_NODE_KIT);

class ZeroDivisionError extends Error {
  name = "ZeroDivisionError";
}

const kit = new Adapter("good", "1.0", { endpoints: ["room", "media"], capabilities: { "rooms per member": 2 } });
const opened = [];
const closed = [];
let release;
const released = new Promise((resolve) => {
  release = resolve;
});

kit.open((member, { user, endpoints, credentials, options }) => {
  if (user === "nobody") throw new Error("there is no user nobody");
  opened.push(member);
  if (options["tell at open"]) kit.emit(member, "onOpen", { endpoints, credentials });
  return member;
});
kit.close((me) => {
  closed.push(me);
  kit.log(`closed ${me}`);
});
kit.state((me) => ({ me }));

kit.operation("tell", async (me, { count, raw }) => {
  await new Promise((resolve) => {
    setTimeout(() => {
      for (let i = 0; i < count; i++) kit.emit(me, "onTold", { i }, raw);
      resolve();
    });
  });
  return { told: count };
});
kit.operation("tellSoon", (me) => {
  setTimeout(() => kit.emit(me, "onSoon"));
});
kit.operation("tellOthersAfterClose", () => {
  for (const member of closed) kit.emit(member, "onGhost");
});
kit.operation("tellUnknown", () => kit.emit("nobody", "onTold"));

function tellUnfit(name, it) {
  kit.operation(name, (me) => {
    try {
      kit.emit(me, "onTold", { it });
    } catch {
      // as an SDK would swallow it
    }
  });
}
tellUnfit("tellObject", new Map([[1, 2]]));
tellUnfit("tellHuge", "x".repeat(1 << 20));
tellUnfit("tellNan", [{ deep: Number.NaN }]);
tellUnfit("tellFunction", () => {});
tellUnfit("tellError", new Error("no JSON"));
tellUnfit("tellBig", 1n);

kit.operation("tellAbsent", (me) => kit.emit(me, "onTold", { it: undefined, when: new Date(0) }));
kit.operation("returnValue", () => true);
kit.operation("chat", async () => {
  console.log("an SDK that prints");
  writeSync(1, "an SDK that prints past Node\n");
  spawnSync("echo", ["an SDK whose helper prints"], { stdio: ["ignore", "inherit", "inherit"] });
  let read = "";
  for await (const chunk of process.stdin) read += chunk;
  return { read };
});
kit.operation("hold", async (me) => {
  await released;
  kit.emit(me, "onReleased");
});
kit.admin("release", () => release());
kit.operation("block", (_me, { seconds }) => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000);
});
kit.operation("crash", (me) => {
  kit.emit(me, "onLastWord");
  process.kill(process.pid, "SIGKILL");
});
kit.operation("refuse", () => {
  throw new Refused({ errorCode: 1002033 });
});
kit.operation("refuseUnfit", () => {
  throw new Refused({ errorCode: new Map() });
});
kit.operation("waver", () => {
  throw new Indefinite({ waited: 5 });
});
kit.operation("lack", () => {
  throw new Unsupported("not in this version");
});
kit.operation("break", () => {
  throw new ZeroDivisionError("by the SDK");
});
kit.operation("constants", () => ({ ...kit.constants }));
kit.admin("kick", ({ user }, endpoints) => ({ kicked: user, at: endpoints }));
kit.admin("counts", () => ({ opened, closed }));

kit.main();
