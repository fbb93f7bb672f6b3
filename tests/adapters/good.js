// The sound adapter as a page: an operation for whatever the tests ask.

const { Adapter, Indefinite, Refused, Unsupported } = globalThis.roomcheck;

const kit = new Adapter("good", "1.0", { endpoints: ["room", "media"], capabilities: { "rooms per member": 2 } });

kit.open((member, { user, endpoints, options }) => {
  if (user === "nobody") throw new Error("there is no user nobody");
  if (options["tell at open"]) kit.emit(member, "onOpen", { endpoints });
  return { member, user };
});
kit.close((me) => kit.log(`closed ${me.member}`));
kit.state(({ user }) => ({ user, stored: localStorage.getItem("mine"), secure: isSecureContext }));
kit.operation("tell", ({ member }, { count, raw }) => {
  for (let i = 0; i < count; i++) kit.emit(member, "onTold", { i }, raw);
});
kit.operation("tellSoon", ({ member }) => void setTimeout(() => kit.emit(member, "onSoon")));
kit.operation("tellLate", ({ member }) => void setTimeout(() => {
  for (const began = performance.now(); performance.now() < began + 300; );
  kit.emit(member, "onLate");
}));
kit.operation("tellNan", ({ member }) => {
  try {
    kit.emit(member, "onTold", { it: [Number.NaN] });
  } catch {
    // as an SDK would swallow it
  }
});
kit.operation("store", ({ user }) => localStorage.setItem("mine", user));
kit.operation("refuse", () => {
  throw new Refused({ errorCode: 1002033 });
});
kit.operation("waver", () => {
  throw new Indefinite({ waited: 5 });
});
kit.operation("lack", () => {
  throw new Unsupported("not in this version");
});
kit.operation("break", () => {
  throw new RangeError("by the SDK");
});
kit.operation("constants", () => kit.constants);
kit.operation("token", async ({ user }, { of }) => ({ token: await kit.ask(of, { user }) }));
kit.operation("noise", () => {
  for (let i = 0; i < 1000; i++) console.error("an SDK that complains", i);
  setTimeout(() => {
    throw new Error("an SDK that throws in a timer");
  });
});
kit.operation("alert", () => alert("are you\nthere?"));
kit.operation("loop", () => {
  for (;;);
});
kit.main();
