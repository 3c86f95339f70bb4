"""What the frame of every staff page shows: where its reader may go, who she is, and the way out."""

from collections.abc import Sequence
from typing import Any

from flask import current_app, g, request, url_for

from booking_core.staff.roles import may
from web.staff_access import StaffDoor, signed_in


def staff_frame(door: StaffDoor, places: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return what the layouts take, for a blueprint's `context_processor`.

    Args:
        door: whose frame it is.
        places: (label, endpoint); a place is offered to whoever holds the permission that its view names.
    """
    shown: dict[str, Any] = {"layout": door.layout, "home_url": door.prefix}
    if "staff" not in g:
        return shown
    return shown | {
        "nav_items": [
            (label, url_for(endpoint), _is_here(endpoint, door)) for label, endpoint in places if may_open(endpoint)
        ],
        "signed_in_as": signed_in().display_name,
        "sign_out_url": url_for(f"{door.name}_access.leave"),
        "csrf_token": door.cookie.form_token(request),
    }


def may_open(endpoint: str) -> bool:
    """Tell whether the signed-in member of staff holds the permission that a view names."""
    permission = getattr(current_app.view_functions[endpoint], "permission", None)
    return permission is not None and may(signed_in().role, permission)


def _is_here(endpoint: str, door: StaffDoor) -> str | None:
    """Return `page` for the very place, `true` for one the page belongs to: its address stands below the place's."""
    place = url_for(endpoint)
    if place == request.path:
        return "page"
    return "true" if place != door.prefix and request.path.startswith(place) else None
