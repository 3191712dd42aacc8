"""Stripe calls, a genuine sale is recorded, Stripe hears 200: the work of functions/payment-webhook with the official SDKs."""

import base64
import binascii
import json
import os
from datetime import datetime, timezone

from missing import needed
from runtime import run
from telemetry import count, log

with needed():
    import stripe
    from classify import classify
    from payments import PaymentLog
    from settings import required
    from stripe_secrets import SecretStore

SERVICE = "payment-webhook"
LONGEST_BODY = 1024 * 1024


def respond(status, result, reason=None):
    body = {"result": result} | ({"reason": reason} if reason else {})
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}


def refuse(request_id, reason):
    log("WARN", "rejected", request_id=request_id, reason=reason)
    return respond(400, "rejected", reason)


def verified(body, header, secrets):
    """The event if one of the secrets signed it."""
    forged = stripe.SignatureVerificationError("no secret", header)
    for secret in secrets:
        try:
            return stripe.Webhook.construct_event(body, header, secret)
        except stripe.SignatureVerificationError as error:
            forged = error
    raise forged


class Webhook:
    def __init__(self):
        self._livemode = os.environ.get("STRIPE_MODE") == "live"
        self._secrets = SecretStore(required("SECRETS_PREFIX"))
        self._payments = PaymentLog(required("BILLING_TABLE"))
        # Read while init runs at full speed; if it fails, the first request tries again and says why.
        try:
            self._secrets.current()
        except Exception:
            pass

    def __call__(self, request, request_id):
        body = (request.get("body") or "").encode()
        if request.get("isBase64Encoded"):
            try:
                body = base64.b64decode(body, validate=True)
            except binascii.Error:
                return refuse(request_id, "body_not_base64")
        if len(body) > LONGEST_BODY:
            return respond(413, "rejected", "body_too_large")
        headers = request.get("headers") or {}
        header = next((value for name, value in headers.items() if name.lower() == "stripe-signature"), None)
        try:
            try:
                event = verified(body, header, self._secrets.current().webhook)
            except stripe.SignatureVerificationError:
                # A secret may have been rotated.
                event = verified(body, header, self._secrets.renewed().webhook)
            return self._receive(event.to_dict(), body, request_id)
        except stripe.SignatureVerificationError:
            count(SERVICE, "SignatureRejected", 1)
            return refuse(request_id, "signature_mismatch")
        except (json.JSONDecodeError, UnicodeDecodeError):
            return refuse(request_id, "not_an_event")
        except Exception as error:
            log("ERROR", "to be delivered again", request_id=request_id, error=type(error).__name__)
            return respond(500, "retry", "unavailable")

    def _receive(self, event, body, request_id):
        kind, meaning = classify(event, self._livemode)
        if kind == "malformed":
            return refuse(request_id, meaning)
        if kind == "ignored":
            log("INFO", "ignored", request_id=request_id, event=event["id"], reason=meaning)
            return respond(200, "ignored", meaning)
        now = datetime.now(timezone.utc)
        if kind == "unreadable":
            self._payments.park(event["id"], body, meaning, now)
            count(SERVICE, "Parked", 1)
            return respond(200, "parked", "object_unreadable")
        fields = {"request_id": request_id, "event": event["id"], "payment": meaning["key"]}
        if not self._payments.record(meaning, now):
            log("INFO", "recorded before", **fields)
            return respond(200, "recorded_before")
        count(SERVICE, "PaymentRecorded", 1)
        log("INFO", "payment recorded", **fields)
        return respond(200, "recorded")


if __name__ == "__main__":
    run(Webhook)
