/** How the telephone looks: its state in words, its buttons and keys, the clock of a talk, the flashing title. */

const FLASH = "【着信中】";
const KEYS = { F2: "answer", "Alt+n": "decline", "Alt+m": "mute", "Alt+k": "hangUp" };
const BUTTONS = ["answer", "decline", "mute", "hang-up", "sound"];

export class PhoneBar {
  #element;
  #as = null;
  #parts = {};
  #heard = 0; // when the server's clock was read, on this page's own

  constructor(element, pressed) {
    this.#element = element;
    for (const name of ["state", "note", "clock", "trouble", "open", ...BUTTONS]) {
      this.#parts[name] = document.getElementById(`softphone-${name}`);
    }
    const press = { ...pressed, "hang-up": pressed.hangUp };
    for (const name of BUTTONS) this.#parts[name].addEventListener("click", press[name]);
    document.addEventListener("keydown", (event) => this.#onKey(event));
  }

  show(as) {
    if (as.server !== this.#as?.server) this.#heard = performance.now();
    this.#as = { ...as };
    this.#element.hidden = false;
    this.#element.dataset.line = as.line;
    this.#element.dataset.state = stateOf(as);
    write(this.#parts.state, WORDS[stateOf(as)](as));
    write(this.#parts.note, noteOf(as));
    write(this.#parts.trouble, as.silent ? "サーバーと通信できません。つながり次第、もとに戻ります。" : as.trouble);
    this.#parts.trouble.hidden = !this.#parts.trouble.textContent;
    this.#showButtons(as);
    this.tick();
  }

  /** Called each second, by a worker: the clocks go on, and the title flashes, in a hidden tab as well. */
  tick() {
    if (!this.#as) return;
    write(this.#parts.clock, this.#clock());
    const title = document.title.replace(FLASH, "");
    const flashes = isRinging(this.#as) && document.title === title;
    document.title = flashes ? FLASH + title : title;
  }

  focusAnswer() {
    this.#parts.answer.focus();
  }

  #showButtons(as) {
    const rings = isRinging(as);
    const talks = Boolean(as.leg?.talking);
    this.#parts.answer.hidden = !rings;
    this.#parts.decline.hidden = !rings;
    this.#parts.answer.firstChild.data = as.line === "elsewhere" ? "応答しました" : "応答する";
    this.#parts.mute.hidden = !talks;
    this.#parts["hang-up"].hidden = !talks;
    this.#parts.mute.setAttribute("aria-pressed", String(as.muted));
    this.#parts.sound.hidden = !as.soundLocked;
    this.#showWayToCall(as.server?.call);
  }

  /** From every other page a link leads back to the call in hand. */
  #showWayToCall(call) {
    const link = this.#parts.open;
    link.hidden = !call || location.pathname === call.url;
    if (call && link.getAttribute("href") !== call.url) {
      link.href = call.url;
      globalThis.htmx.process(link);
    }
  }

  #clock() {
    const { server } = this.#as;
    if (!server) return "";
    const now = Date.parse(server.now) + performance.now() - this.#heard;
    if (server.activity === "on_call" && server.call?.answered_at) {
      return `通話 ${minutes((now - Date.parse(server.call.answered_at)) / 1000)}`;
    }
    if (server.activity === "acw" && server.wrap_up_ends_at) {
      return `残り ${minutes((Date.parse(server.wrap_up_ends_at) - now) / 1000)}`;
    }
    return "";
  }

  #onKey(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.repeat) return;
    const name = KEYS[(event.altKey ? "Alt+" : "") + (event.altKey ? event.key.toLowerCase() : event.key)];
    const button = name && this.#parts[name === "hangUp" ? "hang-up" : name];
    if (!button || button.hidden) return;
    event.preventDefault();
    button.click();
  }
}

const WORDS = {
  starting: () => "確かめています",
  elsewhere: () => "電話は別のタブで受けています",
  ringing: () => "着信中",
  talking: () => "通話中",
  acw: () => "後処理中",
  away: () => "離席中",
  ready: () => "準備完了",
  answered_elsewhere: () => "準備完了",
  offline: () => "退席中",
  off: () => "未接続",
};

function stateOf(as) {
  if (!as.server) return "starting";
  if (as.elsewhere) return "elsewhere";
  if (isRinging(as)) return "ringing";
  if (as.leg?.talking || as.server.activity === "on_call") return "talking";
  if (as.server.activity === "acw") return "acw";
  if (as.server.status === "offline") return "offline";
  if (as.server.status === "away") return "away";
  if (as.line === "elsewhere") return "answered_elsewhere";
  return ["ready", "unstable"].includes(as.line) ? "ready" : "off";
}

function isRinging(as) {
  if (as.leg) return !as.leg.talking;
  return as.line === "elsewhere" && as.server?.activity === "ringing" && as.server.call?.rings === true;
}

function noteOf(as) {
  const { server } = as;
  if (!server) return "";
  const notes = [standing(as)];
  if (isRinging(as) || server.activity === "ringing") notes.push(whoCalls(server.call));
  else if (server.advice) notes.push(server.advice);
  if (as.line === "elsewhere" && !as.elsewhere) notes.push("電話は、ほかの電話機で受けます");
  else if (as.line === "unstable") notes.push("音声が途切れました。つなぎ直しています");
  else if (as.line === "lost" && server.status !== "offline") notes.push("電話をつなぎ直しています");
  else if (as.line === "connecting") notes.push("電話をつないでいます");
  return notes.filter(Boolean).join("　");
}

/** How she stands; in a call, for whom she works, and what comes after it where that was changed. */
function standing(as) {
  const { status, stands, next_status: next, call } = as.server;
  const state = stateOf(as);
  if (state === "offline") return "電話は鳴りません";
  if (state === "ringing") return next ? stands : "";
  if (!["talking", "acw"].includes(state)) return stands;
  return [call?.caller, (next || status !== "available") && stands].filter(Boolean).join("　");
}

function whoCalls(call) {
  if (!call) return "";
  return [call.from_words, call.topic].filter(Boolean).join("　");
}

function minutes(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}分${String(whole % 60).padStart(2, "0")}秒`;
}

/** Only what changes is written: a reader would say it again. */
function write(element, words) {
  if (element.textContent !== words) element.textContent = words;
}
