/** The ready check: each part says in a sentence whether it works, and what to do where it does not. */
import { playTone, unlock } from "./ring.js";

const HEARD_LEVEL = 0.05;
const LISTEN_MS = 10_000;
const TRIPS = 5;
const SLOW_MS = 300;
const NOT_ALLOWED = "NotAllowedError";
const NOT_FOUND = "NotFoundError";

const part = (name) => document.getElementById(`ready-${name}`);

export function check() {
  const panel = document.querySelector("[data-ready-check]");
  part("try-microphone").addEventListener("click", checkMicrophone);
  part("try-loudspeaker").addEventListener("click", soundTone);
  part("heard").addEventListener("click", () => judgeLoudspeaker(true));
  part("not-heard").addEventListener("click", () => judgeLoudspeaker(false));
  part("try-network").addEventListener("click", () => checkNetwork(panel.dataset.networkUrl));
  checkNetwork(panel.dataset.networkUrl);
  followLine(panel);
}

function say(name, good, words) {
  const place = part(name);
  place.textContent = good === null ? words : `${good ? "使えます" : "使えません"}　${words}`;
  place.dataset.good = String(good);
}

async function checkMicrophone() {
  if (!navigator.mediaDevices) {
    say("microphone", false, "このアドレスでは、ブラウザーがマイクを使わせません。httpsのアドレスで開いてください。");
    return;
  }
  say("microphone", null, "許可を求めています。ブラウザーの表示で「許可」を押してください。");
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    say("microphone", null, "何か話してください。");
    await listen(stream);
  } catch (error) {
    say("microphone", false, whyNoMicrophone(error.name));
  }
}

function whyNoMicrophone(name) {
  if (name === NOT_ALLOWED) {
    return "マイクが許可されていません。アドレス欄の左にある設定で「許可」にして、画面を開き直してください。";
  }
  if (name === NOT_FOUND) return "マイクが見つかりません。ヘッドセットをつないで、もう一度押してください。";
  return "マイクを開けません。ほかのソフトが使っていないかを確かめて、もう一度押してください。";
}

/** Show how loud it is until a voice was heard, for ten seconds at most. */
async function listen(stream) {
  await unlock();
  const context = new AudioContext();
  const analyser = new AnalyserNode(context);
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let loudest = 0;
  const judge = () => {
    clearInterval(timer);
    clearTimeout(end);
    stream.getTracks().forEach((track) => track.stop());
    context.close();
    const heard = loudest > HEARD_LEVEL;
    say("microphone", heard, heard ? "声が届いています。" : "声が届いていません。マイクの消音と音量を確かめてください。");
  };
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const level = Math.max(...samples.map(Math.abs));
    loudest = Math.max(loudest, level);
    if (part("level")) part("level").value = level;
    if (!part("level") || loudest > HEARD_LEVEL) judge();
  }, 100);
  const end = setTimeout(judge, LISTEN_MS);
}

async function soundTone() {
  await unlock();
  playTone();
  say("loudspeaker", null, "音を鳴らしました。聞こえましたか。");
  part("heard").hidden = false;
  part("not-heard").hidden = false;
}

function judgeLoudspeaker(heard) {
  const words = heard ? "音が聞こえました。" : "ヘッドセットが選ばれているか、パソコンの音量と消音を確かめてください。";
  say("loudspeaker", heard, words);
}

/** The middle of five round trips: one slow answer is nobody's fault. */
async function checkNetwork(url) {
  say("network", null, "確かめています。");
  const trips = [];
  try {
    for (let n = 0; n < TRIPS; n += 1) {
      const begin = performance.now();
      const answer = await fetch(url, { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.status);
      trips.push(performance.now() - begin);
    }
  } catch {
    say("network", false, "サーバーと通信できません。ネットワークのケーブルや無線を確かめてください。");
    return;
  }
  const typical = Math.round(trips.sort((a, b) => a - b)[Math.floor(TRIPS / 2)]);
  const slow = typical > SLOW_MS ? "遅いため、画面の切り替わりを待つことがあります。" : "";
  say("network", true, `応答は${typical}ミリ秒です。${slow}`);
}

/** Whether the telephone can be rung is known in the bar, which also connects it for as long as this page is shown. */
function followLine(panel) {
  if (panel.dataset.readyCheck === "none") {
    say("line", null, "電話は、ほかの電話機で受けます。この画面では鳴りません。");
    return;
  }
  const bar = document.getElementById("softphone");
  const show = () => {
    if (!document.contains(panel)) {
      watcher.disconnect();
    } else if (bar.dataset.state === "elsewhere") {
      say("line", null, "電話は、別のタブで受けています。");
    } else if (["ready", "unstable"].includes(bar.dataset.line)) {
      say("line", true, "電話がつながっています。");
    } else if (bar.dataset.line === "lost") {
      say("line", false, "電話につながりません。つなぎ直しています。続くときは、スーパーバイザーに伝えてください。");
    } else {
      say("line", null, "電話をつないでいます。");
    }
  };
  const watcher = new MutationObserver(show);
  watcher.observe(bar, { attributes: true, attributeFilter: ["data-state", "data-line"] });
  show();
}
