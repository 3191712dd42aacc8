"""The Lambda Runtime API, as an OS-only function speaks it: one kept-alive connection, one invocation at a time."""

import http.client
import json
import os
import sys
from urllib.parse import urlsplit


def _address():
    told = os.environ.get("AWS_LAMBDA_RUNTIME_API")
    if not told:
        print(
            "AWS_LAMBDA_RUNTIME_API is not set: this program is started by Lambda, or by what stands in for it",
            file=sys.stderr,
        )
        sys.exit(2)
    # Lambda's own value has no scheme; a stand-in may put a scheme and a path in front.
    url = urlsplit(told if "://" in told else f"http://{told}")
    return url.hostname, url.port or 80, f"{url.path.rstrip('/')}/2018-06-01/runtime"


def _described(error):
    return json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)}).encode()


def run(init):
    """Runs `init` once, then its handler, `(event, request_id) -> answer`, for every invocation, until the API goes away."""
    host, port, base = _address()
    connection = http.client.HTTPConnection(host, port)

    def call(method, path, body=None):
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            connection.request(method, base + path, body, headers)
            response = connection.getresponse()
            return response, response.read()
        except (OSError, http.client.HTTPException):
            sys.exit(0)

    try:
        handler = init()
    except Exception as error:
        print(_described(error).decode(), file=sys.stderr)
        call("POST", "/init/error", _described(error))
        sys.exit(1)
    while True:
        response, body = call("GET", "/invocation/next")
        if response.status != 200:
            sys.exit(0)
        request_id = response.headers["lambda-runtime-aws-request-id"]
        try:
            answer = json.dumps(handler(json.loads(body), request_id)).encode()
        except Exception as error:
            call("POST", f"/invocation/{request_id}/error", _described(error))
        else:
            call("POST", f"/invocation/{request_id}/response", answer)
