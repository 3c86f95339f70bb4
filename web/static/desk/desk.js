/** What runs on every page of the desk. Without it, or before it has loaded, links and forms work as they are. */
import { keepDrafts } from "./drafts.js";
import { followInsideThePage } from "./navigation.js";
import { check } from "./ready.js";
import { answerTheTelephone } from "./softphone.js";

const bar = document.getElementById("softphone");

function checkIfAsked() {
  if (document.querySelector("[data-ready-check]")) check();
}

followInsideThePage();
if (bar) {
  keepDrafts(bar.dataset.identity);
  answerTheTelephone(bar);
  document.addEventListener("desk:arrived", checkIfAsked);
  checkIfAsked();
}
