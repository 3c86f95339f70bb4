/**
 * What the operator has typed or chosen and not sent yet, kept for this tab, so that neither a reload nor another page
 * loses it. One draft for each form of a call, named by its address; passwords and hidden fields are never kept.
 */
const OF_CALLS = "/desk/calls/";
const KEPT = "input:not([type=password]):not([type=hidden]):not([type=submit]):not([type=file]), select, textarea";

let prefix = "";

export function keepDrafts(identity) {
  prefix = `draft:${identity}:`;
  forgetOthers();
  document.addEventListener("input", remember);
  document.addEventListener("change", remember);
  document.addEventListener("submit", (event) => {
    if (event.target.matches(".sign-out")) forget("");
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { requestConfig, pathInfo, xhr } = event.detail;
    if (requestConfig?.verb === "post" && xhr.status < 400) taken(pathInfo.requestPath);
  });
  document.addEventListener("desk:arrived", restore);
  restore();
}

/** Whether somebody is in the middle of a form: in one of its fields, or with something changed in it. */
export function isTyping() {
  const main = document.getElementById("main");
  const here = document.activeElement;
  if (main.contains(here) && here.matches(KEPT) && here.type !== "radio") return true;
  return [...main.querySelectorAll(KEPT)].some(isChanged);
}

function isChanged(field) {
  if (field.type === "radio" || field.type === "checkbox") return field.checked !== field.defaultChecked;
  if (field.matches("select")) return [...field.options].some((each) => each.selected !== each.defaultSelected && each.value);
  return field.value !== field.defaultValue;
}

function remember({ target }) {
  const form = target.form;
  if (!form || !isKept(form) || !target.matches(KEPT)) return;
  const draft = {};
  for (const field of form.querySelectorAll(KEPT)) {
    if (field.type !== "radio" || field.checked) draft[field.name] = field.value;
  }
  sessionStorage.setItem(nameOf(form), JSON.stringify(draft));
}

function restore() {
  for (const form of document.querySelectorAll("#main form")) {
    if (!isKept(form)) continue;
    const draft = JSON.parse(sessionStorage.getItem(nameOf(form)) ?? "{}");
    for (const field of form.querySelectorAll(KEPT)) {
      if (field.name in draft) fill(field, draft[field.name]);
    }
  }
}

function fill(field, value) {
  if (field.type === "radio") field.checked = field.value === value;
  else field.value = value;
}

function isKept(form) {
  return form.method === "post" && new URL(form.action).pathname.startsWith(OF_CALLS);
}

function nameOf(form) {
  return prefix + new URL(form.action).pathname;
}

/** A form that was taken needs no draft; with a closed call nothing of that call does. */
function taken(path) {
  const closed = path.match(/^(\/desk\/calls\/\d+\/)close$/);
  if (closed) forget(closed[1]);
  else sessionStorage.removeItem(prefix + path);
}

function forget(beginning) {
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(prefix + beginning)) sessionStorage.removeItem(key);
  }
}

/** Whoever signs in after somebody else in this tab finds nothing of hers. */
function forgetOthers() {
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith("draft:") && !key.startsWith(prefix)) sessionStorage.removeItem(key);
  }
}
