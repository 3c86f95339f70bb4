"""Queues over REST: made, listed, resized, deleted; a waiting caller taken out of one."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from simulator.network.calls import Ask
from simulator.network.doors.rest_errors import invalid, not_found
from simulator.network.doors.rest_pages import page
from simulator.network.doors.rest_times import written
from simulator.network.exchange import Exchange
from simulator.network.grammar import is_url
from simulator.network.orders import send_elsewhere
from simulator.network.queues import LARGEST_SIZE, USUAL_SIZE, Member, Queue
from simulator.network.request_fields import API_VERSION
from simulator.network.verbs.enqueue import find_queue

LONGEST_NAME = 64
FRONT = "Front"


def add_queues(rest: Blueprint, exchange: Exchange) -> None:
    """Add the Queues resource and its members."""

    @rest.post("/Queues.json")
    def create_queue() -> tuple[Response, int]:
        name = _name()
        with exchange.entered():
            if find_queue(exchange, name):
                raise invalid(22003, f"A queue with the friendly name {name} exists already")
            queue = Queue(name, exchange.now(), _size(USUAL_SIZE))
            exchange.queues[queue.sid] = queue
            return jsonify(_queue_json(exchange, queue)), 201

    @rest.get("/Queues.json")
    def list_queues() -> Response:
        with exchange.entered():
            queues = list(exchange.queues.values())
            return page(queues, "queues", lambda queue: _queue_json(exchange, queue), lambda queue: queue.sid)

    @rest.get("/Queues/<sid>.json")
    def fetch_queue(sid: str) -> Response:
        with exchange.entered():
            return jsonify(_queue_json(exchange, _get(exchange, sid)))

    @rest.post("/Queues/<sid>.json")
    def update_queue(sid: str) -> Response:
        with exchange.entered():
            queue = _get(exchange, sid)
            queue.max_size = _size(queue.max_size)
            queue.name = _name() if "FriendlyName" in request.form else queue.name
            queue.changed_at = exchange.now()
            return jsonify(_queue_json(exchange, queue))

    @rest.delete("/Queues/<sid>.json")
    def delete_queue(sid: str) -> tuple[str, int]:
        with exchange.entered():
            if _get(exchange, sid).members:
                raise invalid(22001, "Queue not empty")
            del exchange.queues[sid]
            return "", 204

    _add_members(rest, exchange)


def _add_members(rest: Blueprint, exchange: Exchange) -> None:
    @rest.get("/Queues/<sid>/Members.json")
    def list_members(sid: str) -> Response:
        with exchange.entered():
            queue = _get(exchange, sid)
            members = list(queue.members)
            return page(
                members, "queue_members", lambda each: _member_json(exchange, queue, each), lambda each: each.call.sid
            )

    @rest.get("/Queues/<sid>/Members/<call_sid>.json")
    def fetch_member(sid: str, call_sid: str) -> Response:
        with exchange.entered():
            queue = _get(exchange, sid)
            return jsonify(_member_json(exchange, queue, _member(queue, call_sid)))

    @rest.post("/Queues/<sid>/Members/<call_sid>.json")
    def take_member(sid: str, call_sid: str) -> Response:
        url = request.form.get("Url", "")
        if not url or not is_url(url):
            raise invalid(21205, "Url parameter is required.")
        with exchange.entered():
            queue = _get(exchange, sid)
            member = _member(queue, call_sid)
            shown = _member_json(exchange, queue, member)
            # She leaves the queue at once: a second request for the same caller finds nobody.
            queue.leave(member)
            send_elsewhere(member.call, Ask(url, request.form.get("Method", "POST")))
            return jsonify(shown | {"position": 0})


def _get(exchange: Exchange, sid: str) -> Queue:
    queue = exchange.queues.get(sid)
    if queue is None:
        raise not_found(request.path)
    return queue


def _member(queue: Queue, call_sid: str) -> Member:
    for member in queue.members:
        if call_sid in {FRONT, member.call.sid}:
            return member
    raise not_found(request.path)


def _name() -> str:
    name = request.form.get("FriendlyName", "")
    if not 1 <= len(name) <= LONGEST_NAME:
        raise invalid(20002, "Invalid FriendlyName")
    return name


def _size(usual: int) -> int:
    told = request.form.get("MaxSize")
    if told is None:
        return usual
    if not told.isdecimal() or not 1 <= int(told) <= LARGEST_SIZE:
        raise invalid(20001, f"Invalid MaxSize: 1 to {LARGEST_SIZE}")
    return int(told)


def _queue_json(exchange: Exchange, queue: Queue) -> dict[str, Any]:
    uri = f"/{API_VERSION}/Accounts/{exchange.account.sid}/Queues/{queue.sid}"
    return {
        "account_sid": exchange.account.sid,
        "average_wait_time": queue.average_wait_seconds(exchange.now()),
        "current_size": len(queue.members),
        "date_created": written(queue.created_at),
        "date_updated": written(queue.changed_at or queue.created_at),
        "friendly_name": queue.name,
        "max_size": queue.max_size,
        "sid": queue.sid,
        "subresource_uris": {"members": f"{uri}/Members.json"},
        "uri": f"{uri}.json",
    }


def _member_json(exchange: Exchange, queue: Queue, member: Member) -> dict[str, Any]:
    return {
        "account_sid": exchange.account.sid,
        "call_sid": member.call.sid,
        "date_enqueued": written(member.enqueued_at),
        "position": queue.position(member),
        "queue_sid": queue.sid,
        "uri": f"/{API_VERSION}/Accounts/{exchange.account.sid}/Queues/{queue.sid}/Members/{member.call.sid}.json",
        "wait_time": member.wait_seconds(exchange.now()),
    }
