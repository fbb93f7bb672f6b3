// A page that speaks to a server of TLS whose name it knows by itself, over a WebSocket that it keeps.

const { Adapter } = globalThis.roomcheck;
const kit = new Adapter("reach", "1.0", { endpoints: ["internet"] });
let socket;

function within(milliseconds, promise) {
  const late = new Promise((_resolve, reject) => setTimeout(() => reject(new Error("no answer")), milliseconds));
  return Promise.race([promise, late]);
}

function opened(url) {
  return new Promise((resolve, reject) => {
    socket = new WebSocket(url);
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error("no connection"));
  });
}

function echo(text) {
  return new Promise((resolve, reject) => {
    socket.onmessage = ({ data }) => resolve(data);
    socket.onclose = () => reject(new Error("it has ended"));
    socket.send(text);
  });
}

kit.open((member) => member);
kit.operation("ask", async (_me, { url, fresh, limit }) => {
  try {
    if (fresh) await within(limit, opened(url));
    return { heard: await within(limit, echo("hello")) };
  } catch (e) {
    return { failed: e.message };
  }
});
kit.operation("candidates", async () => {
  const peer = new RTCPeerConnection({ iceServers: [] });
  peer.createDataChannel("x");
  const found = [];
  const done = new Promise((over) => {
    peer.onicecandidate = ({ candidate }) => (candidate ? found.push(candidate.protocol) : over());
  });
  await peer.setLocalDescription(await peer.createOffer());
  await done;
  return { found };
});
kit.main();
