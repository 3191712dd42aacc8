"""Event, payment and the intent that paid it, in one transaction."""

import json
import time

import boto3

from settings import SDK

EVENT_KEPT_SECONDS = 30 * 24 * 3600
CONFLICT_PAUSES = (0.020, 0.060, 0.150, 0.400)
LARGEST_BODY = 300 * 1024


def _item(kind, key):
    return {"pk": {"S": f"{kind}#{key}"}, "sk": {"S": "-"}, "kind": {"S": kind}}


class PaymentLog:
    def __init__(self, table):
        self._client = boto3.client("dynamodb", config=SDK)
        self._table = table

    def record(self, sale, now):
        """True if it is new; False if this event, or this sale by another event, was recorded before."""
        event = _item("EVENT", sale["event"]) | {
            "received_at": {"S": now.isoformat()},
            "sale": {"S": sale["key"]},
            "expires_at": {"N": str(int(now.timestamp()) + EVENT_KEPT_SECONDS)},
        }
        payment = _item("PAYMENT", sale["key"]) | {
            "data": {"S": json.dumps(sale, ensure_ascii=False)},
            "recorded_at": {"S": now.isoformat()},
        }
        writes = [
            self._put(event, "attribute_not_exists(pk) OR attribute_exists(parked_at)"),
            self._put(payment, "attribute_not_exists(pk)"),
        ]
        if sale["payment_intent"]:
            writes.append(self._put(_item("INTENT", sale["payment_intent"]) | {"sale": {"S": sale["key"]}}))
        for pause in CONFLICT_PAUSES:
            try:
                self._client.transact_write_items(TransactItems=writes)
                return True
            except self._client.exceptions.TransactionCanceledException as error:
                reasons = error.response.get("CancellationReasons", [])
                if any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons[:2]):
                    return self._put_if(payment, "attribute_exists(parked_at) AND attribute_not_exists(invoice)")
            time.sleep(pause)
        raise RuntimeError("another delivery of the same sale is still being recorded")

    def park(self, event_id, body, reason, now):
        """Keeps a genuine event that cannot be read, for a person."""
        event = _item("EVENT", event_id) | {
            "received_at": {"S": now.isoformat()},
            "parked_source": {"S": "payment-webhook"},
            "parked_reason": {"S": reason},
            "parked_at": {"S": now.isoformat()},
        }
        if len(body) <= LARGEST_BODY:
            event["body"] = {"S": body.decode()}
        return self._put_if(event, "attribute_not_exists(pk)")

    def _put(self, item, condition=None):
        put = {"TableName": self._table, "Item": item}
        if condition:
            put["ConditionExpression"] = condition
        return {"Put": put}

    def _put_if(self, item, condition):
        try:
            self._client.put_item(TableName=self._table, Item=item, ConditionExpression=condition)
            return True
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
