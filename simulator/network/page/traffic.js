// Requests and answers of the call that is looked at, as they happen.

const place = document.getElementById("traffic");
const requests = new Map();

export function clear() {
  requests.clear();
  place.replaceChildren();
}

export function show(entry) {
  if (entry.kind === "request") place.append(opened(entry));
  else if (entry.kind === "answer") answered(entry);
  else if (entry.kind === "fault") place.append(line(`${entry.code} ${entry.message}`, "fault"));
  else if (entry.kind === "status") place.append(line(`状態 Status: ${entry.status}`, ""));
  place.scrollTop = place.scrollHeight;
}

function opened(entry) {
  const whole = document.createElement("details");
  const summary = document.createElement("summary");
  const address = new URL(entry.url);
  summary.textContent = `${time(entry)} ${entry.method} ${address.pathname}${address.search}`;
  whole.append(summary, block(written(entry.fields)));
  requests.set(entry.number, whole);
  return whole;
}

// Fields with something in them, each on its line; the empty ones, which are sent and signed too, together.
function written(fields) {
  const entries = Object.entries(fields);
  const full = entries.filter(([, value]) => value).map(([name, value]) => `${name}: ${value}`);
  const empty = entries.filter(([, value]) => !value).map(([name]) => name);
  return [...full, ...(empty.length ? [`空 Empty: ${empty.join(" ")}`] : [])].join("\n");
}

function answered(entry) {
  const whole = requests.get(entry.number);
  if (!whole) return;
  const state = entry.status || "—";
  whole.firstChild.textContent += ` → ${state} (${entry.milliseconds} ms)`;
  if (entry.failure) whole.firstChild.className = "fault";
  if (entry.body) whole.append(block(entry.body));
}

function block(text) {
  const shown = document.createElement("pre");
  shown.textContent = text;
  return shown;
}

function line(text, look) {
  const shown = document.createElement("p");
  shown.textContent = text;
  if (look) shown.className = look;
  return shown;
}

function time(entry) {
  return new Date(entry.at).toLocaleTimeString("ja-JP");
}
