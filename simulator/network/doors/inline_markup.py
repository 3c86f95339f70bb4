"""Markup that is given with a REST request instead of an address."""

from simulator.network.documents import Unusable, Verb, read_markup
from simulator.network.doors.rest_errors import invalid
from simulator.network.exchange import Exchange

MOST_SIGNS = 4000
ADDRESSES = ("action", "waitUrl", "url", "statusCallback", "recordingStatusCallback")


def check_inline(exchange: Exchange, markup: str) -> str:
    """Return the markup.

    It has no address of its own, so that a relative one inside leads nowhere: a fault in the debugger.

    Raises:
        RestError: too long (32018). What is wrong inside is found when it is executed, as with an address.
    """
    if len(markup) > MOST_SIGNS:
        raise invalid(32018, f"Twiml is longer than {MOST_SIGNS} characters")
    try:
        verbs = read_markup(markup).verbs
    except Unusable:
        return markup
    for url in (url for verb in verbs for url in _relative(verb)):
        exchange.fault(None, 15004, f"a relative address in inline markup: {url}", url)
    return markup


def _relative(verb: Verb) -> list[str]:
    told = [verb.attributes[name] for name in ADDRESSES if verb.attributes.get(name)]
    told += [verb.text] if verb.name == "Redirect" else []
    wrong = [url for url in told if not url.startswith(("http://", "https://"))]
    return wrong + [url for child in verb.children for url in _relative(child)]
