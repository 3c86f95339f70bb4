/**
 * The operator's telephone in the page: one contract, two drivers.
 *
 *   connect(options) -> Promise<Line>
 *
 *   options   driver "twilio" | "simulator"; token; identity; base (of the simulator); edges (of Twilio); and what is
 *             called when something happens:
 *     onState(state)        connecting · ready · lost (tries again by itself) · unstable (in a talk) · closed ·
 *                           token_expiring (the caller of this module fetches a token and hands it to updateToken)
 *     onIncoming({leg, from, parameters})   it rings; parameters is a plain object
 *     onCancel({leg})       it no longer rings: the caller hung up, somebody else took it, or it was declined
 *     onConnected({leg})    caller and operator hear each other
 *     onEnded({leg})        the talk is over, whoever hung up
 *     onError({code, message})   a sentence for the operator; a state follows by itself where there is one
 *   Line      accept() · decline() · mute(on) · hangUp() · disconnect() · updateToken(token)
 *
 * One call at a time. Verbs that come too late do nothing: the telephone has told, or is about to tell, what happened.
 */
const DRIVERS = {
  twilio: () => import("./line-twilio.js"),
  simulator: () => import("./line-simulator.js"),
};

export async function connect({ driver, ...options }) {
  const { connect: connectBy } = await DRIVERS[driver]();
  return connectBy(options);
}

/** Seconds to wait before the next try: 1, 2, 4 … 30, up to a quarter more, so that desks do not all come at once. */
export function backOff(tries) {
  return Math.min(30, 2 ** tries) * (1 + Math.random() / 4);
}
