"""Text messages over REST: recorded and told of, refused as the provider refuses them in Japan."""

import re
from typing import Any

from flask import Blueprint, Response, jsonify, request

from simulator.network.doors.rest_errors import RestError, invalid, not_found
from simulator.network.doors.rest_pages import page
from simulator.network.doors.rest_times import written
from simulator.network.exchange import Exchange
from simulator.network.messages import Message
from simulator.network.request_fields import API_VERSION

LONGEST_BODY = 1600
E164 = re.compile(r"\+[1-9]\d{7,14}")
JAPANESE_MOBILE = re.compile(r"\+81[6789]0\d{8}")
ALPHANUMERIC_SENDER = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")
SEGMENT_SIGNS, JOINED_SIGNS = 70, 67
SENT_AFTER_SECONDS, DELIVERED_AFTER_SECONDS = 1.0, 3.0


def add_messages(rest: Blueprint, exchange: Exchange) -> None:
    """Add the Messages resource."""

    @rest.post("/Messages.json")
    def create_message() -> tuple[Response, int]:
        form = request.form
        _check(exchange, form.get("To", ""), form.get("From", ""), form.get("Body", ""))
        with exchange.entered():
            service = form.get("MessagingServiceSid")
            message = Message(
                form["To"], form.get("From", ""), form["Body"], exchange.now(), "accepted" if service else "queued",
                service, form.get("StatusCallback", ""),
            )  # fmt: skip
            exchange.messages[message.sid] = message
            exchange.later(SENT_AFTER_SECONDS, lambda: _become(exchange, message, "sent"))
            exchange.later(DELIVERED_AFTER_SECONDS, lambda: _become(exchange, message, "delivered"))
            return jsonify(_as_json(exchange, message)), 201

    @rest.get("/Messages.json")
    def list_messages() -> Response:
        with exchange.entered():
            found = [
                message
                for message in reversed(exchange.messages.values())
                if request.args.get("To") in {None, message.to} and request.args.get("From") in {None, message.from_}
            ]
            return page(found, "messages", lambda each: _as_json(exchange, each), lambda each: each.sid)

    @rest.get("/Messages/<sid>.json")
    def fetch_message(sid: str) -> Response:
        with exchange.entered():
            if sid not in exchange.messages:
                raise not_found(request.path)
            return jsonify(_as_json(exchange, exchange.messages[sid]))


def _check(exchange: Exchange, to: str, from_: str, body: str) -> None:
    if not to:
        raise invalid(21604, "A 'To' phone number is required.")
    if not from_ and not request.form.get("MessagingServiceSid"):
        raise invalid(21603, "A 'From' phone number is required.")
    if not body:
        raise invalid(21602, "Message body is required.")
    if len(body) > LONGEST_BODY:
        raise invalid(21617, "The concatenated message body exceeds the 1600 character limit.")
    if not E164.fullmatch(to):
        raise invalid(21211, f"Invalid 'To' Phone Number: {to}")
    if not to.startswith("+81"):
        raise invalid(21408, f"Permission to send an SMS has not been enabled for the region of {to}")
    if not JAPANESE_MOBILE.fullmatch(to):
        raise invalid(21614, f"'To' number is not a valid mobile number: {to}")
    if to in exchange.opted_out:
        raise invalid(21610, "Attempt to send to unsubscribed recipient")
    _check_sender(exchange, from_)


def _check_sender(exchange: Exchange, from_: str) -> None:
    if not from_ or ALPHANUMERIC_SENDER.fullmatch(from_):
        return
    if from_ != exchange.account.number or not exchange.account.sms_capable:
        told = f"The 'From' phone number provided, {from_}, is not a valid, SMS-capable number of your account."
        raise RestError(400, 21606, told)


def _become(exchange: Exchange, message: Message, status: str) -> None:
    message.status = status
    if message.callback_url:
        fields = {
            "AccountSid": exchange.account.sid,
            "ApiVersion": API_VERSION,
            "From": message.from_,
            "MessageSid": message.sid,
            "MessageStatus": status,
            "SmsSid": message.sid,
            "SmsStatus": status,
            "To": message.to,
        }
        exchange.call_back(None, message.callback_url, "POST", fields)


def _as_json(exchange: Exchange, message: Message) -> dict[str, Any]:
    account = exchange.account.sid
    uri = f"/{API_VERSION}/Accounts/{account}/Messages/{message.sid}"
    signs = len(message.body)
    return {
        "account_sid": account,
        "api_version": API_VERSION,
        "body": message.body,
        "date_created": written(message.created_at),
        "date_sent": written(message.created_at) if message.status in {"sent", "delivered"} else None,
        "date_updated": written(message.created_at),
        "direction": "outbound-api",
        "error_code": message.error_code,
        "error_message": None,
        "from": message.from_ or None,
        "messaging_service_sid": message.service_sid,
        "num_media": "0",
        "num_segments": str(1 if signs <= SEGMENT_SIGNS else -(-signs // JOINED_SIGNS)),
        "price": None,
        "price_unit": "USD",
        "sid": message.sid,
        "status": message.status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": message.to,
        "uri": f"{uri}.json",
    }
