"""What a `checkout.session.completed` event means: a sale, nothing to us, or something a person has to look at."""

import re
from datetime import datetime, timezone

TYPES = {"checkout.session.completed", "checkout.session.async_payment_succeeded"}
_ID = re.compile(r"[\x21-\x7e]{1,255}")
_ADDRESS = ("line1", "line2", "postal_code", "city", "state", "country")


def _is_id(value):
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _filled(text):
    return (text or "").strip() or None


def _id_of(reference):
    return reference.get("id") if isinstance(reference, dict) else reference


def _address(address):
    return {name: address.get(name) for name in _ADDRESS}


def _delivery(shipping):
    if not shipping or not shipping.get("address"):
        return None
    return {"name": _filled(shipping.get("name")), "address": _address(shipping["address"])}


def classify(event, livemode):
    """`("sale", sale)`, `("ignored", reason)`, `("unreadable", reason)` or `("malformed", reason)`."""
    if not _is_id(event.get("id")):
        return "malformed", "not_an_event"
    if event.get("type") not in TYPES:
        return "ignored", "type_unused"
    if bool(event.get("livemode")) != livemode:
        return "ignored", "wrong_mode"
    session = (event.get("data") or {}).get("object") or {}
    if not _is_id(session.get("id")):
        return "unreadable", "object_unreadable: data.object.id is empty or too long"
    if session.get("invoice") or session.get("mode") == "subscription":
        return "ignored", "billed_by_stripe_invoice"
    if session.get("mode") == "setup":
        return "ignored", "no_sale"
    if session.get("payment_status") == "unpaid":
        return "ignored", "unpaid"
    total = session.get("amount_total")
    if type(total) is not int:
        return "unreadable", "object_unreadable: data.object.amount_total is missing"
    if total == 0:
        return "ignored", "zero_amount"
    # Without a key for Stripe's API it is trusted that invoice.paid announces the invoice.
    if (session.get("invoice_creation") or {}).get("enabled"):
        return "ignored", "billed_by_stripe_invoice"
    return "sale", _sale(event, session, total)


def _sale(event, session, total):
    details = session.get("customer_details") or {}
    tax = (session.get("total_details") or {}).get("amount_tax")
    charged = [{"amount": tax, "included": False, "rate": None, "country": None, "reason": None}] if tax else []
    locale = session.get("locale")
    collected = (session.get("collected_information") or {}).get("shipping_details")
    return {
        "key": session["id"],
        "event": event["id"],
        "livemode": event["livemode"],
        "paid_at": datetime.fromtimestamp(event["created"], timezone.utc).isoformat(),
        "currency": session.get("currency") or "",
        "total": total,
        "tax": tax,
        # Stripe's API is not asked: one line stands for the total.
        "lines": [{"id": None, "description": "", "quantity": 1, "total": total, "discount": 0, "taxes": charged}],
        "customer": {
            "id": _id_of(session.get("customer")),
            "name": _filled(details.get("individual_name")) or _filled(details.get("name")),
            "business_name": _filled(details.get("business_name")),
            "email": _filled(details.get("email")) or _filled(session.get("customer_email")),
            "address": _address(details["address"]) if details.get("address") else None,
            "language": None if locale == "auto" else locale,
            "tax_ids": [
                {"kind": tax_id.get("type") or "", "value": tax_id["value"].strip()}
                for tax_id in details.get("tax_ids") or []
                if _filled(tax_id.get("value"))
            ],
        },
        "payment_intent": _id_of(session.get("payment_intent")),
        "reference": session.get("client_reference_id"),
        "delivery": _delivery(collected or session.get("shipping_details")),
        "received": None,
        "exchange": None,
    }
