/**
 * Links and forms of the desk change the main part of the page and leave the telephone in its bar alone: a reload would
 * cut the talk. htmx does it (hx-boost on the body); here stands what a browser otherwise does by itself: where the
 * focus goes, which menu entry is current, and what becomes of answers that are no page of the desk.
 *
 * Fires `desk:arrived` on the document whenever another page is shown in the main part.
 */
const PREFIX = "/desk/";
const SESSION_ENDED = 401;
const main = () => document.getElementById("main");

let talking = false;
let pagesUnderway = 0;

/** While somebody talks no page is left, whatever the server says. */
export function stayOnThePage(yes) {
  talking = yes;
}

export function followInsideThePage() {
  document.addEventListener("htmx:beforeSwap", onAnswer);
  document.addEventListener("htmx:beforeHistoryUpdate", onHistory);
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "main") arrive();
  });
  document.addEventListener("htmx:historyRestore", arrive);
  document.addEventListener("htmx:historyCacheMissLoadError", () => leaveFor(location.href));
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target?.id !== "main") return;
    pagesUnderway += 1;
    say("");
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.target?.id === "main") pagesUnderway -= 1;
  });
  for (const failure of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(failure, (event) => {
      if (event.detail.target?.id === "main") {
        say("通信できませんでした。入力した内容はそのままです。もう一度お試しください。");
      }
    });
  }
}

/** Open an address in the main part, as if a link to it had been pressed. */
export function open(url) {
  globalThis.htmx.ajax("GET", url, { target: "#main", select: "#main", swap: "outerHTML", push: "true" });
}

export function signInAgain() {
  if (talking) {
    say("ログインの期限が切れました。電話が終わったら、画面を開き直してログインしてください。");
  } else {
    leaveFor(`${PREFIX}sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
}

function onAnswer(event) {
  const { xhr, target } = event.detail;
  if (xhr.status === SESSION_ENDED) {
    event.preventDefault();
    signInAgain();
  } else if (target.id !== "main") {
    // A part that follows by itself keeps what it showed last, also while a form in it is on its way: htmx reads how to
    // show the answer off the form, which must still be in the page then.
    event.detail.shouldSwap = xhr.status < 400 && pagesUnderway <= 0;
  } else if (!isPageOfTheDesk(xhr)) {
    event.preventDefault();
    if (xhr.status < 400) leaveFor(xhr.responseURL);
    else say("サーバーから正しい答えがありませんでした。少し待って、もう一度お試しください。");
  }
}

function isPageOfTheDesk(xhr) {
  return new URL(xhr.responseURL).pathname.startsWith(PREFIX) && /<main[^>]*\sid="main"/.test(xhr.response);
}

/** A refused form has no address of its own: reloading shows the page that the form stood on. */
function onHistory(event) {
  const { history, pathInfo, requestConfig } = event.detail;
  const refused = requestConfig.verb !== "get" && pathInfo.responsePath === pathInfo.requestPath;
  const here = location.pathname + location.search;
  if (refused || history.path === here) {
    history.type = "replace";
    history.path = here;
  }
}

function arrive() {
  for (const link of document.querySelectorAll(".door-nav__link")) {
    if (link.pathname === location.pathname) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  focusWhereItBegins();
  document.dispatchEvent(new CustomEvent("desk:arrived"));
}

/** The list of what is wrong has the focus already; else what comes next in the call; else the page's heading. */
function focusWhereItBegins() {
  if (main().querySelector("[autofocus]")?.contains(document.activeElement)) return;
  const next = main().querySelector("[data-next]");
  const place = next ?? main().querySelector("h1");
  place.tabIndex = -1;
  place.focus({ preventScroll: true });
  scrollTo(0, 0);
  if (next) showWhole(next.closest("section") ?? next);
}

/** Scroll as little as shows the whole part; one that is higher than the window begins at its top. */
function showWhole(part) {
  part.scrollIntoView({ block: part.offsetHeight > innerHeight / 2 ? "start" : "nearest" });
}

function leaveFor(url) {
  if (!talking) location.assign(url);
}

function say(words) {
  const place = document.getElementById("desk-alert");
  if (!place || place.textContent === words) return;
  place.textContent = words;
  place.hidden = !words;
}
