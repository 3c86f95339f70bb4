"""From which network address a request really came."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from flask import Request

Networks = tuple[IPv4Network | IPv6Network, ...]


def source_of(request: Request, trusted_proxies: Networks) -> str:
    """Return the nearest address that is not one of our own proxies.

    X-Forwarded-For is read from the right and only as far as trusted proxies wrote it: whatever a client put there
    itself counts for nothing.
    """
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    address = request.remote_addr or "unknown"
    while hops and _is_trusted(address, trusted_proxies):
        address = hops.pop()
    return address


def _is_trusted(address: str, trusted_proxies: Networks) -> bool:
    try:
        found: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in trusted_proxies)
