// The browser's own voice. Where it has none, the prompts can still be read.

export function say(text, language) {
  if (!("speechSynthesis" in window)) return;
  const words = new SpeechSynthesisUtterance(text);
  words.lang = language;
  speechSynthesis.speak(words);
}

export function hush() {
  if ("speechSynthesis" in window) speechSynthesis.cancel();
}
