// Shows the print buttons (they are hidden where scripts do not run) and lets them print.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
