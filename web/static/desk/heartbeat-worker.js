/**
 * Asks how the operator stands and tells that her desk lives, for a page whose tab may be hidden: timers of hidden tabs
 * sleep, those of a worker do not.
 *
 *   in    {kind: "start", stateUrl, heartbeatUrl, csrfToken} · {kind: "alive", on} · {kind: "ask"} (at once)
 *   out   {kind: "state", state} · {kind: "signed_out"} · {kind: "silent"} (no answer) · {kind: "tick"} (each second)
 */
const BEAT_MS = 10_000;
const NEAR_MS = 2_000;
const FAR_MS = 4_000;
const SIGNED_OUT = 401;

let desk = null;
let alive = false;
let next = null;
let asking = false;
let again = false;

onmessage = ({ data }) => {
  if (data.kind === "start") {
    desk = data;
    setInterval(() => postMessage({ kind: "tick" }), 1000);
    setInterval(beat, BEAT_MS);
    ask();
  } else if (data.kind === "alive" && data.on !== alive) {
    alive = data.on;
    beat();
  } else if (data.kind === "ask") {
    ask();
  }
};

/** One question at a time; one that comes meanwhile is asked afterwards, for its answer may differ. */
async function ask() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  clearTimeout(next);
  const pace = await askOnce();
  asking = false;
  if (again) {
    again = false;
    ask();
  } else {
    next = setTimeout(ask, pace);
  }
}

async function askOnce() {
  try {
    const answer = await fetch(desk.stateUrl, { headers: { "HX-Request": "true" }, cache: "no-store" });
    if (answer.status === SIGNED_OUT) postMessage({ kind: "signed_out" });
    else if (!answer.ok) postMessage({ kind: "silent" });
    else return tell(await answer.json());
  } catch {
    postMessage({ kind: "silent" });
  }
  return FAR_MS;
}

function tell(state) {
  desk.csrfToken = state.csrf_token;
  postMessage({ kind: "state", state });
  return ["ringing", "on_call"].includes(state.activity) ? NEAR_MS : FAR_MS;
}

async function beat() {
  if (!alive) return;
  try {
    await fetch(desk.heartbeatUrl, { method: "POST", body: new URLSearchParams({ csrf_token: desk.csrfToken }) });
  } catch {
    // The next one comes in ten seconds; silence is told by the question above.
  }
}
