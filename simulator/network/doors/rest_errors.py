"""The REST interface's refusals, in the provider's shape."""

from flask import Response, jsonify


class RestError(Exception):
    """A request that is refused."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.status, self.code, self.message = status, code, message

    def as_response(self) -> Response:
        response = jsonify(
            code=self.code,
            message=self.message,
            more_info=f"https://www.twilio.com/docs/errors/{self.code}",
            status=self.status,
        )
        response.status_code = self.status
        return response


def not_found(path: str) -> RestError:
    return RestError(404, 20404, f"The requested resource {path} was not found")


def invalid(code: int, message: str) -> RestError:
    return RestError(400, code, message)
