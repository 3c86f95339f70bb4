/** The contract of line.js over the demo's local telephone network: events one way, small requests the other. */
import { backOff } from "./line.js";

const BEFORE_EXPIRY_SECONDS = 60;
const LONGEST_TIMER_SECONDS = 24 * 3600;
const REFUSED = 401;

export async function connect(options) {
  return new SimulatorLine(options);
}

class SimulatorLine {
  #options;
  #token;
  #registration = ""; // its name at the network, by which a stream that was cut goes on
  #heard = ""; // the last event
  #events = null;
  #leg = null;
  #talking = false;
  #tries = 0;
  #again = null;
  #renewal = null;
  #closed = false;

  constructor(options) {
    this.#options = options;
    this.#token = options.token;
    this.#register();
  }

  accept() {
    if (this.#leg && !this.#talking) this.#order("accept");
  }

  decline() {
    if (this.#leg && !this.#talking) this.#order("reject");
  }

  mute(on) {
    if (this.#talking) this.#order("mute", { muted: on });
  }

  hangUp() {
    if (this.#talking) this.#order("hangup");
  }

  disconnect() {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#again);
    clearTimeout(this.#renewal);
    this.#events?.close();
    this.#options.onState("closed");
  }

  updateToken(token) {
    this.#token = token;
    if (!this.#talking) this.#register(); // in a talk the old one is good until its end
  }

  async #register() {
    if (this.#closed) return;
    this.#tell("connecting");
    try {
      const answer = await this.#post("/client/register", { token: this.#token, registration: this.#registration });
      if (this.#closed) return;
      if (answer.ok) {
        this.#registeredAs((await answer.json()).registration ?? "");
        this.#listen();
      } else {
        if (answer.status === REFUSED) this.#tell("token_expiring");
        this.#lost();
      }
    } catch {
      this.#lost();
    }
  }

  /** A network that had forgotten this telephone has ended its call as well. */
  #registeredAs(registration) {
    if (this.#registration && registration !== this.#registration) {
      this.#heard = "";
      this.#over();
    }
    this.#registration = registration;
  }

  #listen() {
    clearTimeout(this.#again);
    this.#events?.close();
    const named = new URLSearchParams({ token: this.#token });
    if (this.#registration) named.set("registration", this.#registration);
    if (this.#heard) named.set("last_event_id", this.#heard);
    const events = new EventSource(`${this.#options.base}/client/events?${named}`);
    this.#events = events;
    events.onopen = () => {
      this.#tries = 0;
      this.#tell("ready");
    };
    events.onerror = () => {
      if (this.#events === events) this.#lost();
    };
    for (const kind of ["incoming", "cancel", "connected", "disconnected"]) {
      events.addEventListener(kind, (event) => {
        this.#heard = event.lastEventId;
        this.#hear(kind, JSON.parse(event.data));
      });
    }
    this.#planRenewal();
  }

  #hear(kind, { leg, from, parameters }) {
    if (this.#closed) return;
    if (kind === "incoming") {
      this.#leg = leg;
      this.#options.onIncoming({ leg, from: from ?? "", parameters: parameters ?? {} });
    } else if (leg !== this.#leg) {
      return; // of a call that was over before
    } else if (kind === "connected") {
      this.#talking = true;
      this.#options.onConnected({ leg });
    } else {
      this.#over();
    }
  }

  #over() {
    const leg = this.#leg;
    const talked = this.#talking;
    if (!leg) return;
    this.#leg = null;
    this.#talking = false;
    (talked ? this.#options.onEnded : this.#options.onCancel)({ leg });
  }

  #lost() {
    if (this.#closed) return;
    this.#events?.close();
    this.#events = null;
    this.#tell("lost");
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#register(), backOff(this.#tries++) * 1000);
  }

  #planRenewal() {
    clearTimeout(this.#renewal);
    const seconds = secondsLeft(this.#token);
    if (seconds === null) return;
    const wait = Math.min(Math.max(1, seconds - BEFORE_EXPIRY_SECONDS), LONGEST_TIMER_SECONDS);
    this.#renewal = setTimeout(() => this.#tell("token_expiring"), wait * 1000);
  }

  async #order(verb, body = {}) {
    const leg = encodeURIComponent(this.#leg);
    try {
      const said = { ...body, registration: this.#registration };
      await this.#post(`/client/legs/${leg}/${verb}`, said, { Authorization: `Bearer ${this.#token}` });
    } catch {
      this.#options.onError({ code: "network", message: "電話の通信ができません。もう一度押してください。" });
    }
  }

  #post(path, body, headers = {}) {
    return fetch(this.#options.base + path, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
      credentials: "omit",
    });
  }

  #tell(state) {
    if (!this.#closed) this.#options.onState(state);
  }
}

/** When a token ends, as it says itself; null where it says nothing. */
function secondsLeft(token) {
  try {
    const claims = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
    return claims.exp ? claims.exp - Date.now() / 1000 : null;
  } catch {
    return null;
  }
}
