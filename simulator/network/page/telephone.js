// The visitor's telephone: places a call, follows what happens in it, speaks the prompts, presses keys.

import { show, clear } from "./traffic.js";
import { say, hush } from "./voice.js";

const LONGEST_CALL_SECONDS = 4 * 3600;
const LIST_EVERY_MS = 3000;

const STATES = {
  dialling: ["かけています", "Dialling"],
  listening: ["案内を聞いています", "Listening"],
  queued: ["列に並んでいます", "In the queue"],
  ringing_out: ["担当者を呼び出しています", "The operator's telephone rings"],
  connected: ["通話中です（声は聞こえません）", "Connected (without sound)"],
  in_conference: ["会議の通話中です", "In a conference"],
  ended: ["電話が切れました", "The call has ended"],
};

const element = (id) => document.getElementById(id);
let own = null; // the visitor's call
let watching = null; // the stream of the call that is shown

async function post(path, told) {
  const headers = { "Content-Type": "application/json" };
  return fetch(`/simulator/${path}`, { method: "POST", headers, body: JSON.stringify(told) });
}

async function dial() {
  hush();
  const from = element("withheld").checked ? "anonymous" : element("number").value.trim();
  const answer = await post("calls", { from, script: [], patience_seconds: LONGEST_CALL_SECONDS });
  own = (await answer.json()).sid;
  element("heard").replaceChildren();
  enable(true);
  watch(own);
  await list();
  element("watched").value = own;
}

function enable(calling) {
  element("dial").disabled = calling;
  element("hang-up").disabled = !calling;
  for (const key of document.querySelectorAll("[data-key]")) key.disabled = !calling;
}

function hangUp() {
  if (own) post(`calls/${own}/hang-up`, {});
  hush();
}

function press(key) {
  if (!own) return;
  hush();
  post(`calls/${own}/press`, { keys: key });
}

function tell(words, english) {
  element("state").textContent = words;
  element("state-en").textContent = english;
}

function follow(entry) {
  show(entry);
  if (entry.call !== own) return;
  if (entry.kind === "heard") hear(entry);
  if (entry.kind === "pressed") note(`［${entry.key}］`, "pressed");
  if (entry.kind === "place") stand(entry);
}

function hear(entry) {
  note(entry.text, "");
  if (entry.verb === "Say" && element("aloud").checked) say(entry.text, entry.language || "ja-JP");
}

function stand(entry) {
  const [words, english] = STATES[entry.place];
  const place = entry.position ? `（${entry.position}番目）` : "";
  tell(words + place, english + (entry.position ? `, position ${entry.position}` : ""));
  if (entry.place === "connected") hush();
  if (entry.place === "ended") {
    own = null;
    enable(false);
  }
}

function note(words, look) {
  const line = document.createElement("p");
  line.textContent = words;
  if (look) line.className = look;
  element("heard").append(line);
  element("heard").scrollTop = element("heard").scrollHeight;
}

function watch(sid) {
  watching?.close();
  clear();
  if (!sid) return;
  watching = new EventSource(`/simulator/calls/${sid}/events`);
  const kinds = ["status", "heard", "pressed", "request", "answer", "place", "met", "fault", "redirected", "spoke",
    "put_down", "muted", "conference"];
  for (const kind of kinds) watching.addEventListener(kind, (event) => follow(JSON.parse(event.data)));
  watching.addEventListener("closed", () => watching.close());
}

async function list() {
  const { calls } = await (await fetch("/simulator/calls?last=50")).json();
  const chosen = element("watched").value;
  const shown = calls.reverse().map((call) => {
    const state = STATES[call.place] ? STATES[call.place][0] : call.place;
    return new Option(`${call.from || "非通知"} → ${call.to}　${state}`, call.sid, false, call.sid === chosen);
  });
  element("watched").replaceChildren(new Option("なし None", ""), ...shown);
  element("watched").value = chosen;
}

element("dial").addEventListener("click", dial);
element("hang-up").addEventListener("click", hangUp);
element("keypad").addEventListener("click", (event) => event.target.dataset.key && press(event.target.dataset.key));
element("watched").addEventListener("change", (event) => watch(event.target.value));
element("aloud").addEventListener("change", hush);
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input[type=text], select");
  if (!typing && !event.ctrlKey && !event.metaKey && /^[0-9*#]$/.test(event.key)) press(event.key);
});
for (const actor of document.querySelectorAll("[data-number]")) {
  actor.addEventListener("click", async () => {
    await post("calls", { from: actor.dataset.number });
    await list();
  });
}
addEventListener("pagehide", () => {
  if (own) navigator.sendBeacon(`/simulator/calls/${own}/hang-up`, new Blob(["{}"], { type: "application/json" }));
});
setInterval(list, LIST_EVERY_MS);
list();
