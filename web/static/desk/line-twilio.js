/** The contract of line.js over Twilio's Voice SDK, which is loaded when it is needed. */
import { backOff } from "./line.js";

const SDK = new URL("../vendor/twilio-voice/twilio.min.js", import.meta.url).href;
const SILENCE = new URL("./silence.wav", import.meta.url).href;
const SOUNDS = [
  "incoming", "outgoing", "disconnect", "dtmfs", "dtmfh", "dtmfd",
  "dtmf0", "dtmf1", "dtmf2", "dtmf3", "dtmf4", "dtmf5", "dtmf6", "dtmf7", "dtmf8", "dtmf9",
];
const TOKEN_ERRORS = [20101, 20102, 20103, 20104, 20107, 31204, 31205];
const NETWORK_ERRORS = [31000, 31003, 31005, 31009, 53000, 53001, 53405];
const SAID = {
  31401: "マイクの使用が許可されていません。アドレス欄の左にある設定で、マイクを「許可」にしてください。",
  31402: "マイクを使えません。ヘッドセットがつながっているか、ほかのソフトが使っていないかを確かめてください。",
  31206: "短いあいだに何度もつなぎ直しました。1分ほどおいて、画面を開き直してください。",
};

export async function connect(options) {
  const { Device } = await sdk();
  return new TwilioLine(Device, options);
}

/** The SDK is a plain script that leaves `Twilio` behind. */
function sdk() {
  if (globalThis.Twilio) return Promise.resolve(globalThis.Twilio);
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = SDK;
    script.onload = () => resolve(globalThis.Twilio);
    script.onerror = () => reject(new Error(SDK));
    document.head.append(script);
  });
}

class TwilioLine {
  #options;
  #device;
  #call = null;
  #tries = 0;
  #again = null;
  #closed = false;

  constructor(Device, options) {
    this.#options = options;
    this.#device = new Device(options.token, {
      edge: options.edges,
      codecPreferences: ["opus", "pcmu"],
      closeProtection: "通話中です。この画面を閉じると、電話が切れます。",
      tokenRefreshMs: 30000,
      maxCallSignalingTimeoutMs: 30000,
      // Ours rings; and the SDK's own sounds lie on a server that a closed network does not reach.
      sounds: Object.fromEntries(SOUNDS.map((name) => [name, SILENCE])),
    });
    this.#listen();
    this.#register();
  }

  accept() {
    this.#call?.accept();
  }

  decline() {
    this.#call?.reject();
  }

  mute(on) {
    this.#call?.mute(on);
  }

  hangUp() {
    this.#call?.disconnect();
  }

  disconnect() {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#again);
    this.#device.destroy();
    this.#options.onState("closed");
  }

  updateToken(token) {
    this.#device.updateToken(token);
  }

  #listen() {
    const device = this.#device;
    device.on("registering", () => this.#tell("connecting"));
    device.on("registered", () => {
      this.#tries = 0;
      this.#tell("ready");
    });
    device.on("unregistered", () => this.#lost());
    device.on("tokenWillExpire", () => this.#tell("token_expiring"));
    device.on("error", (error) => this.#failed(error));
    device.on("incoming", (call) => this.#rings(call));
  }

  #register() {
    if (this.#closed) return;
    // What went wrong is told by the event as well; here only the next try is planned.
    Promise.resolve(this.#device.register()).catch(() => this.#lost());
  }

  #lost() {
    if (this.#closed) return;
    this.#tell("lost");
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#register(), backOff(this.#tries++) * 1000);
  }

  #rings(call) {
    this.#call = call;
    const leg = call.parameters.CallSid;
    const over = (told) => () => {
      if (this.#call !== call) return; // it was told before
      this.#call = null;
      told({ leg });
    };
    call.on("accept", () => this.#options.onConnected({ leg }));
    call.on("cancel", over(this.#options.onCancel));
    call.on("reject", over(this.#options.onCancel));
    call.on("disconnect", over(this.#options.onEnded));
    call.on("error", (error) => this.#failed(error));
    call.on("reconnecting", () => this.#tell("unstable"));
    call.on("reconnected", () => this.#tell("ready"));
    this.#options.onIncoming({
      leg,
      from: call.parameters.From ?? "",
      parameters: Object.fromEntries(call.customParameters ?? []),
    });
  }

  #failed(error) {
    if (this.#closed) return;
    const code = error.code;
    if (TOKEN_ERRORS.includes(code)) this.#tell("token_expiring");
    else this.#options.onError({ code, message: SAID[code] ?? otherwise(code) });
  }

  #tell(state) {
    if (!this.#closed) this.#options.onState(state);
  }
}

function otherwise(code) {
  if (NETWORK_ERRORS.includes(code)) return "電話の通信が途切れました。自動でつなぎ直しています。";
  return `電話に不具合がありました（番号${code}）。続くときは、スーパーバイザーに番号を伝えてください。`;
}
