"""Names of things in the network: two letters that tell the kind, and 32 hexadecimal digits."""

import secrets

CALL, QUEUE, CONFERENCE, MESSAGE, RECORDING, REGISTRATION = "CA", "QU", "CF", "SM", "RE", "RG"


def new_sid(kind: str) -> str:
    return kind + secrets.token_hex(16)
