"""Verifying and reading one Stripe event, over and over, with stripe-python."""

import hashlib
import hmac
import json
import sys
import time

from missing import needed
from timing import number, read, timed, usage

with needed():
    import stripe

LINE = "verify.py <n> <payload-file> <secret> <timestamp>"


def main(arguments):
    if len(arguments) != 4:
        usage(LINE)
    count, file, secret, at = arguments
    n, timestamp = number(count, LINE), number(at, LINE)
    body = read(file)
    signature = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    header = f"t={timestamp},v1={signature}"
    # The header's time is as old as the payload; the check is made all the same.
    tolerance = abs(int(time.time()) - timestamp) + 3600

    def once(_):
        return stripe.Webhook.construct_event(body, header, secret, tolerance)

    if not isinstance(once(0).id, str):
        raise SystemExit("the payload is no event")
    print(json.dumps(timed(n, once)))


if __name__ == "__main__":
    main(sys.argv[1:])
