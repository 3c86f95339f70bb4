/** The ring tone: made, not played from a file. A browser lets it sound once somebody has pressed something. */

const HIGH = 480;
const LOW = 400;
const RING_SECONDS = 1;
const EVERY_MS = 3000;
const LOUDNESS = 0.25;

let context = null;
let timer = null;

/** Let the page be heard; call it while somebody presses a key or a button. */
export async function unlock() {
  context ??= new AudioContext();
  if (context.state === "suspended") await context.resume();
}

export function canBeHeard() {
  return context?.state === "running";
}

export function startRinging() {
  if (timer !== null) return;
  context ??= new AudioContext();
  ringOnce();
  timer = setInterval(ringOnce, EVERY_MS);
}

export function stopRinging() {
  clearInterval(timer);
  timer = null;
}

/** One tone on its own, for the check of the loudspeaker. */
export function playTone(seconds = RING_SECONDS) {
  const gain = new GainNode(context, { gain: LOUDNESS });
  gain.connect(context.destination);
  for (const frequency of [LOW, HIGH]) {
    const tone = new OscillatorNode(context, { frequency });
    tone.connect(gain);
    tone.start();
    tone.stop(context.currentTime + seconds);
  }
}

function ringOnce() {
  if (canBeHeard()) playTone();
}
