/**
 * A part of a page that follows by itself is not replaced while something is held down: a button that is gone before it
 * is let go is not pressed, and whoever pressed it never learns. What was not shown then comes with the next answer.
 */
const WHOLE_PAGE = "main";
const isPrimary = (event) => !event.button; // keys have no button; a menu swallows the end of the others

let held = false;

for (const begin of ["pointerdown", "keydown"]) {
  addEventListener(begin, (event) => (held ||= isPrimary(event)), true);
}
for (const end of ["pointerup", "pointercancel", "keyup"]) {
  addEventListener(end, () => setTimeout(() => (held = false)), true); // after the click that it makes
}
addEventListener("blur", () => (held = false)); // what is let go in another window is not told here

document.addEventListener("htmx:beforeSwap", (event) => {
  if (held && event.detail.target.id !== WHOLE_PAGE) event.preventDefault();
});
