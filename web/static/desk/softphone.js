/**
 * The operator's telephone: what the server knows of her (asked by a worker), what the line tells, and what she presses,
 * brought together. How it looks is decided in phone-bar.js, how audio is carried in line.js.
 */
import { isTyping } from "./drafts.js";
import { connect } from "./line.js";
import { open, signInAgain, stayOnThePage } from "./navigation.js";
import { PhoneBar } from "./phone-bar.js";
import { canBeHeard, startRinging, stopRinging, unlock } from "./ring.js";

const ANSWERED_ELSEWHERE = "none";
const NEEDS_MICROPHONE = "twilio";

export function answerTheTelephone(element) {
  const phone = new Softphone(element);
  phone.start();
  return phone;
}

class Softphone {
  #urls;
  #csrfToken;
  #bar;
  #worker;
  #line = null;
  #opening = false;
  #driver = null;
  #shownOffer = null;
  #as = {
    server: null, // how the operator stands, as the server said last
    silent: false, // the server does not answer
    line: "closed", // see line.js
    leg: null, // {leg, talking} of the call at this telephone
    muted: false,
    holds: false, // this tab has the telephone
    elsewhere: false, // another tab has it
    trouble: "", // a sentence about the telephone
    soundLocked: false,
  };

  constructor(element) {
    this.#urls = element.dataset;
    this.#csrfToken = element.dataset.csrfToken;
    this.#bar = new PhoneBar(element, {
      answer: () => this.#answer(),
      decline: () => this.#decline(),
      mute: () => this.#mute(),
      hangUp: () => this.#line?.hangUp(),
      sound: () => this.#unlock(),
    });
  }

  start() {
    this.#worker = new Worker(this.#urls.worker);
    this.#worker.onmessage = ({ data }) => this.#hear(data);
    this.#worker.postMessage({
      kind: "start",
      stateUrl: this.#urls.stateUrl,
      heartbeatUrl: this.#urls.heartbeatUrl,
      csrfToken: this.#csrfToken,
    });
    this.#takeTheTelephone();
    document.addEventListener("desk:arrived", () => {
      this.#show({});
      this.#worker.postMessage({ kind: "ask" });
    });
    document.addEventListener("submit", (event) => {
      if (event.target.matches("[data-unlocks-sound]")) this.#unlock();
    });
    addEventListener("beforeunload", (event) => {
      if (this.#as.leg?.talking) event.preventDefault();
    });
  }

  /** One tab of a browser has the telephone; the next takes it over when that one is closed. */
  async #takeTheTelephone() {
    const hold = () => {
      this.#show({ holds: true, elsewhere: false });
      this.#followServer();
      return new Promise(() => {}); // until the tab is closed
    };
    if (!navigator.locks) {
      hold();
      return;
    }
    const name = `telephone:${this.#urls.identity}`;
    navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      if (lock) return hold();
      this.#show({ elsewhere: true });
      navigator.locks.request(name, hold);
      return undefined;
    });
  }

  #hear({ kind, state }) {
    if (kind === "state") {
      this.#csrfToken = state.csrf_token;
      this.#show({ server: state, silent: false });
      this.#followServer();
    } else if (kind === "silent") {
      this.#show({ silent: true });
    } else if (kind === "signed_out") {
      signInAgain();
    } else {
      this.#bar.tick();
    }
  }

  #followServer() {
    const server = this.#as.server;
    if (!server) return;
    if (this.#as.holds) {
      const atWork = server.status !== "offline" || server.activity !== "idle";
      if (atWork || document.querySelector("[data-ready-check]")) this.#openLine();
      else this.#closeLine();
    }
    this.#tellThatItLives();
    if (server.activity === "ringing" && server.call) this.#callComesIn(server.call);
  }

  async #openLine() {
    if (this.#line || this.#opening || this.#driver === ANSWERED_ELSEWHERE) return;
    this.#opening = true;
    try {
      const given = await this.#fetchToken();
      this.#driver = given.driver;
      if (given.driver === ANSWERED_ELSEWHERE) this.#show({ line: "elsewhere" });
      else this.#line = await connect({ ...given, ...this.#callbacks() });
      if (given.driver === NEEDS_MICROPHONE) this.#askForMicrophone();
    } catch {
      this.#show({ line: "lost" }); // the next word of the server, seconds later, tries again
    } finally {
      this.#opening = false;
    }
    this.#tellThatItLives();
  }

  #closeLine() {
    const line = this.#line;
    this.#line = null;
    line?.disconnect();
  }

  #callbacks() {
    return {
      onState: (state) => this.#lineIs(state),
      onIncoming: ({ leg }) => this.#rings(leg),
      onCancel: () => this.#silence(),
      onConnected: ({ leg }) => this.#talks(leg),
      onEnded: () => this.#silence(),
      onError: ({ message }) => this.#show({ trouble: message }),
    };
  }

  async #lineIs(state) {
    if (state !== "token_expiring") {
      this.#show(state === "ready" ? { line: state, trouble: "" } : { line: state });
      this.#tellThatItLives();
      return;
    }
    try {
      this.#line?.updateToken((await this.#fetchToken()).token);
    } catch {
      this.#show({ line: "lost" }); // the driver tries again, and asks again
    }
  }

  /** A desk whose telephone cannot be rung gives no sign of life: the line parks her before a caller rings in vain. */
  #tellThatItLives() {
    const { holds, server, line, leg } = this.#as;
    const usable = ["elsewhere", "ready", "unstable"].includes(line) || leg?.talking;
    this.#worker.postMessage({ kind: "alive", on: Boolean(holds && server && server.status !== "offline" && usable) });
  }

  #rings(leg) {
    this.#show({ leg: { leg, talking: false }, trouble: "" });
    startRinging();
    if (!isTyping()) this.#bar.focusAnswer();
    this.#worker.postMessage({ kind: "ask" });
  }

  /** Open the page of a call that was given to her, once; but never over something she types: the bar links to it. */
  #callComesIn(call) {
    if (this.#shownOffer === call.offer) return;
    this.#shownOffer = call.offer;
    if (!location.pathname.startsWith(call.url) && !isTyping()) open(call.url);
  }

  #talks(leg) {
    stopRinging();
    stayOnThePage(true);
    this.#show({ leg: { leg, talking: true }, muted: false });
    this.#tellOfTheCall("answer");
  }

  #silence() {
    stopRinging();
    stayOnThePage(false);
    this.#show({ leg: null, muted: false });
    this.#tellThatItLives();
    this.#worker.postMessage({ kind: "ask" });
  }

  async #answer() {
    if (this.#driver !== ANSWERED_ELSEWHERE) {
      unlock();
      this.#line?.accept();
    } else {
      await this.#tellOfTheCall("answer");
    }
  }

  async #decline() {
    this.#line?.decline();
    await this.#tellOfTheCall("decline");
  }

  /** Tell the server what she did with the call that rings. */
  async #tellOfTheCall(verb) {
    const call = await this.#ringingCall();
    if (call) await this.#post(call.url + verb);
    this.#worker.postMessage({ kind: "ask" });
  }

  /** The telephone may ring before the server's next word tells which call it is: then the server is asked. */
  async #ringingCall() {
    const known = this.#as.server;
    if (known?.activity === "ringing" && known.call) return known.call;
    const answer = await fetch(this.#urls.stateUrl, { headers: { "HX-Request": "true" }, cache: "no-store" });
    return answer.ok ? (await answer.json()).call : null;
  }

  #mute() {
    const muted = !this.#as.muted;
    this.#line?.mute(muted);
    this.#show({ muted });
  }

  /** Pressing something lets a page sound. */
  async #unlock() {
    await unlock();
    this.#show({});
  }

  /** Ask for the microphone when she begins to take calls, and not when a caller waits for the answer. */
  async #askForMicrophone() {
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      stream.getTracks().forEach((track) => track.stop());
    } catch {
      this.#show({ trouble: "マイクを使えません。「機器の確認」の画面で確かめてください。" });
    }
  }

  async #fetchToken() {
    return (await this.#post(this.#urls.tokenUrl)).json();
  }

  async #post(url) {
    const body = new URLSearchParams({ csrf_token: this.#csrfToken });
    const answer = await fetch(url, { method: "POST", body, redirect: "manual" });
    return answer;
  }

  #show(change) {
    Object.assign(this.#as, change);
    this.#as.soundLocked = this.#as.line === "ready" && !canBeHeard();
    this.#bar.show(this.#as);
  }
}
